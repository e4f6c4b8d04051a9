"""Chinese numerals and digits are the same number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.numerals import numbers_in, to_number
from rag.text.tokenizing import tokenize

CASES = {
    "四十": 40, "十": 10, "十六": 16, "二〇二三": 2023, "一百零五": 105, "一千二百": 1200, "三万": 30_000, "两": 2,
    "一亿二千万": 120_000_000, "二十四": 24, "一万零三": 10_003,
}  # fmt: skip


@pytest.mark.parametrize(("numeral", "value"), CASES.items())
def test_by_hand(numeral, value):
    assert to_number(numeral) == value


@given(st.integers(1, 9999))
@pytest.mark.slow
def test_every_number_up_to_ten_thousand(value):
    digits = "零一二三四五六七八九"
    written, zero = "", False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = value // unit % 10
        if digit:
            written += ("零" if zero and written else "") + digits[digit] + name
            zero = False
        else:
            zero = True
    assert to_number(written) == value


def test_malformed_numerals_are_none():
    assert to_number("一二百三四十五") is None
    assert to_number("万") is None


def test_words_are_no_numbers():
    assert numbers_in("统一思想，万一一般来说十分重要") == []


def test_both_scripts_meet():
    assert "40" in tokenize("专题学习四十次") and "40" in tokenize("专题学习40次")
    assert "2023" in tokenize("二〇二三年") and "2023" in tokenize("2023年")
    assert "3" in tokenize("第三条") and "3" in tokenize("第3条")
