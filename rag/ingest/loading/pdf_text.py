"""The text layer of a PDF page: its text, its lines with their places, and whether images cover the page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.ingest.loading.ocr import OcrLine

if TYPE_CHECKING:
    import pypdfium2

# What PDFium puts where a hyphen ends a line, and for characters without a known meaning.
FIXES = str.maketrans({"\x02": "-", "\ufffe": "-", "\uffff": "\ufffd"})

_NOT_NOTES = frozenset({2, 16, 20})  # links, the windows of other notes, fields of forms
_MACHINE_NAME = re.compile(r"[\w.\[\]#() -]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Layer:
    """A page's text, lines parted by newlines, and its notes: filled-in fields and annotations, with their places."""

    text: str
    notes: tuple[OcrLine, ...] = ()


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
    text_page.close()
    notes = tuple(_notes(document, page))
    page.close()
    return Layer(text.translate(FIXES).replace("\r\n", "\n").strip("\n"), notes)


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
