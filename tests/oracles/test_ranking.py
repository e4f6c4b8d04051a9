"""Every stage of a search, passage by passage, against the formulas in plain numpy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from rag.config import Settings
from rag.datamodels import Hit
from rag.service import Service
from tests.conftest import ToyEmbedder
from tests.oracles import plain
from tests.oracles.codes import lines

ALL = 50_000
QUESTIONS = ("b2m k7r", "h5q d3n f2p", "g7m g7m k2n", "b3p z9z")
SYNONYMS = {"b2m": ("d7q",), "h5q": ("f3r", "g2n")}
NEAR = "b2m k7r"


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Service:
    """2,200 passages; the last 200 are near to the question, the others are not."""
    settings = Settings(index=tmp_path_factory.mktemp("large") / "index", passage_size=50)
    service = Service(settings, ToyEmbedder())
    service.ingest_documents(lines(11, 200, NEAR.split()))
    return service


def in_order(hits: Sequence[Hit]) -> list[Hit]:
    """Hits in the order in which the index holds their passages."""
    return sorted(hits, key=lambda hit: (hit.passage.doc_id, hit.passage.ordinal))


def words_of(service: Service, hits: Sequence[Hit]) -> list[list[str]]:
    """What BM25 counts of each passage: its words, those of its headings and of its document's title."""
    titles = {record.document.doc_id: record.document.title for record in service.documents()}
    return [plain.code_words(titles[hit.passage.doc_id] + "\n" + plain.under_headings(hit.passage)) for hit in hits]


def lexical(service: Service, question: str, hits: Sequence[Hit]) -> np.ndarray:
    """BM25 of the question's own words and, at half weight, of the synonyms that it does not hold itself."""
    own = plain.code_words(question)
    added = [other for word in dict.fromkeys(own) for other in SYNONYMS.get(word, ()) if other not in own]
    words = words_of(service, hits)
    return plain.bm25(own, words) + 0.5 * plain.bm25(added, words)


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_score_is_the_formula(coded: Service, question: str) -> None:
    """Centred question, windows of one and two sentences, headings, synonyms at half weight, z-scores 1 : 3."""
    hits = in_order(coded.search_passages(question, ALL))
    assert len(hits) == 72
    query = plain.centred(ToyEmbedder(), question)
    by_dense, by_window = np.array([plain.dense(ToyEmbedder(), query, hit.passage) for hit in hits]).T
    by_words = lexical(coded, question, hits)
    fused = 0.25 * plain.standard(by_words, by_words) + 0.75 * plain.standard(by_dense, by_dense)
    np.testing.assert_allclose([hit.stages["window"] for hit in hits], by_window, atol=1e-4)
    np.testing.assert_allclose([hit.stages["dense"] for hit in hits], by_dense, atol=1e-4)
    np.testing.assert_allclose([hit.stages["lexical"] for hit in hits], by_words, atol=1e-4)
    np.testing.assert_allclose([hit.stages["fused"] for hit in hits], fused, atol=2e-3)
    np.testing.assert_allclose([hit.score for hit in hits], fused, atol=2e-3)


@pytest.mark.parametrize("weight", [0.0, 0.6, 1.0])
def test_the_setting_weighs_words_against_meaning(coded: Service, weight: float) -> None:
    settings = coded.settings.model_copy(update={"lexical_weight": weight})
    hits = Service(settings, ToyEmbedder()).search_passages("h5q d3n f2p", ALL)
    by_words, by_dense = (np.array([hit.stages[name] for hit in hits]) for name in ("lexical", "dense"))
    fused = weight * plain.standard(by_words, by_words) + (1 - weight) * plain.standard(by_dense, by_dense)
    np.testing.assert_allclose([hit.score for hit in hits], fused, atol=2e-3)


@pytest.mark.parametrize("top_k", [1, 2, 7, 71, 72, 73])
def test_as_many_as_asked_for_best_first(coded: Service, top_k: int) -> None:
    hits = coded.search_passages("b2m k7r", top_k)
    assert len(hits) == min(top_k, 72)
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    everything = sorted(coded.search_passages("b2m k7r", ALL), key=lambda hit: -hit.score)
    assert [hit.passage for hit in hits] == [hit.passage for hit in everything[:top_k]]


