"""The reader's place in a question's way: order, decision, highlight, and the nearest places where nothing answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.config import Settings
from rag.datamodels import Passage
from rag.errors import ModelError
from rag.models.reader import Decision, EvidenceReader, Finding, Source
from rag.search.answering import to_json
from rag.search.evidence import signals_of
from rag.search.pacing import NO_RERANKING
from rag.service import Service
from rag.text.spans import mend, source_span
from tests.conftest import ToyEmbedder
from tests.searching import ranked

PAGES = {
    "a.txt": "食堂管理办法。食堂的早餐自七点开始。食堂的采购由后勤科负责。",
    "b.txt": "食堂开放办法。食堂的开放由工会决定。食堂的晚餐暗号在此处写明。",
    "c.txt": "食堂卫生办法。食堂的卫生每周检查。食堂的检查由医务室负责。",
    "d.txt": "食堂补贴办法。食堂的补贴按月发放。食堂的发放由财务科负责。",
}


class CodewordReader:
    """Finds an answer where the passage holds a word, and nowhere else."""

    identity, cost_ms = "codeword@1", 1.0
    decision = Decision({"answer": 1.0}, 0.0, 0.5)

    def __init__(self, word: str) -> None:
        self.word, self.seen = word, []

    def read(self, question: str, sources: Sequence[Source]) -> tuple[Finding, ...]:
        self.seen.append((question, [source.text for source in sources]))
        return tuple(self._finding(source.text) for source in sources)

    def _finding(self, text: str) -> Finding:
        at = text.find(self.word)
        return Finding(-4.0, -4.0, 0, 0) if at < 0 else Finding(4.0, 4.0, at, at + len(self.word))


@pytest.fixture
def canteen(tmp_path: Path):
    """A function from a reader to a service on four documents about one canteen."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name, text in PAGES.items():
        (folder / name).write_text(text, encoding="utf-8")

    def make(reader: CodewordReader | None, **settings: object) -> Service:
        service = Service(Settings(index=tmp_path / "index", **settings), ToyEmbedder(), reader)
        service.ingest([folder])
        return service

    return make


def test_what_the_reader_finds_comes_first_and_its_sentence_is_marked(canteen):
    searched = canteen(None).ask("食堂的卫生", top_k=4)
    assert searched.excerpts[0].doc_id == "c.txt" and "reader" not in searched.excerpts[0].stages
    last = searched.excerpts[-1].doc_id
    word = PAGES[last][-6:-1]
    answer = canteen(CodewordReader(word), lexical_weight=1.0).ask("食堂的办法", top_k=4)
    assert answer.answerable and answer.excerpts[0].doc_id == last
    assert answer.excerpts[0].stages["reader"] == 4.0
    ((start, end),) = answer.excerpts[0].highlights
    assert PAGES[last][start:end] == PAGES[last].split("。")[2] + "。"


def test_the_reader_is_given_the_question_and_the_first_passages(canteen):
    reader = CodewordReader("暗号")
    service = canteen(reader)
    service.calibration()
    reader.seen.clear()
    service.ask("食堂的补贴由谁负责发放", top_k=1)
    (question, texts), *alone = reader.seen
    assert question == "食堂的补贴由谁负责发放" and set(texts) == set(PAGES.values())
    assert alone == [(question, [f"{sentence}。" for sentence in PAGES["d.txt"].split("。")[:-1]])]


def test_of_the_first_passage_the_surest_sentence_is_shown(canteen):
    """The span of the passage read whole says one sentence, the sentences read alone another: alone is what counts."""

    class Torn(CodewordReader):
        def _finding(self, text: str) -> Finding:
            alone = "。" not in text[:-1]
            return (
                Finding(3.0 if "早餐" in text or alone else -3.0, 2.0, 0, 2)
                if not alone or "采购" in text
                else Finding(0.5, 0, 0, 0)
            )

    ((start, end),) = canteen(Torn("")).ask("食堂的事由谁负责", top_k=1).excerpts[0].highlights
    assert PAGES["a.txt"][start:end] == "食堂的采购由后勤科负责。"


