"""HTML and XHTML: the text a reader sees, in order; tables as rows."""

from __future__ import annotations

import email
import email.policy
import re
from typing import TYPE_CHECKING

from rag.errors import LoadError
from rag.ingest.loading.encodings import decode
from rag.ingest.loading.plain import encoding_facts
from rag.ingest.loading.records import MB, Extracted, Job, TextBuilder
from rag.ingest.loading.safety import local, parsing, too_large, whole_text
from rag.ingest.loading.tables import table_lines

if TYPE_CHECKING:
    from lxml import etree

_UNSEEN = frozenset({"script", "style", "noscript", "template", "head", "iframe", "object", "embed", "svg", "canvas",
                     "audio", "video", "map", "datalist"})  # fmt: skip
# Navigation is left out, and counted, only beside a marked main part: pages without one may put text anywhere.
_AROUND = frozenset({"nav", "aside"})
_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "dir", "div",
    "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header",
    "hr", "html", "legend", "li", "main", "menu", "nav", "ol", "option", "p", "pre", "section", "summary", "title",
    "table", "tbody", "thead", "tfoot", "td", "th", "tr", "ul",
})  # fmt: skip
_TABLE_PARTS = frozenset({"thead", "tbody", "tfoot", "tr"})
_IN_TABLE = frozenset({"td", "th", "caption", "col", "colgroup"})
_SPACE = re.compile(r"[ \t\r\n\f]+")
_META_CHARSET = re.compile(rb"<meta[^>]{0,300}?charset\s*=\s*[\"']?\s*([\w-]{2,40})", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w-]{2,40})", re.IGNORECASE)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


def extract_html(data: bytes, job: Job) -> Extracted:
    """The visible text of a page, its title, and what was left out as navigation."""
    declared = _META_CHARSET.search(data[:4096]) or _XML_ENCODING.search(data[:400])
    decoded = decode(data, job.name, declared=declared[1].decode("ascii") if declared else "")
    builder = TextBuilder()
    title, skipped = add_html(decoded.text, job, builder)
    warnings = (f"略去导航栏、侧栏 {skipped} 字。 (navigation left out)",) if skipped else ()
    return Extracted(
        builder.text, "text/html", title=title, metadata=encoding_facts(decoded),
        warnings=(*decoded.warnings, *warnings),
    )  # fmt: skip


def archived_page(data: bytes, job: Job) -> str:
    """The page of a web archive (.mht): the first HTML or text part of the mail that it is."""
    message = email.message_from_bytes(data, policy=email.policy.compat32)
    for part in message.walk():
        body = part.get_payload(decode=True)
        if part.get_content_maintype() == "text" and isinstance(body, bytes) and body.strip():
            return decode(body, job.name, declared=part.get_content_charset("") or "").text
    return ""


def add_html(source: str, job: Job, builder: TextBuilder) -> tuple[str, int]:
    """Add the visible text of `source` to `builder`; returns (title, characters of navigation left out).

    Raises LoadError `too-large` where the page is nested or sized beyond what the parser reads without loss.
    """
    from lxml import etree

    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=False)
    clean = source.replace("\x00", " ").encode("utf-8", "replace")
    if len(clean) > job.limits.max_markup:
        raise too_large(job.name, f"网页超过上限 {job.limits.max_markup // MB} MB")
    if not clean.strip():
        return "", 0
    with parsing(job.name, "网页"):
        root = etree.fromstring(clean, parser)
    for entry in parser.error_log:
        # The parser recovers from bad tags, but past these limits it stops reading: that must not pass in silence.
        if "xcessive depth" in entry.message or "huge" in entry.message.lower() or "too long" in entry.message.lower():
            raise too_large(job.name, "网页嵌套过深或单段文字过长")
    if root is None:
        raise LoadError(f"{job.name}：网页里没有内容。 (empty page)", code="empty-file")
    title = " ".join((root.findtext(".//title") or "").split())
    walker = _Walker(builder, has_main=root.find(".//main") is not None or root.find(".//article") is not None)
    walker.walk(root)
    return title, walker.skipped


