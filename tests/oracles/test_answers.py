"""What an answer shows of what was found: how much, which sentences are marked, and what is named beside it."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from rag.datamodels import Document, Page, Passage
from rag.errors import CitationError
from rag.service import Service
from tests.conftest import ToyEmbedder
from tests.oracles import plain

QUESTIONS = ("b2m k7r", "h5q d3n f2p", "g7m d3n f2p k2m", "d3m h7n g5q f7p")


@pytest.fixture
def whole(coded: Service) -> dict[tuple[str, int, int], Passage]:
    return {(p.doc_id, p.start, p.end): p for p in (entry.passage for entry in coded.catalog.entries())}


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_sentences_of_the_best_window_are_marked(coded, whole, question):
    query, looked_at = plain.centred(ToyEmbedder(), question), 0
    for excerpt in coded.ask(question, 20).excerpts:
        passage = whole.get((excerpt.doc_id, excerpt.start, excerpt.end))
        if passage is None:
            continue  # two neighbours in one
        looked_at += 1
        _, windows = plain.cosines(ToyEmbedder(), query, passage)
        start, end = max(windows, key=windows.get)
        assert excerpt.highlights == tuple(span for span in passage.sentences if start <= span[0] and span[1] <= end)
    assert looked_at > 5


@pytest.mark.parametrize("top_k", [1, 2, 5, 9])
def test_as_many_excerpts_as_asked_for_in_the_order_of_the_search(coded, top_k):
    for question in QUESTIONS:
        excerpts = coded.ask(question, top_k).excerpts
        assert len(excerpts) == top_k
        assert [excerpt.marker for excerpt in excerpts] == list(range(1, top_k + 1))
        first = coded.search_passages(question, 1)[0]
        assert excerpts[0].doc_id == first.passage.doc_id and excerpts[0].score == first.score


@pytest.mark.parametrize("question", QUESTIONS)
def test_documents_are_ranked_by_their_best_passage(coded, question):
    best: dict[str, Passage] = {}
    scores: dict[str, float] = {}
    for hit in coded.search_passages(question, 1000):
        if hit.score > scores.get(hit.passage.doc_id, -100.0):
            best[hit.passage.doc_id], scores[hit.passage.doc_id] = hit.passage, hit.score
    found = coded.search(question, 60)
    assert [one.doc_id for one in found] == sorted(scores, key=lambda doc_id: -scores[doc_id])
    assert all(one.passage == best[one.doc_id] and one.score == scores[one.doc_id] for one in found)


def test_the_matched_words_are_those_of_the_question_that_the_passage_holds(coded):
    question, titles = "h5q d3n f2p", {r.document.doc_id: r.document.title for r in coded.documents()}
    for hit in coded.search_passages(question, 100):
        words = plain.code_words(titles[hit.passage.doc_id] + "\n" + plain.under_headings(hit.passage))
        assert set(hit.matched) == {word for word in ("h5q", "d3n", "f2p", "f3r", "g2n") if word in words}


def test_an_excerpt_is_on_the_page_it_begins_on(make_service):
    """Its first character decides, also when that is the first of its page."""
    first, second = "b2m k7r d3n h5q f2p。" * 12, "g7m k2n b3p d7q h2r。" * 12
    pages = (Page(0, "第1页"), Page(len(first) + 1, "第2页"))
    service = make_service()
    text = f"{first}\n{second}\n"
    service.ingest_documents([Document("a.pdf", "a", text, "a", "text/plain", {}, pages)])
    answer = service.ask("g7m k2n b3p d7q h2r", 9)
    seen = {excerpt.start: excerpt.page for excerpt in answer.excerpts}
    assert seen[len(first) + 1] == "第2页" and seen[0] == "第1页"
    assert all(page == ("第2页" if start > len(first) else "第1页") for start, page in seen.items())


def test_a_quote_that_has_come_loose_is_not_shown(make_service):
    service = make_service()
    service.ingest_documents([Document("a.txt", "a", "b2m k7r d3n h5q。", "a", "text/plain")])
    assert service.ask("b2m k7r d3n h5q").answerable
    service.catalog.close()
    with closing(sqlite3.connect(service.settings.index / "catalog.sqlite3")) as raw, raw:
        raw.execute("UPDATE documents SET text = replace(text, 'k7r', 'k8r')")
    other = make_service()
    with pytest.raises(CitationError):
        other.ask("b2m k7r d3n h5q")
