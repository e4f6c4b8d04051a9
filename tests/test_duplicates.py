"""Near-duplicates: the same words are one text, other numbers are another rule."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from rag.datamodels import Passage
from rag.index.duplicates import NEAR, from_json, near_duplicates, to_json

RULE = "用人单位招用劳动者时应当如实告知劳动者工作内容、工作条件、工作地点、职业危害、安全生产状况、劳动报酬，以及劳动者要求了解的其他情况"


def passages(*texts: str) -> list[Passage]:
    return [Passage(str(row), "d", row, 0, len(text), text) for row, text in enumerate(texts)]


def test_equal_but_for_blanks_and_near():
    found = near_duplicates(passages(RULE + "。", "食堂十一点半开饭。", RULE.replace("、", "、 "), RULE + "！"))
    assert found == {0: (2, 3), 2: (0, 3), 3: (0, 2)}


def test_other_numbers_are_another_rule():
    assert not near_duplicates(passages(RULE + "，并提前五日通知。", RULE + "，并提前三十日通知。"))
    assert not near_duplicates(passages(RULE + "，限额100元。", RULE + "，限额1000元。"))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(alphabet="工会职工服务群众", min_size=1, max_size=30), max_size=8))
def test_near_duplicates_are_mutual_and_really_alike(texts):
    def grams(text):
        return {text[at : at + 3] for at in range(max(1, len(text) - 2))}

    found = near_duplicates(passages(*texts))
    for row, others in found.items():
        assert row not in others
        for other in others:
            assert row in found[other]
            a, b = grams(texts[row]), grams(texts[other])
            assert texts[row] == texts[other] or len(a & b) / len(a | b) >= NEAR
    for row, text in enumerate(texts):
        assert all(other in found[row] for other, same in enumerate(texts) if other != row and same == text)
    assert from_json(to_json(found)) == found
