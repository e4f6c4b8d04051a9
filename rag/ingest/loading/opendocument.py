"""OpenDocument text (.odt): headers, body with lists and tables, notes and text boxes, footers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rag.ingest.loading.records import Extracted, Job, TextBuilder
from rag.ingest.loading.safety import attribute, encrypted, local, open_package, parse_xml, parsing
from rag.ingest.loading.tables import table_lines
from rag.ingest.loading.word_numbering import format_number
from rag.text.numerals import to_numeral

if TYPE_CHECKING:
    from lxml import etree

MEDIA_TYPE = "application/vnd.oasis.opendocument.text"
_HAN_FORMAT = frozenset("一壹")
_SPACE = re.compile(r"[ \t\r\n]+")
_FORMATS = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman",
            "①, ②, ③, ...": "decimalEnclosedCircle", "甲, 乙, 丙, ...": "ideographTraditional"}  # fmt: skip
_UNSEEN = frozenset({
    "tracked-changes", "sequence-decls", "variable-decls", "user-field-decls", "forms", "desc", "title",
    "automatic-styles", "ruby-text", "event-listeners", "creator", "date",
})  # fmt: skip
_APART = frozenset({"note", "text-box", "annotation"})


def extract_odt(data: bytes, job: Job) -> Extracted:
    """Everything a reader of the document sees. Raises LoadError `damaged`, `encrypted`, `archive-bomb`."""
    builder = TextBuilder()
    title = ""
    with open_package(data, job, "ODT 文档", dtd=True) as archive, parsing(job.name, "ODT 文档"):
        names = set(archive.namelist())
        if "META-INF/manifest.xml" in names and b"encryption-data" in archive.read("META-INF/manifest.xml"):
            raise encrypted(job.name)
        root = parse_xml(archive.read("content.xml"))
        styles = parse_xml(archive.read("styles.xml")) if "styles.xml" in names else None
        heads, feet = _edges(styles) if styles is not None else ([], [])
        if "meta.xml" in names:
            title = parse_xml(archive.read("meta.xml")).findtext(".//{*}title") or ""
        notes: list[str] = []
        for line in heads:
            builder.add(line)
        body = next((e for e in root.iter() if local(e) == "body"), None)
        if body is None:
            raise ValueError("no body")
        for line in _blocks(body, notes, _Lists(styles, root)):
            builder.add(line)
        for line in (*notes, *feet):
            builder.add(line)
    return Extracted(builder.text, MEDIA_TYPE, title=title)


class _Lists:
    """The numbers of list items, which are not in the text: counted as the items pass."""

    def __init__(self, *roots: etree._Element | None) -> None:
        self._styles: dict[str, dict[int, etree._Element]] = {}
        self._open: list[tuple[str, int]] = []
        self._counts: dict[tuple[str, int], int] = {}
        self._pending = ""
        for style in (s for root in roots if root is not None for s in root.iter("{*}list-style")):
            levels = {_count(e, "level"): e for e in style if local(e) == "list-level-style-number"}
            self._styles[attribute(style, "name")] = levels

    def enter(self, element: etree._Element) -> None:
        """Begin a list; an inner one without a style has that of the outer."""
        style = attribute(element, "style-name") or (self._open[-1][0] if self._open else "")
        key = (style, len(self._open) + 1)
        if attribute(element, "continue-numbering") != "true" and not attribute(element, "continue-list"):
            self._counts.pop(key, None)
        self._open.append(key)

    def leave(self) -> None:
        """End the innermost list."""
        self._open.pop()

    def item(self, element: etree._Element) -> None:
        """Count an item; its number waits for its first words."""
        key = self._open[-1] if self._open else ("", 0)
        level = self._styles.get(key[0], {}).get(key[1])
        if level is None or not attribute(level, "num-format"):
            return
        first = attribute(element, "start-value")
        begin = int(first) if first.isascii() and first.isdigit() and len(first) < 6 else None
        if begin is None:
            begin = self._counts.get(key, _count(level, "start-value") - 1) + 1
        self._counts[key] = begin
        shape = attribute(level, "num-format")
        shown = to_numeral(begin) if shape[0] in _HAN_FORMAT else format_number(begin, _FORMATS.get(shape, "decimal"))
        label = attribute(level, "num-prefix") + shown + attribute(level, "num-suffix")
        self._pending = label if label[-1] in "、.．)）" else label + " "

    def number(self) -> str:
        """The number that waits, once."""
        label, self._pending = self._pending, ""
        return label


def _blocks(container: etree._Element, notes: list[str], lists: _Lists | None = None) -> Iterator[str]:
    lists = lists or _Lists()
    for child in container:
        name = local(child)
        if name in {"p", "h"}:
            boxes: list[etree._Element] = []
            text = "".join(_inline(child, boxes))
            yield lists.number() + text if text.strip() else ""
            for box in boxes:
                lines = list(_blocks(box, notes))
                if local(box) == "note":
                    notes.extend(lines)
                else:
                    yield from lines
        elif name == "table":
            yield from table_lines(_rows(child, notes), header=_declared(child))
        elif name == "list":
            lists.enter(child)
            yield from _blocks(child, notes, lists)
            lists.leave()
        elif name and name not in _UNSEEN:
            if name == "list-item":
                lists.item(child)
            yield from _blocks(child, notes, lists)


def _inline(element: etree._Element, boxes: list[etree._Element]) -> Iterator[str]:
    """Text of a paragraph; notes and text boxes in it are put into `boxes`."""
    yield _SPACE.sub(" ", element.text or "")
    for child in element:
        name = local(child)
        if name == "s":
            count = attribute(child, "c")
            yield " " * (min(int(count), 1000) if count.isascii() and count.isdigit() else 1)
        elif name == "tab":
            yield "\t"
        elif name == "line-break":
            yield "\n"
        elif name in _APART:
            boxes.append(child)
        elif name and name not in _UNSEEN:
            yield from _inline(child, boxes)
        yield _SPACE.sub(" ", child.tail or "")


def _rows(table: etree._Element, notes: list[str]) -> list[list[str]]:
    rows: list[list[str]] = []
    above: dict[int, tuple[int, str]] = {}
    for row in _table_rows(table):
        line: list[str] = []
        for cell in row:
            kind = local(cell)
            if kind not in {"table-cell", "covered-table-cell"}:
                continue
            repeat = min(_count(cell, "number-columns-repeated"), 100)
            for _ in range(repeat):
                column = len(line)
                left, text = above.pop(column, (0, ""))
                if kind == "table-cell":
                    text = "\n".join(b for b in _blocks(cell, notes) if b.strip())
                    left = _count(cell, "number-rows-spanned")
                if left > 1:
                    above[column] = (left - 1, text)
                line.append(text)
        rows.append(line)
    return rows


def _table_rows(table: etree._Element) -> Iterator[etree._Element]:
    for child in table:
        name = local(child)
        if name == "table-row":
            yield child
        elif name in {"table-header-rows", "table-rows", "table-row-group"}:
            yield from _table_rows(child)


def _count(cell: etree._Element, name: str) -> int:
    value = attribute(cell, name)
    return max(int(value), 1) if value.isascii() and value.isdigit() and len(value) < 6 else 1


def _declared(table: etree._Element) -> bool | None:
    return True if any(local(c) == "table-header-rows" for c in table) else None


def _edges(styles: etree._Element) -> tuple[list[str], list[str]]:
    """The distinct lines of the headers, and of the footers, of all page styles."""
    found: dict[str, dict[str, None]] = {"header": {}, "footer": {}}
    for element in styles.iter():
        kind = local(element).split("-")[0]
        if kind in found and local(element) in {kind, f"{kind}-left", f"{kind}-first"}:
            for line in _blocks(element, []):
                if line.strip() and not line.strip().isdigit():
                    found[kind].setdefault(line.strip())
    return list(found["header"]), list(found["footer"])
