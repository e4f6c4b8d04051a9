"""Word documents (.docx): paragraphs, tables, text boxes, notes, headers and footers, with automatic numbers."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING

from rag.ingest.loading.records import Extracted, Job, TextBuilder
from rag.ingest.loading.safety import local, open_package, parse_xml, parsing
from rag.ingest.loading.tables import table_lines
from rag.ingest.loading.word_numbering import Numbering

if TYPE_CHECKING:
    from docx.document import Document as WordDocument
    from lxml import etree

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
# Deleted text, field codes and the second rendering that Word stores for older readers are not what a reader sees.
_SKIP = frozenset({"del", "moveFrom", "instrText", "delText", "Fallback", "rPr", "pPr", "sectPr", "rt"})


def extract_docx(data: bytes, job: Job) -> Extracted:
    """Everything a reader of the document sees: headers first, then the body, then notes and footers."""
    import docx

    open_package(data, job, "Word 文档").close()
    builder = TextBuilder()
    with parsing(job.name, "Word 文档"):
        document = docx.Document(BytesIO(data))
        headers, footers = _edges(document)
        for line in headers:
            builder.add(line)
        numbering = Numbering.of(document)
        body = document.element.body
        if body is None:
            raise ValueError("no body")
        for number, block in enumerate(_blocks(body, numbering)):
            if number % 500 == 0:
                job.check_time()
            builder.add(block)
        for line in (*_notes(document, "footnotes", numbering), *_notes(document, "endnotes", numbering), *footers):
            builder.add(line)
        title = str(document.core_properties.title or "")
    return Extracted(builder.text, MEDIA_TYPE, title=title)


def _blocks(container: etree._Element, numbering: Numbering) -> Iterator[str]:
    """Paragraphs and tables in order; content controls and tracked insertions are looked into."""
    for child in container:
        name = local(child)
        if name == "p":
            yield _paragraph(child, numbering)
            for box in _boxes(child):
                yield from _blocks(box, numbering)
        elif name == "tbl":
            yield from table_lines(_rows(child, numbering), header=_declared_header(child))
        elif name in {"sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag", "AlternateContent", "Choice"}:
            yield from _blocks(child, numbering)


def _paragraph(paragraph: etree._Element, numbering: Numbering) -> str:
    parts = [numbering.label(paragraph)]
    _inline(paragraph, parts)
    text = "".join(parts)
    return text if text.strip() != parts[0].strip() else ""


def _inline(element: etree._Element, parts: list[str]) -> None:
    for child in element:
        name = local(child)
        if not name or name in _SKIP or name == "txbxContent":
            continue
        if name == "t" and child.tag in {_W + "t", _MATH}:
            parts.append(child.text or "")
        elif name in {"tab", "ptab"}:
            parts.append("\t")
        elif name in {"br", "cr"}:
            parts.append("\n")
        elif name == "noBreakHyphen":
            parts.append("-")
        elif name == "sym":
            parts.append(_symbol(child))
        else:
            _inline(child, parts)


def _symbol(element: etree._Element) -> str:
    """A character set in a symbol font: shown as itself where it lies outside the private area."""
    try:
        code = int(element.get(_W + "char") or "", 16)
    except ValueError:
        return ""
    return "□" if 0xF000 <= code <= 0xF0FF or not 0x20 <= code < 0xD800 else chr(code)


def _boxes(paragraph: etree._Element) -> list[etree._Element]:
    """Text boxes anchored in a paragraph, without their copies for older readers and without boxes inside boxes."""
    found = []
    for box in paragraph.iter(_W + "txbxContent"):
        above = [local(p) for p in _up_to(box, paragraph)]
        if "Fallback" not in above and "txbxContent" not in above and "del" not in above:
            found.append(box)
    return found


def _up_to(element: etree._Element, top: etree._Element) -> Iterator[etree._Element]:
    parent = element.getparent()
    while parent is not None and parent is not top:
        yield parent
        parent = parent.getparent()


def _rows(table: etree._Element, numbering: Numbering) -> list[list[str]]:
    """Cell texts by row; a cell merged downwards repeats in each row it covers, one merged sideways is given once."""
    rows: list[list[str]] = []
    above: dict[int, str] = {}
    for row in _unwrapped(table, "tr"):
        line: list[str] = []
        skipped = row.find(f"{_W}trPr/{_W}gridBefore")
        line.extend([""] * _number(skipped))
        for cell in _unwrapped(row, "tc"):
            merge = cell.find(f"{_W}tcPr/{_W}vMerge")
            column = len(line)
            if merge is not None and merge.get(_W + "val", "continue") == "continue":
                text = above.get(column, "")
            else:
                text = "\n".join(b for b in _blocks(cell, numbering) if b.strip())
                above.pop(column, None)
                if merge is not None:
                    above[column] = text
            line.append(text)
            span = max(_number(cell.find(f"{_W}tcPr/{_W}gridSpan")), 1)
            line.extend([""] * (span - 1))
        rows.append(line)
    return rows


def _unwrapped(element: etree._Element, name: str) -> Iterator[etree._Element]:
    for child in element:
        kind = local(child)
        if kind == name:
            yield child
        elif kind in {"sdt", "sdtContent", "ins", "customXml"}:
            yield from _unwrapped(child, name)


def _number(element: etree._Element | None) -> int:
    """The w:val of an element as a small count; 0 where there is none."""
    value = "" if element is None else element.get(_W + "val", "")
    return min(int(value), 200) if value.isascii() and value.isdigit() and len(value) < 6 else 0


def _declared_header(table: etree._Element) -> bool | None:
    row = next(_unwrapped(table, "tr"), None)
    mark = None if row is None else row.find(f"{_W}trPr/{_W}tblHeader")
    return True if mark is not None and mark.get(_W + "val", "1") not in {"0", "false", "off"} else None


def _edges(document: WordDocument) -> tuple[list[str], list[str]]:
    """The distinct lines of all headers, and of all footers."""
    found: dict[str, dict[str, None]] = {"header": {}, "footer": {}}
    for relation in document.part.rels.values():
        kind = relation.reltype.rpartition("/")[2]
        if kind in found and not relation.is_external:
            for line in _blocks(parse_xml(relation.target_part.blob), Numbering()):
                text = line.strip()
                if text and not text.isdigit():
                    found[kind].setdefault(text)
    return list(found["header"]), list(found["footer"])


def _notes(document: WordDocument, kind: str, numbering: Numbering) -> Iterator[str]:
    """Footnotes or endnotes in the order of the file, without the separators."""
    for relation in document.part.rels.values():
        if relation.reltype != _RELATION + kind or relation.is_external:
            continue
        for note in parse_xml(relation.target_part.blob):
            if note.get(_W + "type", "normal") == "normal":
                for line in _blocks(note, numbering):
                    yield line.strip()
