"""The hierarchy of Chinese official documents: which line is a heading, of what rank, and where sentences end.

Ranks follow GB/T 9704-2012 §7.3.3 (一、 → （一） → 1. → （1）) and the drafting rules of laws (编 章 节 条).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from rag.text.numerals import ALL, ITEM, NUMERAL, ORDINAL, to_number

_NUMBER = rf"第[ \u3000]?[{ORDINAL}○\d]{{1,9}}[ \u3000]?"  # 第一千一百二十一: seven numerals
_CITED = r"规定|所(?!有)|第|、|：|:|和|与|至|或|及|的|之|中|以|等|款|项|条|，|,|。|；|;|）|\)|》|修改为|情形|有关|关于|予以|处罚|办理|执行"
# A blank after 第X条 is the mark of a heading, unless a paragraph or an item of the article follows it; without one, the
# words that go on after a reference refuse it.
_ARTICLE_OPENS = rf"(?:(?=[^\S\n]+(?!第[{ORDINAL}\d]+[款项]))|(?![^\S\n])(?!{_CITED}))"
_TITLED = rf"(?=[\s　]|(?!{_CITED}).{{1,30}}$)"

# The mark that opens a unit, by rank, outermost first.
MARKS = (
    (0, r"\#{1,6}\s+\S"),
    (1, rf"{_NUMBER}[编篇]{_TITLED}"),
    (2, rf"{_NUMBER}章{_TITLED}"),
    (3, rf"{_NUMBER}节{_TITLED}"),
    (4, rf"{_NUMBER}条(?:之[{ITEM}]+)?{_ARTICLE_OPENS}"),
    (5, r"【[^【】\n]{1,30}】"),
    (6, rf"[{ITEM}]{{1,3}}、"),
    (7, rf"[（(][{ITEM}]{{1,3}}[）)]"),
    (8, r"\d{1,2}(?:[.．](?!\d)|、)"),
    (9, r"[（(]\d{1,2}[）)]"),
    (10, r"[①-⑳]"),
    (11, rf"[{ITEM}]{{1,2}}(?:是|要)"),
)
# What a line ends with whose sentence goes on with 第X条 on the next line; a title ends with the name of a law too.
_LEADS_INTO_REFERENCE = re.compile(
    r"(?:[、，,和与及或至《（(]|[依按参比对]照|依据|根据|违反|适用|符合|作为|本[\u3400-\u9fff]{1,4})$"
)
_LAW_NAMED = re.compile(r"(?:》|[〉法]|条例|办法|规定|细则|规则|决定|解释|章程|法典|修正案|规程|准则|公约|协定)$")
_FIRST = re.compile(r"第\s?(?:一|1)\s?\S")
_MARKERS = re.compile("|".join(f"(?P<r{rank}>{pattern})" for rank, pattern in MARKS))
_TITLES = frozenset(f"r{rank}" for rank in (0, 1, 2, 3, 5, 6, 7))  # lines that are headings where they hold no comma
# A line that its number shows to be part of a list or of a document's body: no title.
NUMBERED = re.compile(
    rf"^(?:第[{ORDINAL}\d]+[编章节条款项页]|[{ITEM}]+[、.．]|[（(][{ITEM}\d]+[)）]|\d+[、.．)）]|[①-⑳]|附件|附：|目\s*录)"
)
# All numbers that a heading opens with, to be taken off it.
_LEADING = re.compile(
    rf"^\s*(?:\#+\s*|第[{ORDINAL}\d]+[编篇章节条款]\s*|[（(][{ITEM}\d]+[）)]\s*|[{ITEM}\d]{{1,3}}[、.．]\s*"
    rf"|[{ITEM}]{{1,2}}(?:是|要)(?:要)?|[①-⑳]\s*)+"
)
# How a text names a unit (第三条), a document's number (〔2023〕12号), a list by its length (八个对标), an item (第三点).
UNIT_NAMED = re.compile(rf"第\s*({NUMERAL}{{1,9}}|\d{{1,4}})\s*([编章节条点项])")
UNIT_NUMBER = re.compile(rf"第?\s*([{ALL}○]{{1,9}}|\d{{1,4}})")
DOCUMENT_NUMBER = re.compile(r"[〔\[【(（]\s*(\d{4})\s*[〕\]】)）]\s*(?:第\s*)?(\d{1,4})\s*号")
LIST_LENGTH = re.compile(rf"({NUMERAL}{{1,3}}|\d{{1,2}})\s*(?:个|大|项|点|条|种|方面|类|步)")
LIST_ITEM = re.compile(rf"第\s*({NUMERAL}{{1,3}}|\d{{1,2}})\s*(?:个方面|方面|大点|点|项|个)")
ARTICLE_RANK, BRACKET_RANK, RUN_IN_RANK = 4, 5, 11  # 第X条, 【…】, 一是…/一要…
RUN_IN_MAX = 80  # characters of an opening sentence that still reads as a heading
HEADING_MAX = 90  # characters of a heading on a line of its own
_FULL_LINE = 15  # characters; a shorter line without a stop is a title or a heading, not a line that was broken
_LOOK_BACK = 200
_CLOSED = tuple("。！？；：…!?;:”’」』）)】.")
_TERMINAL = (*_CLOSED, "》", "〉")
_MARK_NUMBER = re.compile(rf"[{ORDINAL}○]+|\d+|[①-⑳]")
_SENTENCE_END = re.compile(r"(?:[。！？；!?;]|…{1,2}|\.(?=\s|$))+[”’」』）》】\"')]*")
_INNER_STOP = re.compile(r"[。！？；!?;]")


class Marker(NamedTuple):
    """A structural mark at the start of a line: `rank` 0 is outermost; `end` is where the mark stops."""

    rank: int
    end: int


def marker_at(text: str, start: int, end: int) -> Marker | None:
    """The structural mark that opens the line `text[start:end)`, if any.

    The line before it is looked at too: 依照本法 at its end makes 第三条 a reference that a line break cut off.
    """
    match = _MARKERS.match(text, start, end)
    if match is None or match.lastgroup is None:
        return None
    rank = int(match.lastgroup[1:])
    if 1 <= rank <= ARTICLE_RANK and _goes_on(text, start, match.end(), end):
        return None
    if rank == 0:
        hashes = len(text[start:end]) - len(text[start:end].lstrip("#"))
        return Marker(hashes - 7, start + hashes)  # # … ###### rank above every numbered level
    return Marker(rank, match.end())


def _goes_on(text: str, start: int, mark_end: int, end: int) -> bool:
    """Whether the line before leaves a sentence open that a unit's number at `start` goes on with."""
    before = text[max(0, start - _LOOK_BACK) : start].rstrip()
    line = before[max(before.rfind("\n"), before.rfind("\r")) + 1 :].strip()
    if len(line) < _FULL_LINE or line.endswith(_CLOSED):
        return False
    above = _MARKERS.match(line)
    if above is not None and above.lastgroup in _TITLES and "，" not in line:
        return False
    if _LEADS_INTO_REFERENCE.search(line):
        return True
    if _FIRST.match(text, start, end) and "，" not in line:  # the line before is the title
        return False
    has_blank = mark_end == end or text[mark_end].isspace()
    return not has_blank or _LAW_NAMED.search(line) is not None


