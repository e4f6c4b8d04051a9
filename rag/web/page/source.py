"""The document around a quote: neighbouring text, the quote marked, removed and mended places shown on request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from rag.datamodels import Document, LineBox, Removal
from rag.index.catalog import Record
from rag.search.answering import page_label
from rag.web.front.inert import span_address
from rag.web.front.language import CHINESE, Language, message, say
from rag.web.front.rendering import render
from rag.web.page.citing import reference
from rag.web.page.render import facts_shown, segments

REACH = 20_000  # characters shown on each side of the quote; more on request
SHEETS = 3  # pages of a quote shown at once; others on request
REASONS = {
    "page-break": message("分页断行"), "fragment-number": message("残留编号"), "markup": message("网页标记"),
    "running-head": message("页眉页脚"), "page-number": message("页码"), "scraped-page": message("网页杂项"),
}  # fmt: skip

OTHER_REASON = message("已剔除")


@dataclass(frozen=True, slots=True)
class BoxShown:
    """A box on a page's image, in per cent of it."""

    left: str
    top: str
    width: str
    height: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page of the document with what is boxed on it. number: from 1."""

    number: int
    label: str
    boxes: tuple[BoxShown, ...]


@dataclass(frozen=True, slots=True)
class NextPage:
    """A button for the page before or after. by: -1 or 1, where the next click leads. of: number of pages."""

    number: int
    by: int
    of: int
    label: str


@dataclass(frozen=True, slots=True)
class Sheets:
    """The pages shown, and those before and after where there are any."""

    shown: tuple[Sheet, ...]
    before: NextPage | None
    after: NextPage | None


@dataclass(frozen=True, slots=True)
class SourcePiece:
    """A stretch of the document. page: label of the page that begins here. cut: why it was removed, or "".

    first: of the quote.
    """

    text: str
    page: str
    quoted: bool
    first: bool
    cut: str


def source_view(
    record: Record, start: int, end: int, reach: int = REACH, boxes: Sequence[LineBox] = (), pictured: bool = False,
    language: Language = CHINESE,
) -> Markup:  # fmt: skip
    """An HTML fragment; the caller has checked that the span lies in the document.

    boxes: where the span is on its pages. pictured: the service can show the pages.
    """
    document = record.document
    length = len(document.text)
    first, last = max(0, start - reach), min(length, end + reach)
    page = page_label(document, start)
    return render(
        "source/view.html", language, title=document.title, doc_id=document.doc_id, page=page, start=start, end=end,
        length=length, facts=facts_shown(document.metadata, language), before=first, after=length - last,
        cuts=sum(r.start < last and r.end > first for r in record.removals), further=reach * 8,
        where=span_address(document.doc_id, start, end), pieces=_pieces(record, first, last, start, end, language),
        sheets=_sheets(document, start, boxes, language) if pictured else None,
        reference=reference(document, start, end, page),
    )  # fmt: skip


def _sheets(document: Document, start: int, boxes: Sequence[LineBox], language: Language) -> Sheets:
    """The pages that the quote is on, each with the quote boxed; a script draws the images and fetches others."""
    at = [number for number, page in enumerate(document.pages, 1) if page.start <= start] or [1]
    first = at[-1]
    last = max([box.page for box in boxes if box.page >= first], default=first)
    numbers = range(first, min(last, first + SHEETS - 1) + 1)
    return Sheets(
        tuple(_sheet(document, number, boxes) for number in numbers),
        _next_page(document, first - 1, -1, say(language, "上一页")),
        _next_page(document, numbers[-1] + 1, 1, say(language, "下一页")),
    )


def _sheet(document: Document, number: int, boxes: Sequence[LineBox]) -> Sheet:
    own = tuple(
        BoxShown(f"{box.x0:.2%}", f"{box.top:.2%}", f"{box.x1 - box.x0:.2%}", f"{box.bottom - box.top:.2%}")
        for box in boxes
        if box.page == number
    )
    return Sheet(number, document.pages[number - 1].label, own)


def _next_page(document: Document, number: int, by: int, label: str) -> NextPage | None:
    """None at the ends of the document."""
    count = len(document.pages)
    return NextPage(number, by, count, label) if 1 <= number <= count else None


def _pieces(record: Record, first: int, last: int, start: int, end: int, language: Language) -> list[SourcePiece]:
    """The text of `[first, last)`, piece by piece."""
    document = record.document
    removals = [r for r in record.removals if r.start < last and r.end > first]
    pages = {page.start: page.label for page in document.pages if first <= page.start < last}
    points = [(at, at) for at in pages]
    found: list[SourcePiece] = []
    marked = False
    for a, b, (quoted, cut, _) in segments(first, last, [(start, end)], [(r.start, r.end) for r in removals], points):
        reason = _reason(removals, a, language) if cut else ""
        found.append(SourcePiece(document.text[a:b], pages.get(a, ""), quoted, quoted and not marked, reason))
        marked = marked or quoted
    return found


def _reason(removals: list[Removal], at: int, language: Language) -> str:
    found = next(r for r in removals if r.start <= at < r.end)
    name = say(language, REASONS.get(found.reason, OTHER_REASON))
    return say(language, "{reason}，前后文已接续", reason=name) if found.joins else name
