"""The document around a quote: neighbouring text, the quote marked, removed and mended places shown on request."""

from __future__ import annotations

from rag.catalog import Record
from rag.datamodels import Removal
from rag.web.citing import reference
from rag.web.render import REASONS, inert, page_at, place, segments

REACH = 20_000  # characters shown on each side of the quote; more on request
_FACTS = (("doc_number", "文号"), ("issuer", "发文机关"), ("date", "日期"), ("validity", "效力"))


def source_view(record: Record, start: int, end: int, reach: int = REACH) -> str:
    """An HTML fragment; the caller has checked that the span lies in the document."""
    document = record.document
    length = len(document.text)
    first, last = max(0, start - reach), min(length, end + reach)
    facts = [f"{label}：{inert(document.metadata[key])}" for key, label in _FACTS if document.metadata.get(key)]
    page = page_at(document, start)
    facts += [inert(document.doc_id), *([inert(page)] if page else []), f"第 {start + 1}–{end} 字，共 {length} 字"]
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
    return (
        f'<div class="yw-source-head"><h2 id="yw-source-title">{inert(document.title)}</h2>'
        f'<div class="yw-path">{" · ".join(facts)}</div>{toggle}</div>'
        f'<div class="yw-source-text" tabindex="0" role="region" aria-label="文档全文">'
        f"{before}{_body(record, first, last, start, end)}{after}</div>"
        f'<div class="yw-reference">{inert(reference(document, start, end, page))}</div>'
    )


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
