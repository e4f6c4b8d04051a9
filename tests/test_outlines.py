"""A list whose items are the answer is found whole, and only when the question asks for it."""

from __future__ import annotations

import pytest

from rag.index.outlines import asked_rows


def labels(service, question: str) -> tuple[str, ...]:
    current = service.current()
    rows = asked_rows(question, current.outlines, current.lexical.idf)
    return tuple(current.passages[row].text for row in rows)


def test_eight_points_are_found_whole(toy_service):
    found = labels(toy_service, "工会要做到哪八个对标？")
    assert [label[0] for label in found] == list("一二三四五六七八")


@pytest.mark.parametrize(
    "question", ["讲话提到工会该履行哪四项职能？", "三个“不纯”是什么？", "四个意识是什么？", "工会有什么作用？"]
)
def test_a_number_alone_asks_for_no_list(toy_service, question):
    assert labels(toy_service, question) == ()


def test_the_answer_holds_every_item_in_order(toy_service):
    answer = toy_service.ask("八个对标分别是什么？")
    assert [excerpt.text[:3] for excerpt in answer.excerpts] == [f"{n}是要" for n in "一二三四五六七八"]
    assert len(toy_service.ask("八个对标分别是什么？", top_k=3).excerpts) == 3


def test_a_filter_holds_for_lists_too(toy_service):
    question = "八个对标分别是什么？"
    everywhere = toy_service.search_passages(question, 20)
    elsewhere = {hit.passage.doc_id for hit in everywhere} - {hit.passage.doc_id for hit in everywhere if hit.named}
    assert elsewhere and any(hit.named for hit in everywhere)
    hits = toy_service.search_passages(question, 20, sorted(elsewhere))
    assert {hit.passage.doc_id for hit in hits} == elsewhere and not any(hit.named for hit in hits)


@pytest.mark.parametrize(
    ("question", "heading"),
    [
        ("八个对标的第三点是什么？", "三是要对标"),
        ("八个对标是哪八个 那第二点呢？", "二是要对标"),  # as a follow-up carries it
        ("对标要求的第8项", "八是要对标"),
    ],
)
def test_one_point_of_a_list_is_found_by_its_number(toy_service, question, heading):
    answer = toy_service.ask(question)
    assert answer.excerpts[0].text.startswith(heading) and answer.excerpts[0].named
    assert not any(excerpt.named for excerpt in answer.excerpts[1:])


def test_a_point_beyond_the_list_names_nothing(toy_service):
    assert not toy_service.search_passages("八个对标的第九点")[0].named
