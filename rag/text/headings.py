"""The hierarchy of Chinese official documents: which line is a heading, of what rank, and where sentences end.

Ranks follow GB/T 9704-2012 §7.3.3 (一、 → （一） → 1. → （1）) and the drafting rules of laws (编 章 节 条).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from rag.text.numerals import ITEM, NUMERAL, ORDINAL

_NOT_A_REFERENCE = r"(?!\s*(?:规定|所列|所述|第|、|和|与|至|或|及|的|之|中|以|款|项|条|，|,|。|；))"
_TITLED = r"(?=[\s　]|.{1,30}$)"

# The mark that opens a unit, by rank, outermost first.
MARKS = (
    (0, r"\#{1,6}\s+\S"),
    (1, rf"第[{ORDINAL}\d]{{1,5}}[编篇]{_TITLED}"),
    (2, rf"第[{ORDINAL}\d]{{1,5}}章{_TITLED}"),
    (3, rf"第[{ORDINAL}\d]{{1,5}}节{_TITLED}"),
    (4, rf"第[{ORDINAL}\d]{{1,6}}条(?:之[{ITEM}]+)?{_NOT_A_REFERENCE}"),
    (5, r"【[^【】\n]{1,30}】"),
    (6, rf"[{ITEM}]{{1,3}}、"),
    (7, rf"[（(][{ITEM}]{{1,3}}[）)]"),
    (8, r"\d{1,2}(?:[.．](?!\d)|、)"),
    (9, r"[（(]\d{1,2}[）)]"),
    (10, r"[①-⑳]"),
    (11, rf"[{ITEM}]{{1,2}}(?:是|要)"),
)
_MARKERS = re.compile("|".join(f"(?P<r{rank}>{pattern})" for rank, pattern in MARKS))
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
UNIT_NAMED = re.compile(rf"第\s*({NUMERAL}{{1,6}}|\d{{1,4}})\s*([编章节条点项])")
UNIT_NUMBER = re.compile(rf"第?({NUMERAL}{{1,6}}|\d{{1,4}})")
DOCUMENT_NUMBER = re.compile(r"[〔\[【(（]\s*(\d{4})\s*[〕\]】)）]\s*(?:第\s*)?(\d{1,4})\s*号")
LIST_LENGTH = re.compile(rf"({NUMERAL}{{1,3}}|\d{{1,2}})\s*(?:个|大|项|点|条|种|方面|类|步)")
LIST_ITEM = re.compile(rf"第\s*({NUMERAL}{{1,3}}|\d{{1,2}})\s*(?:个方面|方面|大点|点|项|个)")
ARTICLE_RANK, BRACKET_RANK, RUN_IN_RANK = 4, 5, 11  # 第X条, 【…】, 一是…/一要…
RUN_IN_MAX = 80  # characters of an opening sentence that still reads as a heading
HEADING_MAX = 90  # characters of a heading on a line of its own
_SENTENCE_END = re.compile(r"(?:[。！？；!?;]|…{1,2}|\.(?=\s|$))+[”’」』）》】\"')]*")
_INNER_STOP = re.compile(r"[。！？；!?;]")


class Marker(NamedTuple):
    """A structural mark at the start of a line: `rank` 0 is outermost; `end` is where the mark stops."""

    rank: int
    end: int


def marker_at(text: str, start: int, end: int) -> Marker | None:
    """The structural mark that opens `text[start:end)`, if any."""
    match = _MARKERS.match(text, start, end)
    if match is None or match.lastgroup is None:
        return None
    rank = int(match.lastgroup[1:])
    if rank == 0:
        hashes = len(text[start:end]) - len(text[start:end].lstrip("#"))
        return Marker(hashes - 7, start + hashes)  # # … ###### rank above every numbered level
    return Marker(rank, match.end())


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


def sentence_ends(text: str) -> list[int]:
    """Offsets just after each sentence of `text`, the last one being `len(text)`."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    if not ends or ends[-1] < len(text):
        ends.append(len(text))
    return ends
