"""What the reranker is given, and what becomes of its scores: the real reranker on a model whose cosines can be counted."""

from __future__ import annotations

import numpy as np
import pytest

from rag.service import Service
from tests.conftest import ToyEmbedder
from tests.oracles import plain
from tests.oracles.letters import LettersEmbedder, shared

QUESTIONS = ("b2m k7r h5q", "g7m d3n f2p k2m")


@pytest.fixture
def reading(coded: Service) -> Service:
    """The collection of codes, searched with the toy transformer."""
    return Service(coded.settings, LettersEmbedder())


def best_window(question: str, passage) -> str:
    """The text of the passage's window that is nearest to the centred question."""
    query = plain.centred(ToyEmbedder(), question)
    _, windows = plain.cosines(ToyEmbedder(), query, passage)
    return plain.read_without_cuts(passage, *max(windows, key=windows.get))


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_best_window_of_each_of_the_first_twenty_is_read_with_the_question(reading, question):
    hits = reading.search_passages(question, 40)
    by_fusion = sorted(hits, key=lambda hit: -hit.stages["fused"])
    assert [("rerank" in hit.stages) for hit in by_fusion] == [True] * 20 + [False] * 20
    own = plain.code_words(question)
    for hit in by_fusion[:20]:
        expected = shared(own, plain.code_words(best_window(question, hit.passage)))
        assert hit.stages["rerank"] == pytest.approx(expected, abs=1e-5)
    assert len({hit.stages["rerank"] for hit in by_fusion[:20]}) > 1  # or nothing was compared


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_final_score_is_three_parts_fusion_and_one_part_reranker(reading, question):
    hits = reading.search_passages(question, 40)
    by_fusion = sorted(hits, key=lambda hit: -hit.stages["fused"])
    again, rest = by_fusion[:20], by_fusion[20:]
    fused, own = (np.array([hit.stages[name] for hit in again]) for name in ("fused", "rerank"))
    both = 0.75 * plain.standard(fused, fused) + 0.25 * plain.standard(own, own)
    np.testing.assert_allclose([hit.score for hit in again], fused.mean() + fused.std() * both, atol=1e-3)
    assert [hit.passage for hit in hits[20:]] == [hit.passage for hit in rest]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert [hit.passage for hit in hits[:20]] != [
        hit.passage for hit in again
    ]  # it changes the order, or proves nothing


def test_question_and_passages_are_read_behind_their_own_prompts(reading):
    question = QUESTIONS[0]
    texts = reading.embedder.model.tokenizer.texts
    hits = reading.search_passages(question, 20)
    assert texts[0] == f"query: {question}" and sum(text.startswith("query: ") for text in texts) == 1
    assert sorted(texts[1:]) == sorted(f"passage: {best_window(question, hit.passage)}" for hit in hits)


def test_reading_again_changes_no_confidence(reading, coded):
    for question in QUESTIONS:
        assert reading.ask(question).confidence == coded.ask(question).confidence


def test_reading_again_can_be_switched_off(reading):
    plain_one = Service(reading.settings.model_copy(update={"rerank_candidates": 0}), reading.embedder)
    assert all("rerank" not in hit.stages for hit in plain_one.search_passages(QUESTIONS[0], 5))
    assert reading.embedder.model.tokenizer.texts == []
