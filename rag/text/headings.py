"""The hierarchy of Chinese official documents: which line is a heading, of what rank, and where sentences end.

Ranks follow GB/T 9704-2012 §7.3.3 (一、 → （一） → 1. → （1）) and the drafting rules of laws (编 章 节 条).
"""

from __future__ import annotations

import re
from typing import NamedTuple

_NUMERAL = "[一二三四五六七八九十百千零〇两\\d]"
_NOT_A_REFERENCE = r"(?!\s*(?:规定|所列|所述|第|、|和|与|至|或|及|的|之|中|以|款|项|条|，|,|。|；))"

# One alternative a rank, outermost first; the group's index is the rank.
_MARKERS = re.compile(
    rf"(?P<r0>\#{{1,6}}\s+\S)"
    rf"|(?P<r1>第{_NUMERAL}{{1,5}}[编篇](?=[\s　]|.{{1,30}}$))"
    rf"|(?P<r2>第{_NUMERAL}{{1,5}}章(?=[\s　]|.{{1,30}}$))"
    rf"|(?P<r3>第{_NUMERAL}{{1,5}}节(?=[\s　]|.{{1,30}}$))"
    rf"|(?P<r4>第{_NUMERAL}{{1,6}}条(?:之[一二三四五六七八九十]+)?{_NOT_A_REFERENCE})"
    rf"|(?P<r5>【[^【】\n]{{1,30}}】)"
    rf"|(?P<r6>[一二三四五六七八九十]{{1,3}}、)"
    rf"|(?P<r7>[（(][一二三四五六七八九十]{{1,3}}[）)])"
    rf"|(?P<r8>\d{{1,2}}(?:[.．](?!\d)|、))"
    rf"|(?P<r9>[（(]\d{{1,2}}[）)])"
    rf"|(?P<r10>[①-⑳])"
    rf"|(?P<r11>[一二三四五六七八九十]{{1,2}}(?:是|要))"
)
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
    if match is None:
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


def sentence_ends(text: str) -> list[int]:
    """Offsets just after each sentence of `text`, the last one being `len(text)`."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    if not ends or ends[-1] < len(text):
        ends.append(len(text))
    return ends