def is_heading_line(text: str, start: int, end: int) -> bool:
    """Whether the whole line is a heading: it opens with a mark, is short, and is not a sentence."""
    if end - start > HEADING_MAX:
        return False
    marker = marker_at(text, start, end)
    if marker is None or marker.rank == 11 or text[end - 1] in "，、,":
        return False
    if marker.rank == 5:
        return marker.end == end
    return _INNER_STOP.search(text, marker.end, end) is None and (marker.rank != 4 or marker.end == end)


def without_number(heading: str) -> str:
    """A heading without the numbers that it opens with."""
    return _LEADING.sub("", heading)


def number_of(mark: str) -> int | None:
    """The number in a structural mark: 第十二条 → 12, （三） → 3, ② → 2; None where it has none."""
    match = _MARK_NUMBER.search(mark)
    if match is None:
        return None
    return ord(match[0]) - ord("①") + 1 if match[0] in "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳" else to_number(match[0])


def sentence_ended(text: str, start: int, end: int) -> bool:
    """Whether a line ends where a sentence, a lead-in or a title in marks may end."""
    return text.endswith(_TERMINAL, start, end)


def sentence_ends(text: str) -> list[int]:
    """Offsets just after each sentence of `text`, the last one being `len(text)`."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    if not ends or ends[-1] < len(text):
        ends.append(len(text))
    return ends
