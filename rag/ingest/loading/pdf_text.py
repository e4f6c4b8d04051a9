"""The text layer of a PDF page: its text, its lines with their places, and whether images cover the page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.datamodels import LineBox
from rag.ingest.loading.ocr import OcrLine
from rag.ingest.loading.page_tables import Table
from rag.ingest.loading.pdf_tables import page_parts

if TYPE_CHECKING:
    import pypdfium2

# What PDFium puts where a hyphen ends a line, and for characters without a known meaning.
FIXES = str.maketrans({"\x02": "-", "\ufffe": "-", "\uffff": "\ufffd"})

_NOT_NOTES = frozenset({2, 16, 20})  # links, the windows of other notes, fields of forms
MIN_PAGES = 3  # of a document whose pages may have running heads
TITLE_LINES = 12  # at the top of the first page, among which the title is
EDGE_LINES = 3  # at the top and at the bottom of a page
_MACHINE_NAME = re.compile(r"[\w.\[\]#() -]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Layer:
    """A page's text, lines parted by newlines, and its notes: filled-in fields and annotations, with their places.

    edges: the boxes of its first and last lines, at offsets of `text`, for running heads. Measuring every character would
    more than double the time of loading (see pdf_pages); a few lines a page cost little.
    parts: the same text as lines and tables with their places, where the page has ruled tables; else empty.
    """

    text: str
    notes: tuple[OcrLine, ...] = ()
    edges: tuple[LineBox, ...] = ()
    parts: tuple[OcrLine | Table, ...] = ()


def page_layer(document: pypdfium2.PdfDocument, index: int) -> Layer | None:
    """The text and the notes of a page; None where the page is broken."""
    import pypdfium2

    try:
        page = document[index]
    except pypdfium2.PdfiumError:
        return None
    try:
        text_page = page.get_textpage()
    except pypdfium2.PdfiumError:
        page.close()
        return None
    text = text_page.get_text_range()
    edges: tuple[LineBox, ...] = ()
    if index == 0 or len(document) >= MIN_PAGES:
        edges = tuple(_edge_boxes(page, text_page, text, index + 1, EDGE_LINES if index else TITLE_LINES))
    parts = page_parts(page, text_page) if text else ()
    text_page.close()
    notes = tuple(_notes(document, page))
    page.close()
    return Layer(text.translate(FIXES).replace("\r\n", "\n").strip("\n"), notes, edges, parts)


def _edge_boxes(
    page: pypdfium2.PdfPage, text_page: pypdfium2.PdfTextPage, raw: str, number: int, top: int
) -> Iterator[LineBox]:
    """The boxes of a page's first and last lines, at offsets of its `Layer.text`.

    raw: the text as PDFium gives it. top: how many first lines.
    """
    if text_page.count_chars() < len(raw):
        return
    lines: list[tuple[int, int, int]] = []
    at = start = 0
    for line in raw.split("\r\n"):
        bare = line.strip()
        if bare:
            lead = line.index(bare[0])
            lines.append((at + lead, len(bare), start + lead))
        at += len(line) + 2
        start += len(line) + 1 if line or lines else 0  # blank lines before the first are no part of the text
    for first, length, begin in lines if len(lines) <= top + EDGE_LINES else lines[:top] + lines[-EDGE_LINES:]:
        boxes = [text_page.get_rect(one) for one in range(text_page.count_rects(first, length))]
        if boxes:
            yield LineBox(begin, begin + length, number, *shown_box(page, *_around(boxes)))


def _notes(document: pypdfium2.PdfDocument, page: pypdfium2.PdfPage) -> Iterator[OcrLine]:
    """What people filled in and wrote on a page; PDFium's text has only what is drawn on the page itself."""
    import pypdfium2.raw as raw

    for number in range(raw.FPDFPage_GetAnnotCount(page)):
        note = raw.FPDFPage_GetAnnot(page, number)
        kind = raw.FPDFAnnot_GetSubtype(note)
        text = ""
        if kind == raw.FPDF_ANNOT_WIDGET and document.formenv is not None:
            text = _filled_in(document.formenv, note)
        elif kind not in _NOT_NOTES:
            words = " ".join(_string(raw.FPDFAnnot_GetStringValue, note, b"Contents").split())
            text = words if kind == raw.FPDF_ANNOT_FREETEXT else f"批注：{words}" if words else ""
        if text:
            rect = raw.FS_RECTF()
            raw.FPDFAnnot_GetRect(note, rect)
            box = shown_box(page, rect.left, min(rect.bottom, rect.top), rect.right, max(rect.bottom, rect.top))
            yield OcrLine(text, 1.0, *box)
        raw.FPDFPage_CloseAnnot(note)


