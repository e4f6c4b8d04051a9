"""What is marked in an excerpt: whole sentences, whole lists, and of a long sentence its clauses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.search.highlighting import HIGHLIGHT_MAX, LIST_MAX, marked

DUTIES = "第三条 工会的经费来源是：\n（一）会费；\n（二）拨缴的经费；\n（三）补助。\n经费用于职工。"


def spans(text: str, *parts: str) -> list[tuple[int, int]]:
    return [(text.index(part), text.index(part) + len(part)) for part in parts]


SENTENCES = spans(
    DUTIES, "第三条 工会的经费来源是：", "（一）会费；", "（二）拨缴的经费；", "（三）补助。", "经费用于职工。"
)


def said(answer: tuple[int, int] | None, question: str, sure: tuple[float, ...] = ()) -> list[str]:
    return [DUTIES[a:b] for a, b in marked(DUTIES, SENTENCES, SENTENCES[::-1], answer, question, sure)]


def test_a_lead_in_is_marked_with_its_items_and_no_further():
    assert said(SENTENCES[0], "工会的钱哪里来？") == [DUTIES[a:b] for a, b in SENTENCES[:4]]


@pytest.mark.parametrize(("question", "whole"), [("经费有哪些来源？", True), ("会费算不算来源？", False)])
def test_an_item_is_marked_with_the_others_where_a_list_is_asked_for(question, whole):
    assert said(SENTENCES[2], question) == [DUTIES[a:b] for a, b in (SENTENCES[:4] if whole else SENTENCES[2:3])]


def test_the_surest_sentences_count_where_they_were_read_and_the_window_where_nothing_was():
    assert said(SENTENCES[0], "用于什么？", (0.0, 0.0, 0.0, 0.0, 3.0)) == ["经费用于职工。"]
    assert said(SENTENCES[0], "用于什么？", (-9.0, -9.0, 2.5, -9.0, 3.0)) == ["（二）拨缴的经费；", "经费用于职工。"]
    assert said(SENTENCES[0], "用于什么？", (-9.0, -9.0, 0.5, -9.0, 3.0)) == ["经费用于职工。"]
    assert said(None, "用于什么？") == ["经费用于职工。"]
    assert marked(DUTIES, SENTENCES, [], None, "用于什么？") == []


def test_sure_sentences_are_marked_together_only_as_far_as_they_are_short():
    parts = ["甲" * 50 + "。", "乙" * 50 + "。", "丙" * 50 + "。", "丁。"]
    text = "".join(parts)
    found = spans(text, *parts)
    assert marked(text, found, found, None, "问", (3.0, 3.0, 3.0, 3.0)) == found[:2]
    short = [f"{letter}。" for letter in "甲乙丙丁"]
    text = "".join(short)
    found = spans(text, *short)
    assert marked(text, found, found, None, "问", (3.0, 3.0, 3.0, 3.0)) == found[:3]


def test_a_list_that_is_too_long_is_not_marked_whole():
    items = [f"（{number}）{'很' * 60}长；" for number in "一二三四五六七"]
    text = "下列各项：\n" + "\n".join(items)
    found = spans(text, "下列各项：", *items)
    assert sum(b - a for a, b in found) > LIST_MAX
    assert marked(text, found, found, found[0], "哪些？") == found[:1]


@given(st.lists(st.integers(1, 300), min_size=1, max_size=6), st.data())
def test_marks_are_inside_their_sentences_in_order_and_never_empty(lengths, data):
    ends = [sum(lengths[: at + 1]) for at in range(len(lengths))]
    sentences = [(end - length, end) for end, length in zip(ends, lengths, strict=True)]
    text = "字" * ends[-1]
    a = data.draw(st.integers(0, ends[-1] - 1))
    answer = data.draw(st.none() | st.just((a, data.draw(st.integers(a + 1, ends[-1])))))
    sure = data.draw(st.just(()) | st.tuples(*[st.floats(-5, 5)] * len(lengths)))
    windows = data.draw(st.permutations([(one, min(one + 40, b)) for x, b in sentences for one in range(x, b, 40)]))
    found = marked(text, sentences, windows, answer, "问", sure)
    assert found and found == sorted(found)
    for low, high in found:
        assert low < high and any(x <= low and high <= y for x, y in sentences)
        assert high - low <= max(HIGHLIGHT_MAX, *lengths)
