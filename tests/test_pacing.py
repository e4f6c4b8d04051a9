"""Reading again gives way to those who wait, by one rule; what is answered alone is answered with all of it."""

from __future__ import annotations

import pytest

from rag.config import Settings
from rag.search.pacing import Pace, share
from rag.service import Service
from tests.conftest import SEEDS, ToyEmbedder
from tests.test_search_oracles import Backwards

QUESTION = "工会干部怎样了解职工所思所想所盼？"


@pytest.mark.parametrize(
    ("people", "expected"),
    [(1, 20), (2, 20), (3, 20), (4, 15), (6, 10), (12, 5), (20, 3), (21, 2), (61, 0), (10_000, 0)],
)
def test_the_crowd_shares_what_three_would_have_had(people, expected):
    assert share(20, people, 3) == expected
    assert people <= 3 or people * share(20, people, 3) <= 3 * 20


def test_who_does_not_want_it_asks_for_many_or_for_none():
    assert share(20, 64, 64) == 20
    assert share(0, 1, 3) == share(0, 64, 3) == 0


@pytest.fixture
def reading(tmp_path, monkeypatch) -> tuple[Service, Backwards]:
    """The seeds, a toy embedder and a toy reranker that notes how much it was given; half a minute for a question."""
    reader = Backwards()
    monkeypatch.setattr("rag.service.load_reranker", lambda embedder: reader)
    service = Service(Settings(index=tmp_path / "index", latency_budget_ms=30_000), ToyEmbedder())
    service.ingest([SEEDS])
    return service, reader


def test_a_question_is_read_again_at_its_pace(reading):
    service, reader = reading
    alone = service.ask(QUESTION)
    service.ask(QUESTION, pace=Pace(rerank=7))
    none = service.ask(QUESTION, pace=Pace(rerank=2))
    service.search(QUESTION, 3, pace=Pace(rerank=4))
    service.search_passages(QUESTION, 3, pace=Pace(rerank=5))
    assert reader.asked == [20, 7, 4, 5]  # two are not worth it
    assert alone.timings.rerank > 0 and none.timings.rerank == 0
    assert (none.answerable, none.confidence) == (alone.answerable, alone.confidence)
    assert "rerank" in alone.excerpts[0].stages and all("rerank" not in one.stages for one in none.excerpts)


def test_the_wait_counts_against_the_time_for_a_question(reading):
    service, reader = reading
    service.ask(QUESTION, pace=Pace(waited_ms=29_970))  # 30 ms are left, of which the search takes some
    service.ask(QUESTION, pace=Pace(waited_ms=40_000))
    assert all(count < 7 for count in reader.asked) and len(reader.asked) <= 1
    service.ask(QUESTION, pace=Pace(waited_ms=1000))
    assert reader.asked[-1] == 20
