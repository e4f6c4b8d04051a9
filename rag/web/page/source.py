"""The document around a quote: neighbouring text, the quote marked, removed and mended places shown on request."""

from __future__ import annotations

from collections.abc import Sequence

from rag.datamodels import Document, LineBox, Removal
from rag.index.catalog import Record
from rag.web.front.inert import inert, percent
from rag.web.page.citing import reference
from rag.web.page.render import REASONS, document_facts, page_at, place, segments

REACH = 20_000  # characters shown on each side of the quote; more on request
SHEETS = 3  # pages of a quote shown at once; others on request


def source_view(
    record: Record, start: int, end: int, reach: int = REACH, boxes: Sequence[LineBox] = (), pictured: bool = False
) -> str:
    """An HTML fragment; the caller has checked that the span lies in the document.

    boxes: where the span stands on its pages. pictured: the service can show the pages.
    """
    document = record.document
    length = len(document.text)
    first, last = max(0, start - reach), min(length, end + reach)
    page = page_at(document, start)
    facts = [inert(document.doc_id), *([inert(page)] if page else []), f"第 {start + 1}–{end} 字，共 {length} 字"]
    cut = sum(r.start < last and r.end > first for r in record.removals)
    toggle = (
        '<label class="yw-toggle"><input type="checkbox" id="yw-show-cuts"> '
        f"显示被剔除的内容和接续处（{cut} 处）</label>" if cut else ""
    )  # fmt: skip
    where = place(document.doc_id, start, end)
    before, after = (
        f'<button type="button" class="yw-act yw-wider" value="source?{where}&amp;r={reach * 8}">'
        f"{side}面还有 {count} 字，点此显示</button>" if count else ""
        for side, count in (("前", first), ("后", length - last))
    )  # fmt: skip
    sheets = _sheets(document, start, end, boxes) if pictured else ""
    views = _VIEWS if pictured else ""
    return (
        f'<div class="yw-source-head"><h2 id="yw-source-title">{inert(document.title)}</h2>'
        f'{document_facts(document.metadata)}<div class="yw-path">{" · ".join(facts)}</div>{views}{toggle}</div>{sheets}'
        f'<div class="yw-source-text" tabindex="0" role="region" aria-label="文档全文">'
        f"{before}{_body(record, first, last, start, end)}{after}</div>"
        f'<div class="yw-reference">{inert(reference(document, start, end, page))}</div>'
    )


_VIEWS = (
    '<div class="yw-views" role="group" aria-label="查看方式">'
    '<button type="button" class="yw-act" value="view?sheet" aria-pressed="true">版面</button>'
    '<button type="button" class="yw-act" value="view?text" aria-pressed="false">文字</button></div>'
)


def _sheets(document: Document, start: int, end: int, boxes: Sequence[LineBox]) -> str:
    """The pages that the quote stands on, each with the quote boxed; a script draws the images and fetches others."""
    at = [number for number, page in enumerate(document.pages, 1) if page.start <= start] or [1]
    first = at[-1]
    last = max([box.page for box in boxes if box.page >= first], default=first)
    numbers = range(first, min(last, first + SHEETS - 1) + 1)
    figures = "".join(_sheet(document, number, boxes) for number in numbers)
    return (
        f'<div class="yw-sheets" tabindex="0" role="region" aria-label="版面">{_turn(document, first - 1, -1, "上一页")}'
        f"{figures}{_turn(document, numbers[-1] + 1, 1, '下一页')}</div>"
    )


def _sheet(document: Document, number: int, boxes: Sequence[LineBox]) -> str:
    """One page as a figure."""
    name = inert(document.pages[number - 1].label)
    marks = "".join(
        f'<span class="yw-box" style="left:{box.x0:.2%};top:{box.top:.2%};width:{box.x1 - box.x0:.2%};'
        f'height:{box.bottom - box.top:.2%}"></span>'
        for box in boxes
        if box.page == number
    )
    said = "，引文已加框" if marks else ""
    return (
        f'<figure class="yw-sheet"><div class="yw-leaf"><img alt="{name}的版面{said}" '
        f'data-src="../api/v1/documents/{percent(document.doc_id)}/pages/{number}">{marks}</div>'
        f"<figcaption>{name}</figcaption></figure>"
    )


def _turn(document: Document, number: int, by: int, label: str) -> str:
    """A button for the page before or after; nothing at the ends of the document."""
    count = len(document.pages)
    if not 1 <= number <= count:
        return ""
    where = f"d={percent(document.doc_id)}&amp;n={number}&amp;by={by}&amp;of={count}"
    return f'<button type="button" class="yw-act yw-wider" value="sheet?{where}">{label}</button>'


def _body(record: Record, first: int, last: int, start: int, end: int) -> str:
    """The text of `[first, last)`, piece by piece."""
    document = record.document
    removals = [r for r in record.removals if r.start < last and r.end > first]
    pages = {page.start: page.label for page in document.pages if first <= page.start < last}
    parts: list[str] = []
    marked = False
    points = [(at, at) for at in pages]
    for a, b, (quoted, cut, _) in segments(first, last, [(start, end)], [(r.start, r.end) for r in removals], points):
        if a in pages:
            parts.append(f'<span class="yw-page" role="note">{inert(pages[a])}</span>')
        text = inert(document.text[a:b])
        if cut:
            text = f'<del class="yw-cut" title="{_reason(removals, a)}">{text}</del>'
        if quoted:
            identity = "" if marked else ' id="yw-quote" tabindex="-1"'
            text, marked = f"<mark{identity}>{text}</mark>", True
        parts.append(text)
    return "".join(parts)


def _reason(removals: list[Removal], at: int) -> str:
    found = next(r for r in removals if r.start <= at < r.end)
    return f"{REASONS.get(found.reason, '已剔除')}{'，前后文已接续' if found.joins else ''}"