class _Walker:
    """Walks a parsed page and hands paragraphs to a TextBuilder."""

    def __init__(self, builder: TextBuilder, *, has_main: bool) -> None:
        self.builder = builder
        self.has_main = has_main
        self.skipped = 0
        self._line: list[str] = []
        self._number = ""  # of a list item, until its first words come
        self._items: dict[etree._Element, int] = {}

    def walk(self, element: etree._Element) -> None:
        """Add everything under `element`; depth is bounded by the parser (256)."""
        self._visit(element)
        self._flush()

    def _visit(self, element: etree._Element) -> None:
        name = local(element).lower()
        if not name or name in _UNSEEN or _is_hidden(element):
            return
        if name in _AROUND and self.has_main and not _within_main(element):
            self.skipped += len(whole_text(element).strip())
            return
        if name == "br":
            self._flush()
            return
        if name == "table":
            self._flush()
            self._table(element)
            return
        block = name in _BLOCKS
        if block:
            self._flush()
        if name == "li":
            self._number = self._list_number(element)
        if name == "pre":
            self.builder.add(whole_text(element))
            return
        self._inline(element.text)
        for child in element:
            self._visit(child)
            self._inline(child.tail)
        if block:
            self._flush()

    def _list_number(self, item: etree._Element) -> str:
        """The number a reader sees before an item of an ordered list; items are counted as they pass."""
        parent = item.getparent()
        if parent is None or local(parent).lower() != "ol" or parent.get("type", "1") != "1":
            return ""
        first = parent.get("start", "1")
        begin = int(first) if first.isascii() and first.isdigit() and len(first) < 6 else 1
        number = self._items.get(parent, begin)
        self._items[parent] = number + 1
        return f"{number}. "

    def _inline(self, text: str | None) -> None:
        if text:
            self._line.append(_SPACE.sub(" ", text))

    def _flush(self) -> None:
        line = _SPACE.sub(" ", "".join(self._line)).strip(" ")
        self._line = []
        if line:
            self.builder.add(self._number + line)
            self._number = ""

    def _stray(self, part: etree._Element) -> None:
        """Text of a table outside its cells: browsers show it above the table."""
        self._flush()
        self._inline(part.text)
        for child in part:
            name = local(child).lower()
            if name in _TABLE_PARTS:
                self._stray(child)
            elif name and name not in _IN_TABLE:
                self._visit(child)
            self._inline(child.tail)
        self._flush()

    def _table(self, table: etree._Element) -> None:
        rows = [r for r in table.iter("tr", "{*}tr") if _nearest(r, "table") is table]
        inner = any(local(e).lower() == "table" for e in table.iterdescendants())
        widest = max((len(_cells(r)) for r in rows), default=0)
        caption = next((c for c in table if local(c).lower() == "caption"), None)
        if caption is not None:
            self.builder.add(_cell_text(caption))
        self._stray(table)
        if inner or widest <= 1:
            for row in rows:  # a table that only lays out the page: its cells are running text
                for cell in _cells(row):
                    self._inline(cell.text)
                    for child in cell:
                        self._visit(child)
                        self._inline(child.tail)
                    self._flush()
            return
        grid = _grid(rows)
        header = _declares_header(rows)
        for line in table_lines(grid, header=header):
            self.builder.add(line)


def _grid(rows: list[etree._Element]) -> list[list[str]]:
    """Cell texts by row, with the cells that span several rows or columns filled in."""
    grid: list[list[str]] = []
    open_spans: dict[int, tuple[int, str]] = {}
    for row in rows:
        line: list[str] = []
        for cell in _cells(row):
            while len(line) in open_spans:
                _carry(line, open_spans)
            text = _cell_text(cell)
            wide, deep = _span(cell, "colspan", 50), _span(cell, "rowspan", 200)
            for extra in range(wide):
                if deep > 1:
                    open_spans[len(line)] = (deep - 1, "" if extra else text)
                line.append("" if extra else text)
        while len(line) in open_spans:
            _carry(line, open_spans)
        grid.append(line)
    return grid


def _carry(line: list[str], open_spans: dict[int, tuple[int, str]]) -> None:
    left, text = open_spans.pop(len(line))
    if left > 1:
        open_spans[len(line)] = (left - 1, text)
    line.append(text)


def _span(cell: etree._Element, name: str, most: int) -> int:
    value = cell.get(name, "1").strip()
    return min(max(int(value), 1), most) if value.isascii() and value.isdigit() and len(value) < 6 else 1


def _cells(row: etree._Element) -> list[etree._Element]:
    return [c for c in row if local(c).lower() in {"td", "th"}]


def _cell_text(cell: etree._Element) -> str:
    builder = TextBuilder()
    _Walker(builder, has_main=False).walk(cell)
    return builder.text.strip()


def _declares_header(rows: list[etree._Element]) -> bool | None:
    if not rows:
        return None
    first = [local(c).lower() for c in _cells(rows[0])]
    parent = rows[0].getparent()
    if (first and all(n == "th" for n in first)) or (parent is not None and local(parent).lower() == "thead"):
        return True
    return None


def _nearest(element: etree._Element, name: str) -> etree._Element | None:
    parent = element.getparent()
    while parent is not None and local(parent).lower() != name:
        parent = parent.getparent()
    return parent


def _within_main(element: etree._Element) -> bool:
    return any(local(p).lower() in {"main", "article"} for p in element.iterancestors())


def _is_hidden(element: etree._Element) -> bool:
    return "hidden" in element.attrib or bool(_HIDDEN.search(element.get("style", "")))
