"""Word documents (.docx): paragraphs, tables, text boxes, notes, headers and footers, with automatic numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING

from rag.errors import LoadError
from rag.ingest.loading.ooxml import comment_line, drawing_keys, drawn_words, left_out, office_package, words_of
from rag.ingest.loading.plain import extract_txt
from rag.ingest.loading.records import Extracted, Job, TextBuilder
from rag.ingest.loading.rtf import extract_rtf
from rag.ingest.loading.safety import attribute, local, parse_xml, parsing
from rag.ingest.loading.tables import table_lines
from rag.ingest.loading.web import add_html, archived_page, extract_html
from rag.ingest.loading.word_numbering import Numbering

if TYPE_CHECKING:
    from docx.document import Document as WordDocument
    from docx.opc.rel import _Relationship
    from lxml import etree

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}t"
_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
# Deleted text, field codes and the second rendering that Word stores for older readers are not what a reader sees.
_SKIP = frozenset({"del", "moveFrom", "instrText", "delText", "Fallback", "rPr", "pPr", "sectPr", "rt"})


def extract_docx(data: bytes, job: Job) -> Extracted:
    """Everything a reader of the document sees: headers first, then the body, then notes, footers and comments."""
    import docx

    data, archive = office_package(data, job, "Word 文档")
    warnings = left_out(archive.namelist())
    archive.close()
    builder = TextBuilder()
    with parsing(job.name, "Word 文档"):
        document = docx.Document(BytesIO(data))
        headers, footers = _edges(document, job)
        for line in headers:
            builder.add(line)
        sight = _Sight(Numbering.of(document), job, document.part.rels, warnings)
        body = document.element.body
        if body is None:
            raise ValueError("no body")
        for number, block in enumerate(_blocks(body, sight)):
            if number % 500 == 0:
                job.check_time()
            builder.add(block)
        notes = (*_notes(document, "footnotes", sight), *_notes(document, "endnotes", sight))
        for line in (*notes, *footers, *_comments(document)):
            builder.add(line)
        title = str(document.core_properties.title or "")
    return Extracted(builder.text, MEDIA_TYPE, title=title, warnings=tuple(warnings))


@dataclass(frozen=True, slots=True)
class _Sight:
    """What reading a part needs beside its XML. relations: of the part, by id. warnings: what could not be read, to add to."""

    numbering: Numbering
    job: Job
    relations: Mapping[str, _Relationship] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def _blocks(container: etree._Element, sight: _Sight) -> Iterator[str]:
    """Paragraphs and tables in order; content controls and tracked insertions are looked into."""
    for child in container:
        name = local(child)
        if name == "p":
            yield _paragraph(child, sight.numbering)
            for box in _boxes(child):
                yield from _blocks(box, sight)
            for key in drawing_keys(child):
                drawn = sight.relations.get(key)
                if drawn is not None and not drawn.is_external:
                    yield from drawn_words(parse_xml(drawn.target_part.blob))
        elif name == "altChunk":
            yield from _inserted(attribute(child, "id"), sight)
        elif name == "tbl":
            yield from table_lines(_rows(child, sight), header=_declared_header(child))
        elif name in {"sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag", "AlternateContent", "Choice"}:
            yield from _blocks(child, sight)


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


def _rows(table: etree._Element, sight: _Sight) -> list[list[str]]:
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
                text = "\n".join(b for b in _blocks(cell, sight) if b.strip())
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


def _edges(document: WordDocument, job: Job) -> tuple[list[str], list[str]]:
    """The distinct lines of all headers, and of all footers."""
    found: dict[str, dict[str, None]] = {"header": {}, "footer": {}}
    for relation in document.part.rels.values():
        kind = relation.reltype.rpartition("/")[2]
        if kind in found and not relation.is_external:
            for line in _blocks(parse_xml(relation.target_part.blob), _Sight(Numbering(), job)):
                text = line.strip()
                if text and not text.isdigit():
                    found[kind].setdefault(text)
    return list(found["header"]), list(found["footer"])


def _notes(document: WordDocument, kind: str, sight: _Sight) -> Iterator[str]:
    """Footnotes or endnotes in the order of the file, without the separators."""
    for relation in document.part.rels.values():
        if relation.reltype != _RELATION + kind or relation.is_external:
            continue
        for note in parse_xml(relation.target_part.blob):
            if note.get(_W + "type", "normal") == "normal":
                for line in _blocks(note, sight):
                    yield line.strip()


def _comments(document: WordDocument) -> Iterator[str]:
    """Comments in the order of the file, with who wrote them."""
    for relation in document.part.rels.values():
        if relation.reltype == _RELATION + "comments" and not relation.is_external:
            for comment in parse_xml(relation.target_part.blob).iter(_W + "comment"):
                yield comment_line(words_of(comment), comment.get(_W + "author", ""))


def _inserted(key: str, sight: _Sight) -> Iterator[str]:
    """The lines of a file that Word shows in place of an altChunk; one that cannot be read is named in a warning."""
    relation = sight.relations.get(key)
    if relation is None or relation.is_external:
        return
    part = relation.target_part
    name = str(part.partname).rpartition("/")[2]
    try:
        found = _of_kind(part.content_type, part.blob, sight.job)
    except LoadError as error:
        sight.warnings.append(f"插入的文件 {name} 没有读。 (inserted file not read) {error}")
        return
    if found is None:
        sight.warnings.append(f"插入的文件 {name} 没有读。 (inserted file not read)")
        return
    sight.warnings.extend(found.warnings)
    yield from found.text.split("\n")


def _of_kind(kind: str, data: bytes, job: Job) -> Extracted | None:
    """What an inserted file of a content type holds; None for kinds that cannot be inserted, or too deep."""
    if "html" in kind:
        return extract_html(data, job)
    if "rtf" in kind:
        return extract_rtf(data, job)
    if kind.startswith("text/plain"):
        return extract_txt(data, job)
    if kind == "message/rfc822":
        builder = TextBuilder()
        add_html(archived_page(data, job), job, builder)
        return Extracted(builder.text, kind)
    if "wordprocessingml" in kind and job.depth < job.limits.max_depth:
        return extract_docx(data, job.deeper())
    return None
