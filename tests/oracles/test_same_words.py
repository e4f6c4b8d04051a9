"""The same words elsewhere: shown once, the better one, with the other places named; other numbers are another rule."""

from __future__ import annotations

import pytest

from rag.datamodels import Document
from rag.service import Service

RULE = "用人单位招用劳动者时应当如实告知劳动者工作内容、工作条件、工作地点、职业危害、安全生产状况、劳动报酬，以及劳动者要求了解的其他情况"
ASKED = "招用劳动者时应当告知什么"


def holding(make_service, *texts: str) -> Service:
    service = make_service()
    others = ["食堂十一点半开饭，周末不供应晚饭。", "停车场从北门进入，夜间不开放。", "职工书屋早上八点开门。"]
    service.ingest_documents(
        Document(f"{at}.txt", f"{at}.txt", text, str(at), "text/plain") for at, text in enumerate([*texts, *others])
    )
    return service


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("，并提前五日通知。", "，并提前三十日通知。"),
        ("，限额100元。", "，限额1000元。"),
        ("，限额1000元。", "，限额１０００元整。"),
        ("，分两次办理。", "，分三次办理。"),
    ],
)
def test_other_numbers_are_another_rule(make_service, one, other):
    service = holding(make_service, RULE + one, RULE + other)
    answer = service.ask(ASKED, 2)
    if one == "，限额1000元。":  # the same number in other characters is still not compared: both are shown
        assert [excerpt.also_in for excerpt in answer.excerpts] == [(), ()]
        return
    assert {excerpt.doc_id for excerpt in answer.excerpts} == {"0.txt", "1.txt"}
    assert all(excerpt.also_in == () for excerpt in answer.excerpts)


def test_nearly_the_same_words_are_shown_once_with_both_places(make_service):
    service = holding(make_service, RULE + "，提前五日。", RULE + "，提前五日！")
    answer = service.ask(ASKED, 2)
    shown = [(excerpt.doc_id, [place.doc_id for place in excerpt.also_in]) for excerpt in answer.excerpts]
    assert shown[0] in (("0.txt", ["1.txt"]), ("1.txt", ["0.txt"]))
    assert {doc_id for doc_id, _ in shown[1:]}.isdisjoint({"0.txt", "1.txt"})


def test_the_better_one_of_two_is_shown(make_service):
    """Only the second is titled with the question's words, and BM25 counts titles: it comes first in either order."""
    for better in (0, 1):
        service = make_service(index=make_service().settings.index.with_name(f"better{better}"))
        titles = ["无关的题目", "无关的题目"]
        titles[better] = "招用劳动者告知"
        service.ingest_documents(
            [Document(f"{at}.txt", title, RULE + "。", str(at), "text/plain") for at, title in enumerate(titles)]
            + [Document("z.txt", "食堂", "食堂十一点半开饭，周末不供应晚饭。", "z", "text/plain")]
        )
        first = service.ask(ASKED, 1).excerpts[0]
        assert first.doc_id == f"{better}.txt" and first.also_in[0].doc_id == f"{1 - better}.txt"


TAILS = (
    "，并留存书面记录",
    "，但法律另有规定的除外",
    "，不得隐瞒或者夸大",
    "，由人事部门负责说明",
    "，劳动者签字确认后归档",
)


def test_alike_is_not_the_same(make_service):
    """Three quarters of the three-character runs in common are still several rules, without any number in them."""
    service = holding(make_service, *(f"{RULE}{tail}。" for tail in TAILS))
    answer = service.ask(ASKED, len(TAILS))
    assert {excerpt.doc_id for excerpt in answer.excerpts} == {f"{at}.txt" for at in range(len(TAILS))}
    assert all(excerpt.also_in == () for excerpt in answer.excerpts)
