"""Find what does not belong to a document's running text, and where one sentence was cut in two.

Nothing is deleted: the result is a list of source spans, each with its reason. Cutting leaves them out of passages,
the document view can still show them.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from rag.datamodels import Document, Removal
from rag.ingest.running_heads import PAGE_NUMBER, RUNNING_HEAD, running_heads
from rag.text.headings import RUN_IN_RANK, is_heading_line, marker_at, sentence_ended
from rag.text.spans import Span
from rag.text.tokenizing import dictionary_words, fold

CLEANER = "lines-4"  # changes whenever other spans of the same document would be removed
PAGE_BREAK = "page-break"
FRAGMENT = "fragment-number"
MARKUP = "markup"
SCRAPED = "scraped-page"
REASONS = {
    PAGE_BREAK: "分页断行", FRAGMENT: "残留编号", MARKUP: "网页标记", RUNNING_HEAD: "页眉页脚", PAGE_NUMBER: "页码",
    SCRAPED: "网页杂项",
}  # fmt: skip

# Buttons and links that document-sharing sites put around the text they show. Each matches a whole line.
_SCRAPED_LINE = re.compile(
    r"收藏\s*分享.*|下载\s*相关\s*举报|.{0,80}\.(?:docx?|pdf|pptx?|wps)_第\d+页"
    r"|第\s*\d+\s*页\s*/\s*共\s*\d+\s*页|亲[,，]\s*该文档总共.*|资源描述|展开阅读全文|相关资源|猜你喜欢|相关搜索"
    r"|当前位置[:：].*>.*"
    r"|(?:点击)?(?:加载更多|查看更多|阅读全文|下载文档|扫一扫.{0,12}|打印本页|关闭窗口)",
    re.IGNORECASE,
)
# What such a site says of the document stays, for somebody may ask where it is from; it is no part of any sentence.
_ABOUT_LINE = re.compile(
    r"上传人[:：].*|copyright\s*@.*|经营许可证编号[:：].*|.{0,20}ICP备.{0,20}|版权所有.{0,30}", re.IGNORECASE
)
_SITE_MARK = re.compile(r"上传人[:：]|亲[,，]\s*该文档总共|展开阅读全文|收藏\s*分享")
_FRAGMENT = re.compile(r"(\d{1,3})、")
# How loading writes a row of a table (`姓名：张三；单位：市总工会`, `姓名 | 张三`): whole as it is, however long.
_TABLE_ROW = re.compile(r"[^：；。，\n]{1,40}：[^\n]*；[^：；。，\n]{1,40}：|合计；|[^\n]*\S \| \S")
_LINK = re.compile(r"!?\[([^\[\]\n]{1,300})\]\([^()\s]{0,500}\)")
_PROSE = re.compile(r"[，、；。,;]")
# Formats whose lines may be broken anywhere; in the others (Word, HTML, …) a line is a paragraph.
RUNNING_TEXT = frozenset({"text/plain", "text/markdown", "message/rfc822"})
MIN_PIECE = 40  # characters between two numbers of a converter; the items of a list may be as long, but are not cut
_LAST_WORDS, _FIRST_WORDS = re.compile(r"[\u3400-\u9fff]+$"), re.compile(r"[\u3400-\u9fff]+")
MIN_PROSE_LINE = 20  # characters; shorter lines are names, dates or items and are never glued together


class TextLine(NamedTuple):
    """A non-blank line, its span trimmed of white space."""

    start: int
    end: int


def find_removals(document: Document) -> tuple[Removal, ...]:
    """Return the spans to leave out of passages, sorted and disjoint.

    document: its `text` and `pages` are read; offsets of the result are into `text`.
    """
    text = document.text
    lines = text_lines(text)
    heads = running_heads(document, lines)
    dropped = _boilerplate(document, lines) | {line: heads.dropped[line] for line in lines if line in heads.dropped}
    removals = [Removal(*line, reason) for line, reason in dropped.items()]
    kept = [line for line in lines if line not in dropped]
    numbers = _fragment_numbers(text, kept)
    if document.media_type in RUNNING_TEXT or _is_visual(document):
        width = _wrap_width(kept, certain=_is_visual(document))
        apart = heads.kept | {line for line in kept if _TABLE_ROW.match(text, *line)}
        removals += _joins(text, kept, numbers, sorted(dropped), apart, width)
    if "](" in text:
        for match in _LINK.finditer(text):
            removals.append(Removal(match.start(), match.start(1), MARKUP, joins=True))
            removals.append(Removal(match.end(1), match.end(), MARKUP, joins=True))
    return _disjoint(removals)


def text_lines(text: str) -> list[TextLine]:
    """All non-blank lines with white space trimmed off their spans."""
    return [TextLine(*match.span()) for match in re.finditer(r"\S(?:[^\n\r\f\v\x1c-\x1e\x85\u2028\u2029]*\S)?", text)]


def _boilerplate(document: Document, lines: list[TextLine]) -> dict[TextLine, str]:
    """Lines that are not the document's own text, with the reason."""
    text = document.text
    dropped: dict[TextLine, str] = {}
    if _SITE_MARK.search(text):
        dropped |= {line: SCRAPED for line in lines if _SCRAPED_LINE.fullmatch(text, *line)}
    return dropped


