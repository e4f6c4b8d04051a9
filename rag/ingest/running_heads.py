"""Headers, footers and page numbers of printed pages: what recurs at one height on most pages.

Only places decide: a line whose place on its page is unknown is kept, and so is all that a page alone shows, every amount,
and a number that does not count the pages.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rag.datamodels import Document
from rag.text.headings import sentence_ended
from rag.text.numerals import NUMERAL, to_number
from rag.text.spans import Span

RUNNING_HEAD = "running-head"
PAGE_NUMBER = "page-number"
MARGIN = 0.12  # of the page's height, at its top and its bottom: where heads and feet are
SAME_HEIGHT = 0.012  # of the page's height: ten points of A4; recognised lines are up to so much apart
MIN_PAGES = 3
MAX_HEAD = 80  # characters

_DASHES = r"[-—–―~·•.|｜\s]*"
_OF_ALL = r"(?:\s*[,，]?\s*(?:of|[/／]|[共总])\s*(?:共\s*)?\d{1,4}\s*页?)?"
_NUMBER = (
    rf"{_DASHES}(?:第\s*(?P<ordinal>\d{{1,4}}|{NUMERAL}{{1,4}})\s*页|(?:page|p\.)\s*(?P<english>\d{{1,4}})"
    rf"|(?P<bare>\d{{1,4}})\s*页?){_OF_ALL}{_DASHES}"
)
_PAGE_NUMBER = re.compile(_NUMBER, re.IGNORECASE)
_HEAD_AND_NUMBER = re.compile(rf"(?P<head>.*[^\s:：\d.,，、年月])(?:[\s|｜·]+|(?=第)){_NUMBER}", re.IGNORECASE)
_NUMBER_AND_HEAD = re.compile(rf"{_NUMBER}[\s|｜·]+(?P<head>[^\s:：\d.,，、年月].*)", re.IGNORECASE)
_AMOUNT = re.compile(r"[¥￥$€£%％‰]|\d\s?(?:[万亿]?元|人民币)|\d[.,]\d|[壹贰叁肆伍陆柒捌玖拾佰仟]{2}")


@dataclass(frozen=True, slots=True)
class _Line:
    """A line at the edge of a page. form: what has to recur. number: of the page, as the line says; None without one."""

    span: Span
    page: int
    height: float
    form: str
    head: str
    number: int | None


class Heads(NamedTuple):
    """The lines to leave out, with the reason, and those kept though they recur: a head that is nowhere else is kept once."""

    dropped: Mapping[Span, str]
    kept: frozenset[Span]


def running_heads(document: Document, lines: Sequence[Span]) -> Heads:
    """Heads, feet and page numbers. lines: spans of the document's non-blank lines."""
    pages = len(document.pages)
    if pages < MIN_PAGES or document.metadata.get("line_breaks") != "visual":
        return Heads({}, frozenset())
    groups: dict[str, list[_Line]] = defaultdict(list)
    for line in _edge_lines(document, lines):
        groups[line.form].append(line)
    dropped: dict[Span, str] = {}
    heads: list[list[_Line]] = []
    for found in groups.values():
        same = _at_one_height(found)
        if same[0].number is not None:
            same = _counting(same)
        if not _on_most_pages({line.page for line in same}, pages):
            continue
        dropped |= {line.span: RUNNING_HEAD if line.head else PAGE_NUMBER for line in same}
        if same[0].head:
            heads.append(same)
    kept = frozenset(line.span for line in _only_here(document.text, lines, dropped, heads))
    return Heads({span: reason for span, reason in dropped.items() if span not in kept}, kept)


def _at_one_height(lines: Sequence[_Line]) -> list[_Line]:
    """The most lines that are at one height of their pages, in order."""
    by_height = sorted(lines, key=lambda line: line.height)
    first, best = 0, (0, 0)
    for last, line in enumerate(by_height):
        while line.height - by_height[first].height > 2 * SAME_HEIGHT:
            first += 1
        best = max(best, (last + 1 - first, -first))
    count, start = best[0], -best[1]
    return sorted(by_height[start : start + count], key=lambda line: line.span)


def _edge_lines(document: Document, lines: Sequence[Span]) -> list[_Line]:
    """The lines in the margins of their pages, as far as their places are known."""
    text = document.text
    boxes = sorted(document.boxes, key=lambda box: box.start)
    starts = [box.start for box in boxes]
    found = []
    for span in lines:
        start, end = span
        if end - start > MAX_HEAD:
            continue
        first = bisect_left(starts, start)
        if first and boxes[first - 1].end > start:
            first -= 1
        own = [box for box in boxes[first : bisect_left(starts, end)] if box.end > start]
        if not own or len({box.page for box in own}) > 1:
            continue
        top, bottom = min(box.top for box in own), max(box.bottom for box in own)
        if top >= MARGIN and bottom <= 1 - MARGIN:
            continue
        read = " ".join(text[start:end].split())
        head, number = _parted(read)
        if not _AMOUNT.search(head):
            form = head if number is None else f"{head}\0"
            found.append(_Line((start, end), own[0].page, (top + bottom) / 2, form, head, number))
    return found


def _parted(line: str) -> tuple[str, int | None]:
    """A line as its head and the number of its page: 内部资料 第3页 → 内部资料, 3; the whole line and None where it has none."""
    for pattern in (_PAGE_NUMBER, _HEAD_AND_NUMBER, _NUMBER_AND_HEAD):
        match = pattern.fullmatch(line)
        if match:
            number = to_number(match["ordinal"] or match["english"] or match["bare"])
            return (match.groupdict().get("head") or "", number) if number is not None else (line, None)
    return line, None


def _counting(lines: list[_Line]) -> list[_Line]:
    """The lines whose numbers go up with the pages, by one a page, compared with the nearest page that has one."""
    by_page = sorted(lines, key=lambda line: line.page)
    good: list[_Line] = []
    for at, line in enumerate(by_page):
        beside = by_page[max(0, at - 1) : at] + by_page[at + 1 : at + 2]
        if any(
            one.number is not None and line.number is not None and one.page != line.page
            and one.number - line.number == one.page - line.page and abs(one.page - line.page) <= 2
            for one in beside
        ):  # fmt: skip
            good.append(line)
    return good


def _on_most_pages(found: set[int], pages: int) -> bool:
    """Whether these are more than half of the pages, or most of the left ones or of the right ones (books alternate)."""
    if len(found) < MIN_PAGES:
        return False
    if len(found) > pages / 2:
        return True
    return any(sum(page % 2 == side for page in found) >= 0.8 * (pages // 2) for side in (0, 1))


def _only_here(
    text: str, lines: Sequence[Span], dropped: Mapping[Span, str], heads: Sequence[Sequence[_Line]]
) -> list[_Line]:
    """For each head that no kept line holds, the line that keeps it: one that parts no sentence, the first if all do."""
    if not heads:
        return []
    kept = "\n".join("".join(text[a:b].split()) for a, b in lines if (a, b) not in dropped)
    places = {span: at for at, span in enumerate(lines)}
    found = []
    for same in heads:
        if "".join(same[0].head.split()) in kept:
            continue
        ends = [line for line in same if _parts_no_sentence(text, lines, dropped, places[line.span])]
        found.append((ends or same)[0])
    return found


def _parts_no_sentence(text: str, lines: Sequence[Span], dropped: Mapping[Span, str], at: int) -> bool:
    before = next((lines[i] for i in range(at - 1, -1, -1) if lines[i] not in dropped), None)
    return before is None or sentence_ended(text, *before)
