"""Presentations (.pptx): each slide a page; shapes in order, tables, charts, diagrams, then the notes."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING

from rag.ingest.loading.ooxml import comment_line, drawing_keys, drawn_words, left_out, office_package, words_of
from rag.ingest.loading.records import Extracted, Job, TextBuilder
from rag.ingest.loading.safety import local, parse_xml, parsing
from rag.ingest.loading.tables import table_lines

if TYPE_CHECKING:
    from lxml import etree
    from pptx.presentation import Presentation
    from pptx.slide import Slide

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.presentationml.presentation"


def extract_pptx(data: bytes, job: Job) -> Extracted:
    """Slides in their order, each a page labelled 幻灯片N; its notes and comments follow its text."""
    import pptx

    data, archive = office_package(data, job, "演示文稿")
    names = archive.namelist()
    archive.close()
    builder = TextBuilder()
    with parsing(job.name, "演示文稿"):
        presentation = pptx.Presentation(BytesIO(data))
        for number, slide in enumerate(presentation.slides, start=1):
            job.check_time()
            builder.page(f"幻灯片{number}")
            for line in _shapes(slide.shapes._spTree, slide):
                builder.add(line)
            if slide.has_notes_slide:
                frame = slide.notes_slide.notes_text_frame
                if frame is not None:
                    for line in _paragraphs(frame._txBody):
                        builder.add(line)
            for line in _comments(slide):
                builder.add(line)
        title = _first_title(presentation) or str(presentation.core_properties.title or "")
    return Extracted(builder.text, MEDIA_TYPE, title=title, pages=builder.pages, warnings=tuple(left_out(names)))


def _first_title(presentation: Presentation) -> str:
    """The title of the first slide: templates leave other names in the properties."""
    for slide in presentation.slides:
        shape = slide.shapes.title
        return " ".join(shape.text_frame.text.split()) if shape is not None else ""
    return ""


def _shapes(tree: etree._Element, slide: Slide) -> Iterator[str]:
    """Text of the shapes of a slide or group in their order; python-pptx has no API for diagrams and math."""
    for shape in tree:
        kind = local(shape)
        if kind in {"grpSp", "AlternateContent", "Choice"}:
            yield from _shapes(shape, slide)
        elif kind in {"sp", "cxnSp"}:
            for body in shape:
                if local(body) == "txBody":
                    yield from _paragraphs(body)
        elif kind == "graphicFrame":
            yield from _graphic(shape, slide)


def _graphic(frame: etree._Element, slide: Slide) -> Iterator[str]:
    for element in frame.iter():
        kind = local(element)
        if kind == "tbl":
            rows = [r for r in element if local(r) == "tr"]
            properties = next((p for p in element if local(p) == "tblPr"), None)
            marked = properties is not None and properties.get("firstRow") in {"1", "true"}
            cells = [["\n".join(_paragraphs(c)) for c in r if local(c) == "tc"] for r in rows]
            yield from table_lines(cells, header=True if marked and len(cells[0]) > 1 else None)
            return
    for key in drawing_keys(frame):
        yield from _related(slide, key)


def _related(slide: Slide, relation_id: str) -> Iterator[str]:
    """The words of a chart (titles, series, categories with their values) or of a diagram."""
    relation = slide.part.rels.get(relation_id)
    if relation is None or relation.is_external:
        return
    yield from drawn_words(parse_xml(relation.target_part.blob))


def _comments(slide: Slide) -> Iterator[str]:
    """Comments on a slide and the replies to them, of the old kind and of the new."""
    for relation in slide.part.rels.values():
        if relation.reltype.rpartition("/")[2] != "comments" or relation.is_external:
            continue
        for element in parse_xml(relation.target_part.blob).iter():
            kind = local(element)
            if kind == "text":
                yield comment_line((element.text or "").strip())
            elif kind == "txBody":
                yield comment_line(words_of(element))


def _paragraphs(body: etree._Element) -> Iterator[str]:
    for paragraph in body.iter():
        if local(paragraph) != "p":
            continue
        parts = []
        for element in paragraph.iter():
            kind = local(element)
            if kind == "t":
                parts.append(element.text or "")
            elif kind == "br":
                parts.append("\n")
            elif kind == "tab":
                parts.append("")
        text = "".join(parts)
        if text.strip():
            yield text