def _fragment_numbers(text: str, lines: list[TextLine]) -> dict[TextLine, int]:
    """Lines that open with a number which a converter put there, with the offset where their own text begins.

    Converters that cut a document at fixed lengths write `1、… 2、…` before each piece. Such numbers count up by one,
    most of the pieces stop in mid-sentence, and the pieces are long; outside of a document-sharing site's pages, they
    have to be of one length too, and one of them has to stop inside a word. All else is a list, which keeps its numbers.
    """
    found: list[tuple[int, TextLine, int]] = []
    for index, line in enumerate(lines):
        match = _FRAGMENT.match(text, *line)
        if match and int(match[1]) == len(found) + 1:
            found.append((index, line, match.end()))
    if len(found) < 3:
        return {}
    pieces = [(own, lines[index - 1].end) for (_, _, own), (index, _, _) in itertools.pairwise(found)]
    broken = sum(not _ends_sentence(text, lines[index - 1]) for index, _, _ in found[1:])
    lengths = sorted(end - own for own, end in pieces)
    if broken < 0.6 * len(pieces) or lengths[len(lengths) // 2] < MIN_PIECE:
        return {}
    if not _SITE_MARK.search(text):
        of_one_length = lengths[-1] - lengths[0] <= max(3, 0.02 * lengths[-1])
        starts = [own for _, _, own in found[1:]]
        if not of_one_length or not any(
            _in_a_word(text, end, own) for (_, end), own in zip(pieces, starts, strict=True)
        ):
            return {}
    return {line: end for _, line, end in found}


def _in_a_word(text: str, end: int, start: int) -> bool:
    """Whether the text before `end` and that from `start` on part a number or a word of the dictionary."""
    before, after = text[max(0, end - 4) : end], text[start : start + 4]
    if before[-1:].isdecimal() and after[:1].isdecimal():
        return True
    left, right = _LAST_WORDS.search(before), _FIRST_WORDS.match(after)
    if left is None or right is None:
        return False
    at, place = 0, len(fold(left[0]))
    for word in dictionary_words(left[0] + right[0]):
        if at < place < at + len(word):
            return True
        at += len(word)
    return False


def _is_visual(document: Document) -> bool:
    """Whether the lines of the text are those of the printed page (PDF, OFD, recognised scans)."""
    return document.metadata.get("line_breaks") == "visual"


def _joins(
    text: str,
    lines: list[TextLine],
    numbers: dict[TextLine, int],
    dropped: Sequence[TextLine],
    apart: frozenset[Span],
    width: int,
) -> list[Removal]:
    """Spans between two lines that are one sentence, and the converter's numbers.

    dropped: the lines left out, in order. apart: lines that are part of no sentence.
    """
    removals = []
    first_number = min(numbers.values(), default=0)
    for line, own_start in numbers.items():
        removals.append(Removal(line.start, own_start, FRAGMENT, joins=True))
    for before, after in itertools.pairwise(lines):
        if _ends_sentence(text, before) or before in apart or after in apart:
            continue
        if after in numbers:
            if numbers[after] > first_number:  # what comes before the first piece is not cut text
                removals.append(Removal(before.end, after.start, PAGE_BREAK, joins=True))
        elif _continues(text, before, after, width, bare_from=numbers.get(before)):
            at = before.end
            for line in dropped[bisect_left(dropped, (before.end, 0)) : bisect_left(dropped, (after.start, 0))]:
                removals.append(Removal(at, line.start, PAGE_BREAK, joins=True))
                at = line.end
            removals.append(Removal(at, after.start, PAGE_BREAK, joins=True))
    return removals


def _ends_sentence(text: str, line: TextLine) -> bool:
    return sentence_ended(text, *line)


def _continues(text: str, before: TextLine, after: TextLine, width: int, bare_from: int | None) -> bool:
    """Whether `after` goes on with the sentence that `before` leaves open."""
    start = bare_from if bare_from is not None else before.start
    length = before.end - start
    if _ABOUT_LINE.fullmatch(text, *before) or _ABOUT_LINE.fullmatch(text, *after):
        return False
    if text[after.start] in "，、；。！？）”’,;!?)":
        return length >= 2
    full = bool(width) and length >= 0.85 * width
    marker = marker_at(text, after.start, after.end)
    if marker is not None and not (full and marker.rank == RUN_IN_RANK):  # 一是 begins an item only after a stop
        return False
    if is_heading_line(text, start, before.end):
        return False
    if text.startswith(("|", "#", ">", "- ", "* "), before.start) or text.startswith(("|", "#", ">"), after.start):
        return False
    if text[before.end - 1] in "，、,":
        return length >= 6
    if full:
        return True
    return length >= MIN_PROSE_LINE and _PROSE.search(text, start, before.end) is not None and not width


def _wrap_width(lines: list[TextLine], *, certain: bool) -> int:
    """Characters a line where the text is hard-wrapped (as printed pages are), else 0.

    Wrapped text has most of its lines within 15 % of one common length below 80. certain: the loader knows it is.
    """
    lengths = sorted(line.end - line.start for line in lines)
    if not lengths or (len(lengths) < 8 and not certain):
        return 0
    typical = lengths[int(len(lengths) * 0.8)]
    if certain:
        return max(typical, 8)
    near = sum(0.85 * typical <= length <= 1.1 * typical for length in lengths)
    return typical if 15 <= typical <= 80 and near >= 0.4 * len(lengths) else 0


def _disjoint(removals: list[Removal]) -> tuple[Removal, ...]:
    """Sort and trim overlaps, the earlier span winning; empty spans vanish."""
    result: list[Removal] = []
    at = 0
    for removal in sorted(removals, key=lambda item: (item.start, item.end)):
        start = max(removal.start, at)
        if start < removal.end:
            result.append(Removal(start, removal.end, removal.reason, removal.joins))
            at = removal.end
    return tuple(result)
