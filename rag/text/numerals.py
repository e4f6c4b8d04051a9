"""Chinese numerals as numbers, so that 四十次 meets 40次 and 第三条 meets 第3条."""

from __future__ import annotations

import re

_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_BIG = {"万": 10_000, "亿": 100_000_000}
NUMERAL = "[零〇一二三四五六七八九十百千万亿两]"
# A single numeral is a number only beside a measure or an ordinal: 一 in 一般, 统一 is none.
_COUNTED = re.compile(
    rf"第?({NUMERAL}+)(?=[个项条次名人年月日号章节款点届期届场家种类级批天元岁]|大[^大]|是|要)|第({NUMERAL}+)|({NUMERAL}{{2,}})"
)


def to_number(numeral: str) -> int | None:
    """The value of a numeral: 四十 → 40, 二〇二三 → 2023, 一千二百 → 1200; None when it is no well-formed number."""
    if all(char in _DIGITS for char in numeral):
        return int("".join(str(_DIGITS[char]) for char in numeral))
    total = section = 0
    digit: int | None = None
    for char in numeral:
        if char in _DIGITS:
            if digit:
                return None
            digit = _DIGITS[char]
        elif char in _UNITS:
            section += (1 if digit is None else digit) * _UNITS[char]
            digit = None
        else:
            if not section and digit is None and not total:
                return None
            if char == "万":
                total += (section + (digit or 0)) * _BIG[char]
            else:
                total = (total + section + (digit or 0)) * _BIG[char]
            section, digit = 0, None
    return total + section + (digit or 0)


def numbers_in(text: str) -> list[str]:
    """The numbers that a text writes in Chinese numerals, as digits, in order."""
    found = []
    for match in _COUNTED.finditer(text):
        value = to_number(match[1] or match[2] or match[3])
        if value is not None:
            found.append(str(value))
    return found
