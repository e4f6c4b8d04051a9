"""A list whose items are the answer is found whole, and only when the question asks for it."""

from __future__ import annotations

import pytest

from rag.outlines import asked_list


def labels(service, question: str) -> tuple[str, ...]:
    current = service.current()
    found = asked_list(question, current.outlines, current.lexical.idf)
    return found.labels if found else ()


def test_eight_points_are_found_whole(toy_service):
    found = labels(toy_service, "工会要做到哪八个对标？")
    assert [label[0] for label in found] == list("一二三四五六七八")


@pytest.mark.parametrize("question", ["讲话提到工会该履行哪四项职能？", "三个“不纯”是什么？", "四个意识是什么？", "工会有什么作用？"])
def test_a_number_alone_asks_for_no_list(toy_service, question):
    assert labels(toy_service, question) == ()


def test_the_answer_holds_every_item_in_order(toy_service):
    answer = toy_service.ask("八个对标分别是什么？")
    assert [excerpt.text[:3] for excerpt in answer.excerpts] == [f"{n}是要" for n in "一二三四五六七八"]
    assert len(toy_service.ask("八个对标分别是什么？", top_k=3).excerpts) == 3


def test_a_filter_holds_for_lists_too(toy_service):
    answer = toy_service.ask("八个对标分别是什么？", documents=["004*"])
    assert {excerpt.doc_id[:3] for excerpt in answer.excerpts} <= {"004"}
