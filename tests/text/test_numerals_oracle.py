"""Numerals against a writer that shares nothing with the parser: by groups of four digits, as schools teach it.

The libraries that do this were looked at: cn2an installs packages named `src` and `build` beside itself.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.numerals import ALL, to_number, to_numeral

NAMES = "零一二三四五六七八九"


def written(number: int) -> str:
    """A number below 10¹² as Chinese writes it: 亿, 万 and units, with 零 for skipped places."""
    padded = f"{number:012d}"
    groups = [(padded[:4], "亿"), (padded[4:8], "万"), (padded[8:], "")]
    out = ""
    for digits, unit in groups:
        if int(digits) == 0:
            out += "零" if out else ""
            continue
        places = "".join(
            f"{NAMES[int(digit)]}{name}" if digit != "0" else "零"
            for digit, name in zip(digits, "千百十 ", strict=True)
        )
        while "零零" in places:
            places = places.replace("零零", "零")
        places = places.replace(" ", "")
        out += (places.rstrip("零") if out else places.strip("零")) + unit
    while "零零" in out:
        out = out.replace("零零", "零")
    out = out.rstrip("零")
    return out[1:] if out.startswith("一十") else out or "零"


def test_the_writer_by_hand():
    cases = {
        10: "十", 15: "十五", 105: "一百零五", 110: "一百一十", 1010: "一千零一十", 10_003: "一万零三", 30_500: "三万零五百",
        100_000: "十万", 10_010_001: "一千零一万零一", 120_000_000: "一亿二千万", 100_000_007: "一亿零七",
    }  # fmt: skip
    assert {number: written(number) for number in cases} == cases


def test_every_number_below_a_hundred_thousand():
    assert [number for number in range(100_000) if to_number(written(number)) != number] == []


@given(st.integers(0, 10**12 - 1))
def test_numbers_up_to_the_yi(number):
    assert to_number(written(number)) == number


@given(st.integers(0, 10**6))
def test_year_style_and_digits(number):
    digits = str(number)
    assert to_number(digits) == number
    if len(digits) > 1:
        assert to_number("".join("〇一二三四五六七八九"[int(digit)] for digit in digits)) == number


def test_there_and_back():
    assert [number for number in range(10_000) if to_number(to_numeral(number)) != number] == []
    assert [number for number in range(1, 10_000) if to_numeral(number) != written(number)] == []
    assert to_numeral(10_000) == "10000"


@pytest.mark.parametrize("zero", "○ＯO0〇零")
def test_what_is_put_for_zero(zero):
    assert to_number(f"二{zero}二三") == 2023


@pytest.mark.parametrize("text", ["", "万", "亿", "一x", "第三", "1二", "²", "一二百", "壹百"])
def test_what_is_no_number(text):
    assert to_number(text) is None


@given(st.text(alphabet=ALL + "0○a 第", max_size=12))
def test_nothing_makes_it_fail(text):
    assert to_number(text) is None or to_number(text) >= 0