def _filled_in(forms: pypdfium2.PdfFormEnv, note: object) -> str:
    """`名称：值` of a field; the value alone where the name is not one for people; "" for a box not ticked."""
    import pypdfium2.raw as raw

    kind = raw.FPDFAnnot_GetFormFieldType(forms, note)
    if kind in {raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON}:
        value = "√" if raw.FPDFAnnot_IsChecked(forms, note) else ""
    elif kind in {raw.FPDF_FORMFIELD_TEXTFIELD, raw.FPDF_FORMFIELD_COMBOBOX, raw.FPDF_FORMFIELD_LISTBOX}:
        value = " ".join(_string(raw.FPDFAnnot_GetFormFieldValue, forms, note).split())
    else:
        value = ""
    name = _string(raw.FPDFAnnot_GetFormFieldAlternateName, forms, note).strip()
    name = name or _string(raw.FPDFAnnot_GetFormFieldName, forms, note).strip()
    return f"{name}：{value}" if value and not _MACHINE_NAME.fullmatch(name) else value


def _string(read: Callable[..., int], *about: object) -> str:
    """A string of PDFium's, which first tells its size in bytes."""
    import ctypes

    size = read(*about, None, 0)
    if size <= 2:
        return ""
    buffer = ctypes.create_string_buffer(size)
    read(*about, ctypes.cast(buffer, ctypes.POINTER(ctypes.c_ushort)), size)
    return buffer.raw[: size - 2].decode("utf-16-le", "replace")


def layer_lines(page: pypdfium2.PdfPage) -> Iterator[OcrLine]:
    """The lines of a page's text layer with their places on the page as it is shown."""
    text_page = page.get_textpage()
    at = 0
    for line in text_page.get_text_range().split("\r\n"):
        boxes = [text_page.get_rect(number) for number in range(text_page.count_rects(at, len(line)))] if line else []
        at += len(line) + 2
        if boxes and line.strip():
            (x0, top, x1, bottom) = shown_box(page, *_around(boxes))
            yield OcrLine(line.translate(FIXES), 1.0, x0, top, x1, bottom)
    text_page.close()


def _around(boxes: list[tuple[float, float, float, float]]) -> tuple[float, float, float, float]:
    lefts, lows, rights, highs = zip(*boxes, strict=True)
    return min(lefts), min(lows), max(rights), max(highs)


def shown_box(page: pypdfium2.PdfPage, x0: float, y0: float, x1: float, y1: float) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) in fractions of the page as it is shown, of a box in points with y upwards."""
    left, low, right, high = page.get_bbox()
    wide, tall = max(right - left, 0.01), max(high - low, 0.01)
    turn = page.get_rotation()
    one = _shown((x0 - left) / wide, (high - y1) / tall, turn)
    other = _shown((x1 - left) / wide, (high - y0) / tall, turn)
    (across0, across1), (down0, down1) = (sorted(pair) for pair in zip(one, other, strict=True))
    return across0, down0, across1, down1


def _shown(across: float, down: float, turn: int) -> tuple[float, float]:
    """A point of the page as it lies in the file, as fractions of the page as it is shown, turned by `turn` degrees."""
    across, down = min(max(across, 0.0), 1.0), min(max(down, 0.0), 1.0)
    return {0: (across, down), 90: (1 - down, across), 180: (1 - across, 1 - down), 270: (down, 1 - across)}[turn]


def image_share(document: pypdfium2.PdfDocument, index: int) -> float:
    """How much of a page its images cover, in [0, 1]; images over each other count twice."""
    import pypdfium2.raw as raw

    page = document[index]
    left, low, right, high = page.get_bbox()
    area = (right - left) * (high - low)
    covered = 0.0
    for found in page.get_objects([raw.FPDF_PAGEOBJ_IMAGE], max_depth=3):
        x0, y0, x1, y1 = found.get_bounds()
        covered += max(min(x1, right) - max(x0, left), 0) * max(min(y1, high) - max(y0, low), 0)
    page.close()
    return min(covered / area, 1.0) if area > 0 else 0.0


def shows_something(document: pypdfium2.PdfDocument, index: int) -> bool:
    """True when a page without text holds images, drawings or forms that may show text."""
    page = document[index]
    found = next(iter(page.get_objects(max_depth=2)), None) is not None
    page.close()
    return found
