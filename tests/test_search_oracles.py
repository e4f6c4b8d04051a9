"""FAISS is numpy's brute force, BM25 is the formula, and reading again does with the time that is left.

What every stage of a search gives a passage is worked out in tests/oracles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import IndexUnusable
from rag.index.dense import DenseIndex
from rag.index.lexical import LexicalIndex
from rag.models.loaded import Models
from rag.models.reader import Decision, Finding
from rag.search import calibration
from rag.search.evidence import SIGNALS, UNREAD, Calibration, signals_of
from rag.search.records import Ranking
from rag.search.stages.dense import dense_scores
from rag.search.stages.rerank import blended
from tests.conftest import ToyEmbedder
from tests.oracles.plain import bm25
from tests.searching import ranked


class Undecided:
    """A reader whose decision alone matters here."""

    identity, cost_ms = "undecided@1", 1.0
    decision = Decision({"answer": 1.0}, 0.0, 0.5)

    def read(self, question, sources) -> tuple[Finding, ...]:
        return ()


def unit(rng: np.random.Generator, *shape: int) -> np.ndarray:
    vectors = rng.normal(size=shape).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 80), st.integers(1, 100), st.integers(0, 2**32 - 1))
def test_faiss_is_brute_force(rows, top_k, seed):
    rng = np.random.default_rng(seed)
    vectors, query = unit(rng, rows, 16), unit(rng, 16)
    found, scores = DenseIndex.build(vectors).search(query, top_k)
    expected = np.argsort(-(vectors @ query), kind="stable")[:top_k]
    assert len(found) == min(rows, top_k)
    np.testing.assert_allclose(scores, (vectors @ query)[expected], atol=1e-5)
    np.testing.assert_allclose((vectors @ query)[found], scores, atol=1e-5)


def test_faiss_filters_before_it_cuts():
    rng = np.random.default_rng(1)
    vectors, query = unit(rng, 50, 8), unit(rng, 8)
    allowed = np.array([3, 17, 30])
    found, _ = DenseIndex.build(vectors).search(query, 10, allowed)
    assert list(found) == list(allowed[np.argsort(-(vectors[allowed] @ query))])


def test_faiss_of_nothing_finds_nothing():
    index = DenseIndex.build(np.empty((0, 8), np.float32))
    assert len(index.search(np.ones(8, np.float32), 5)[0]) == 0


def test_a_truncated_index_file_is_named(tmp_path):
    path = tmp_path / "v.faiss"
    DenseIndex.build(unit(np.random.default_rng(0), 10, 8)).save(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(IndexUnusable, match=r"v\.faiss"):
        DenseIndex.load(path)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=8), min_size=1, max_size=8),
    st.lists(st.sampled_from("abcdefxyz"), max_size=6),
)
def test_bm25_is_the_formula(documents, query):
    np.testing.assert_allclose(LexicalIndex(documents).scores(query), bm25(query, documents), atol=1e-4)


def test_unknown_words_score_nothing():
    assert list(LexicalIndex([["a"], ["b"]]).scores(["zzz"])) == [0, 0]


def test_few_candidates_find_the_same_best(toy_service):
    for question in ("四同步四衔接", "政治安全是最大的安全", "核心价值观 稳定器"):
        few = ranked(toy_service, question, 1, candidates=20, lexical_weight=0.3)
        many = ranked(toy_service, question, 1, candidates=10_000, lexical_weight=0.3)
        assert few.hits[0].row == many.hits[0].row


class Backwards:
    """Likes best the texts that share the fewest characters with the question, and says how long a text takes it."""

    cost_ms = 5.0

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.texts: tuple[str, ...] = ()

    def scores(self, question: str, texts: Sequence[str]) -> np.ndarray:
        self.asked.append(len(texts))
        self.texts = tuple(texts)
        return np.array([sum(char not in question for char in text) / len(text) for text in texts], np.float32)


def test_the_reranker_is_blended_in_over_the_first_passages_only(toy_service):
    """(1 − w)·z(fused) + w·z(reranker) over what was read again, on the fused scores' own scale; the rest follows."""
    question = "工会干部怎样了解职工所思所想所盼？"
    plain = ranked(toy_service, question, 12, lexical_weight=0.3)
    reader = Backwards()
    again = ranked(toy_service, question, 12, reranker=reader, lexical_weight=0.3, rerank_candidates=8)
    assert all(text in hit.passage.text for text, hit in zip(reader.texts, plain.hits[:8], strict=True))
    fused = np.array([hit.score for hit in plain.hits[:8]])
    own = reader.scores(question, reader.texts)
    both = 0.75 * (fused - fused.mean()) / fused.std() + 0.25 * (own - own.mean()) / own.std()
    order = np.argsort(-both, kind="stable")
    before, after = ([hit.row for hit in ranking.hits] for ranking in (plain, again))
    assert after[:8] == [before[at] for at in order]
    assert after[8:] == before[8:]
    np.testing.assert_allclose(
        [hit.score for hit in again.hits[:8]], (fused.mean() + fused.std() * both)[order], atol=1e-4
    )
    scores = [hit.score for hit in again.hits]
    assert scores == sorted(scores, reverse=True)
    assert [hit.stages["rerank"] for hit in again.hits[:8]] == [float(own[at]) for at in order]
    assert signals_of(again) == signals_of(plain)  # whether there is an answer does not hang on the time left