def test_in_a_filtered_search_the_rest_does_not_count(coded: Service) -> None:
    """z-scores are over the documents searched; BM25's own weights are those of the whole collection."""
    question = "b2m k7r"
    whole = in_order(coded.search_passages(question, ALL))
    at = [place for place, hit in enumerate(whole) if hit.passage.doc_id.startswith("g1/")]
    hits = in_order(coded.search_passages(question, ALL, ["g1/*"]))
    assert [hit.passage for hit in hits] == [whole[place].passage for place in at]
    query = plain.centred(ToyEmbedder(), question)
    by_dense = np.array([plain.dense(ToyEmbedder(), query, hit.passage)[0] for hit in hits])
    by_words = lexical(coded, question, whole)[at]
    fused = 0.25 * plain.standard(by_words, by_words) + 0.75 * plain.standard(by_dense, by_dense)
    np.testing.assert_allclose([hit.stages["fused"] for hit in hits], fused, atol=2e-3)


@pytest.mark.parametrize("top_k", [5, ALL])
def test_z_scores_of_a_large_collection_are_over_an_even_sample(large: Service, top_k: int) -> None:
    """Meaning: every second of 2,200 passages. Words: all of them."""
    passages = [entry.passage for entry in large.catalog.entries()]
    assert len(passages) == 2200
    query = plain.centred(ToyEmbedder(), NEAR)
    by_dense = np.array([plain.dense(ToyEmbedder(), query, passage)[0] for passage in passages])
    by_words = plain.bm25(NEAR.split(), [plain.code_words(passage.text) for passage in passages])
    sample = plain.even_sample(by_dense)
    assert len(sample) == 1100
    fused = 0.25 * plain.standard(by_words, by_words) + 0.75 * plain.standard(by_dense, np.array(sample))
    place = {passage.passage_id: at for at, passage in enumerate(passages)}
    hits = large.search_passages(NEAR, top_k)
    assert len(hits) == min(top_k, len(passages))
    expected = [fused[place[hit.passage.passage_id]] for hit in hits]
    np.testing.assert_allclose([hit.stages["fused"] for hit in hits], expected, atol=2e-3)
    np.testing.assert_allclose([hit.score for hit in hits], np.sort(fused)[::-1][: len(hits)], atol=2e-3)


def test_candidates_few_or_many_give_the_same_scores(large: Service) -> None:
    """The three searches only propose: what a passage scores does not hang on what else was proposed."""
    question, only = "g7m d3n h5q", ["g1/*"]
    for documents in ([], only):
        few = large.search_passages(question, 10, documents)
        many = large.search_passages(question, ALL, documents)[:10]
        assert [hit.passage for hit in few] == [hit.passage for hit in many]
        np.testing.assert_allclose([hit.score for hit in few], [hit.score for hit in many], atol=1e-4)


def test_the_data_file_of_foreign_questions_is_where_the_oracle_reads_it() -> None:
    assert Path(plain.FOREIGN).is_file() and len(plain.foreign()) > 100


@pytest.mark.parametrize("question", ["工会干部怎样了解职工所思所想所盼？", "四同步四衔接指的是什么？"])
def test_the_seeds_are_scored_so(toy_service: Service, question: str) -> None:
    """In Chinese, with headings and mended pages; windows of overlong sentences are left to the tests of chunking."""
    hits = toy_service.search_passages(question, ALL)
    query, looked_at = plain.centred(ToyEmbedder(), question), 0
    for hit in hits:
        if all(end - start <= plain.LONG_SENTENCE for start, end in hit.passage.sentences):
            looked_at += 1
            by_dense, by_window = plain.dense(ToyEmbedder(), query, hit.passage)
            assert hit.stages["dense"] == pytest.approx(by_dense, abs=1e-4)
            assert hit.stages["window"] == pytest.approx(by_window, abs=1e-4)
    assert looked_at > 50
    by_words, by_dense = (np.array([hit.stages[name] for hit in hits]) for name in ("lexical", "dense"))
    fused = 0.25 * plain.standard(by_words, by_words) + 0.75 * plain.standard(by_dense, by_dense)
    order = np.argsort(-fused, kind="stable")
    named = sum(hit.named for hit in hits)
    assert [hit.passage for hit in hits[named:]] == [hits[at].passage for at in order if not hits[at].named]
    np.testing.assert_allclose([hit.stages["fused"] for hit in hits], fused, atol=2e-3)