def test_where_nothing_answers_the_nearest_places_are_shown_as_such(canteen):
    answer = canteen(CodewordReader("没有的词")).ask("食堂的补贴由谁负责发放")
    found = to_json(answer)
    assert not answer.answerable and found["excerpts"] == []
    assert found["nearest"][0]["doc"] == "d.txt" and len(found["nearest"]) <= 3
    assert all(PAGES[one["doc"]][one["start"] : one["end"]] == one["text"] for one in found["nearest"])


def test_nothing_is_near_to_a_foreign_question_and_an_answer_has_no_nearest(canteen):
    service = canteen(CodewordReader("没有的词"))
    assert to_json(service.ask("拿铁咖啡怎么拉花"))["nearest"] == []
    assert "nearest" not in to_json(canteen(CodewordReader("暗号")).ask("食堂的补贴由谁负责发放"))


def test_whether_there_is_an_answer_does_not_hang_on_the_pace(canteen):
    service = canteen(CodewordReader("暗号"), latency_budget_ms=0.001)
    calm, hurried = (signals_of(ranked(service, "食堂的补贴", reader=service.reader, **given))
                     for given in ({}, {"pace": NO_RERANKING}))  # fmt: skip
    assert calm == hurried and calm.answer == 4.0


class Lengths(CodewordReader):
    """As sure of a passage as it is long, so that no two are alike."""

    def _finding(self, text: str) -> Finding:
        return Finding(float(len(text)), 0.0, 0, 0)


def test_the_order_is_half_the_searches_and_half_the_reader(canteen):
    """Over what is read: mean + deviation of the fused scores, times half z(z(fused) + z(dense)) and half z(reader)."""

    def z(values):
        return (np.array(values) - np.mean(values)) / np.std(values)

    service = canteen(Lengths(""), lexical_weight=0.4)
    by_id = {hit.passage.passage_id: hit for hit in ranked(service, "食堂的卫生", 4, reader=service.reader).hits}
    fused, dense, own = ([hit.stages[name] for hit in by_id.values()] for name in ("fused", "dense", "reader"))
    assert own == [float(len(hit.passage.text)) for hit in by_id.values()] and len(by_id) == 4
    expected = np.mean(fused) + np.std(fused) * (0.5 * z(z(fused) + z(dense)) + 0.5 * z(own))
    np.testing.assert_allclose([hit.score for hit in by_id.values()], expected, rtol=1e-4)


def test_the_reader_can_be_left_out(canteen):
    reader = CodewordReader("暗号")
    service = canteen(reader, reader_candidates=0)
    assert "reader" not in service.ask("食堂的补贴由谁负责发放").excerpts[0].stages
    assert not reader.seen


@given(st.text("甲乙丙丁\n", min_size=4, max_size=30), st.data())
def test_a_span_of_a_passage_is_found_in_its_source(text, data):
    cut = sorted(data.draw(st.sets(st.integers(1, len(text) - 1), min_size=2, max_size=2)))
    start = data.draw(st.integers(0, 5))
    source = "前" * start + text
    cuts = ((start + cut[0], start + cut[1]),)
    passage = Passage("p", "d", 0, start, len(source), mend(source, start, len(source), cuts), cuts=cuts)
    a = data.draw(st.integers(0, len(passage.text) - 1))
    b = data.draw(st.integers(a + 1, len(passage.text)))
    low, high = source_span(passage, a, b)
    assert mend(source, low, high, cuts) == passage.text[a:b]
    assert source[low] == passage.text[a] and source[high - 1] == passage.text[b - 1]


def test_a_folder_without_a_reader_is_named(model_service, tmp_path):
    with pytest.raises(ModelError, match=str(tmp_path)):
        EvidenceReader(model_service.embedder, tmp_path)