def test_what_was_not_read_again_keeps_its_order_behind_the_rest():
    """The last of those read again may fall far below the others' scores; they stay apart, in order, behind it."""
    fused = np.array([5.0, 4.9, 4.8, 4.7, 4.6, 4.5, 1.0])
    order = [0, 1, 2, 5, 4, 3]  # 6 is named, and no matter of the reranker's
    final = blended(fused, order, np.array([0.1, 0.9, 0.2]))
    assert final[6] == fused[6]
    assert final[[0, 1, 2]].min() > final[[3, 4, 5]].max()
    np.testing.assert_allclose(np.diff(final[[5, 4, 3]]), [0.1, 0.1])


def test_a_calibration_by_other_signals_is_learnt_again():
    unread, read = Models(ToyEmbedder()), Models(ToyEmbedder(), reader=Undecided())
    learnt = Calibration(0.2, 0.05, replace(UNREAD, cutoff=0.4), 0.0, 60, 0.01, 0.05)
    stored = calibration.dumps(learnt, 7, unread)
    assert calibration.loads(stored, 7, unread) == learnt
    assert calibration.loads(stored, 8, unread) is None
    assert calibration.loads(stored, 7, read) is None
    assert calibration.loads(stored.replace(SIGNALS, "another"), 7, unread) is None
    assert calibration.last_decision(stored, unread) == learnt.decision
    assert calibration.last_decision(stored, read) == Undecided.decision


def test_reranking_does_with_the_time_that_is_left(toy_service):
    reader = Backwards()

    def again(budget_ms: float) -> Ranking:
        return ranked(toy_service, "工会干部", 5, reranker=reader, rerank_candidates=20, latency_budget_ms=budget_ms)

    plain, nothing_left = ranked(toy_service, "工会干部", 5), again(0.001)
    assert reader.asked == []
    assert [hit.row for hit in nothing_left.hits] == [hit.row for hit in plain.hits]
    again(60_000)
    assert reader.asked == [20]
    reader.cost_ms = 5000.0
    again(40_000)
    assert 3 <= reader.asked[1] < 9


def test_dense_scores_are_cosines(toy_service):
    current = toy_service.current()
    query = toy_service.embedder.encode_queries(["工会"])[0]
    scores, best = dense_scores(current, query, np.array([0, 5]))
    assert ((-1 <= scores) & (scores <= 1)).all() and (best >= 0).all()
