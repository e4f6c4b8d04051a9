"""Chinese numerals as numbers and numbers as numerals, so that 四十次 meets 40次 and 第三条 meets 第3条.

The only place that lists the characters of numerals: patterns elsewhere are put together from the classes here.
"""

from __future__ import annotations

import re

ONES = "一二三四五六七八九"
_DIGITS = {char: value for value, char in enumerate(f"零{ONES}")} | {"〇": 0, "两": 2}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_BIG = {"万": 10_000, "亿": 100_000_000}
_ZEROS = str.maketrans("○ＯO0０", "〇〇〇〇〇")  # what scans and typists put for 〇

# Characters, for use inside the brackets of a pattern: what list items are numbered with, up to 九十九; what chapters and
# articles are numbered with; all of them.
ITEM = f"{ONES}十"
ORDINAL = f"{ITEM}百千零〇两"
ALL = f"{ORDINAL}万亿"
NUMERAL = f"[{ALL}]"
# A single numeral is a number only beside a measure or an ordinal: 一 in 一般, 统一 is none.
_COUNTED = re.compile(
    rf"第?({NUMERAL}+)(?=[个项条次名人年月日号章节款点届期届场家种类级批天元岁]|大[^大]|是|要)|第({NUMERAL}+)|({NUMERAL}{{2,}})"
)


def to_number(numeral: str) -> int | None:
    """The value of a numeral of either script: 四十 → 40, 二〇二三 → 2023, 一千二百 → 1200, 12 → 12.

    None where two digits follow each other beside a unit, 万 or 亿 has nothing before it, or a character is no numeral.
    """
    if numeral.isdecimal():
        return int(numeral)
    chars = numeral.translate(_ZEROS)
    if not chars or not all(char in ALL for char in chars):
        return None
    if all(char in _DIGITS for char in chars):
        return int("".join(str(_DIGITS[char]) for char in chars))
    total = section = 0
    digit: int | None = None
    for char in chars:
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


def to_numeral(number: int) -> str:
    """1 → 一, 10 → 十, 21 → 二十一, 105 → 一百零五; digits from ten thousand on, and below zero."""
    if not 0 <= number < 10_000:
        return str(number)
    if number < 10:
        return f"零{ONES}"[number]
    out = ""
    gap = False
    for unit, sign in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // unit % 10
        if digit:
            out += ("零" if gap else "") + ONES[digit - 1] + sign
            gap = False
        else:
            gap = bool(out)
    return out.removeprefix("一") if 10 <= number < 20 else out


def numbers_in(text: str) -> list[str]:
    """The numbers that a text writes in Chinese numerals, as digits, in order."""
    found = []
    for match in _COUNTED.finditer(text):
        value = to_number(match[1] or match[2] or match[3])
        if value is not None:
            found.append(str(value))
    return found
