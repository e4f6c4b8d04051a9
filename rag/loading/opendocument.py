"""OpenDocument text (.odt): headers, body with lists and tables, notes and text boxes, footers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rag.loading.guard import attribute, encrypted, local, open_package, parse_xml, reading
from rag.loading.records import Extracted, Job, TextBuilder
from rag.loading.tables import table_lines

if TYPE_CHECKING:
    from lxml import etree

MEDIA_TYPE = "application/vnd.oasis.opendocument.text"
_SPACE = re.compile(r"[ \t\r\n]+")
_UNSEEN = frozenset({
    "tracked-changes", "sequence-decls", "variable-decls", "user-field-decls", "forms", "desc", "title",
    "automatic-styles", "ruby-text", "event-listeners", "creator", "date",
})  # fmt: skip
_APART = frozenset({"note", "text-box", "annotation"})


def extract_odt(data: bytes, job: Job) -> Extracted:
    """Everything a reader of the document sees. Raises LoadError `damaged`, `encrypted`, `archive-bomb`."""
    builder = TextBuilder()
    title = ""
    with open_package(data, job, "ODT 文档", dtd=True) as archive, reading(job.name, "ODT 文档"):
        names = set(archive.namelist())
        if "META-INF/manifest.xml" in names and b"encryption-data" in archive.read("META-INF/manifest.xml"):
            raise encrypted(job.name)
        root = parse_xml(archive.read("content.xml"))
        heads, feet = _edges(parse_xml(archive.read("styles.xml"))) if "styles.xml" in names else ([], [])
        if "meta.xml" in names:
            title = parse_xml(archive.read("meta.xml")).findtext(".//{*}title") or ""
        notes: list[str] = []
        for line in heads:
            builder.add(line)
        body = next((e for e in root.iter() if local(e) == "body"), None)
        if body is None:
            raise ValueError("no body")
        for line in _blocks(body, notes):
            builder.add(line)
        for line in (*notes, *feet):
            builder.add(line)
    return Extracted(builder.text, MEDIA_TYPE, title=title)


def _blocks(container: etree._Element, notes: list[str]) -> Iterator[str]:
    for child in container:
        name = local(child)
        if name in {"p", "h"}:
            boxes: list[etree._Element] = []
            yield "".join(_inline(child, boxes))
            for box in boxes:
                lines = list(_blocks(box, notes))
                if local(box) == "note":
                    notes.extend(lines)
                else:
                    yield from lines
        elif name == "table":
            yield from table_lines(_rows(child, notes), header=_declared(child))
        elif name and name not in _UNSEEN:
            yield from _blocks(child, notes)


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
