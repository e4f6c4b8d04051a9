"""The parts of a PDF page that has ruled tables: lines of text and tables, in the order of the text layer."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rag.ingest.loading.ocr import OcrLine
from rag.ingest.loading.page_tables import Box, Grid, Table, cell_finder, filled, grids, with_edges

if TYPE_CHECKING:
    import pypdfium2

_THIN = 2.5  # points; a filled box this narrow is a line
_MOST_SEGMENTS = 3000
_FORMS_DEEP = 3
_Matrix = tuple[float, float, float, float, float, float]
_IDENTITY: _Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


@dataclass(slots=True)
class _Words:
    """Characters of a line or of a cell as they come, with blanks and line breaks where they are apart."""

    parts: list[str] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    blank: bool = False

    def add(self, char: str, box: Box) -> None:
        """Add a character at its place; a white one only parts its neighbours."""
        if char.isspace():
            self.blank = bool(self.parts)
            return
        if self.boxes:
            before = self.boxes[-1]
            tall = max(before[3] - before[1], box[3] - box[1], 0.1)
            if box[1] >= before[3] - 0.3 * tall or box[3] <= before[1] + 0.3 * tall:
                self.parts.append("\n")
            elif self.blank or box[0] - before[2] > 0.8 * tall:
                self.parts.append(" ")
        self.blank = False
        self.parts.append(char)
        self.boxes.append(box)

    @property
    def text(self) -> str:
        """What has come so far."""
        return "".join(self.parts)

    @property
    def box(self) -> Box:
        """Around all of it."""
        lefts, tops, rights, bottoms = zip(*self.boxes, strict=True)
        return min(lefts), min(tops), max(rights), max(bottoms)


def page_parts(page: pypdfium2.PdfPage, text_page: pypdfium2.PdfTextPage) -> tuple[OcrLine | Table, ...]:
    """Lines and tables of a page, lengths in points of the page as it is shown; () where it has no ruled table.

    No character is left out, and none is in two parts: each is where its middle is.
    """
    shown = _Shown(page)
    found = grids([shown.box(*line) for line in _ruling(page)])
    if not found:
        return ()
    place = cell_finder(found)
    words: dict[tuple[int, int], _Words] = {}
    order: list[_Words | int] = []
    line: _Words | None = None
    for char, box in _characters(text_page, shown):
        if char in "\r\n":
            line = None
            continue
        table, cell = place((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        if table < 0:
            if line is None:
                line = _Words()
                order.append(line)
            line.add(char, box)
            continue
        line = None if not char.isspace() else line
        if table not in order and not char.isspace():
            order.append(table)
        words.setdefault((table, cell), _Words()).add(char, box)
    if not any(isinstance(one, int) for one in order):
        return ()
    return tuple(with_edges(list(_parts(found, words, order, shown))))


def _parts(
    found: list[Grid], words: dict[tuple[int, int], _Words], order: list[_Words | int], shown: _Shown
) -> Iterator[OcrLine | Table]:
    for one in order:
        if isinstance(one, int):
            boxes = {cell.box: number for number, cell in enumerate(found[one].cells)}
            texts = {box: words[one, number].text for box, number in boxes.items() if (one, number) in words}
            yield filled(found[one], lambda box, texts=texts: texts.get(box, ""))  # type: ignore[misc]  # a default binds it now
        elif one.parts:
            for piece in one.text.split("\n"):
                yield OcrLine(piece, 1.0, *shown.fractions(one.box))


def _characters(text_page: pypdfium2.PdfTextPage, shown: _Shown) -> Iterator[tuple[str, Box]]:
    import pypdfium2.raw as raw

    left, right, low, high = (ctypes.c_double() for _ in range(4))
    half = 0
    for index in range(text_page.count_chars()):
        code = raw.FPDFText_GetUnicode(text_page, index)
        if 0xD800 <= code < 0xDC00:
            half = code
            continue
        if 0xDC00 <= code < 0xE000 and half:
            code, half = 0x10000 + ((half - 0xD800) << 10) + code - 0xDC00, 0
        raw.FPDFText_GetCharBox(text_page, index, left, right, low, high)
        char = {0x02: "-", 0xFFFE: "-", 0xFFFF: "\ufffd"}.get(code, chr(code) if 0 < code < 0x110000 else " ")
        yield char, shown.box(left.value, low.value, right.value, high.value)


class _Shown:
    """From the space of the file to the page as it is shown: points from the upper left corner, turned as it says."""

    def __init__(self, page: pypdfium2.PdfPage) -> None:
        self._left, self._low, self._right, self._high = page.get_bbox()
        self._turn = page.get_rotation()

    def box(self, x0: float, y0: float, x1: float, y1: float) -> Box:
        """A box with y downwards."""
        (a, b), (c, d) = self._point(x0, y0), self._point(x1, y1)
        return min(a, c), min(b, d), max(a, c), max(b, d)

    def fractions(self, box: Box) -> Box:
        """A box as shown, in fractions of the page, within it."""
        wide, tall = max(self._right - self._left, 0.01), max(self._high - self._low, 0.01)
        if self._turn in {90, 270}:
            wide, tall = tall, wide
        left, top, right, bottom = (
            min(max(v, 0.0), 1.0) for v in (box[0] / wide, box[1] / tall, box[2] / wide, box[3] / tall)
        )
        return left, top, right, bottom

    def _point(self, x: float, y: float) -> tuple[float, float]:
        if self._turn == 90:
            return y - self._low, x - self._left
        if self._turn == 180:
            return self._right - x, y - self._low
        if self._turn == 270:
            return self._high - y, self._right - x
        return x - self._left, self._high - y


def row_box(page: pypdfium2.PdfPage, table: Table, row: int) -> Box:
    """Where a row of a table is, in fractions of the page."""
    grid = table.grid
    return _Shown(page).fractions((grid.xs[0], grid.ys[row], grid.xs[-1], grid.ys[row + 1]))


def _ruling(page: pypdfium2.PdfPage) -> list[Box]:
    """The level and upright lines drawn on a page, in its own space; none where there are more than a table has."""
    lines: list[Box] = []
    for line in _lines_in(page, None, _IDENTITY, 0):
        lines.append(line)
        if len(lines) > _MOST_SEGMENTS:
            return []
    return lines


def _lines_in(page: pypdfium2.PdfPage, form: object, at: _Matrix, depth: int) -> Iterator[Box]:
    import pypdfium2.raw as raw

    holder = page if form is None else form
    count = raw.FPDFPage_CountObjects if form is None else raw.FPDFFormObj_CountObjects
    get = raw.FPDFPage_GetObject if form is None else raw.FPDFFormObj_GetObject
    for number in range(count(holder)):
        found = get(holder, number)
        kind = raw.FPDFPageObj_GetType(found)
        if kind == raw.FPDF_PAGEOBJ_PATH:
            yield from _lines_of(found, _times(at, _matrix(found)))
        elif kind == raw.FPDF_PAGEOBJ_FORM and depth < _FORMS_DEEP:
            yield from _lines_in(page, found, _times(at, _matrix(found)), depth + 1)


def _lines_of(path: object, at: _Matrix) -> Iterator[Box]:
    import pypdfium2.raw as raw

    count = raw.FPDFPath_CountSegments(path)
    if not 2 <= count <= _MOST_SEGMENTS:
        return
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    raw.FPDFPath_GetDrawMode(path, fill, stroke)
    points: list[tuple[float, float]] = []
    pieces: list[list[tuple[float, float]]] = []
    x, y = ctypes.c_float(), ctypes.c_float()
    for number in range(count):
        segment = raw.FPDFPath_GetPathSegment(path, number)
        kind = raw.FPDFPathSegment_GetType(segment)
        raw.FPDFPathSegment_GetPoint(segment, x, y)
        point = (at[0] * x.value + at[2] * y.value + at[4], at[1] * x.value + at[3] * y.value + at[5])
        if kind == raw.FPDF_SEGMENT_MOVETO:
            points = [point]
            pieces.append(points)
        elif kind == raw.FPDF_SEGMENT_LINETO:
            points.append(point)
            if raw.FPDFPathSegment_GetClose(segment):
                points.append(points[0])
        else:  # a curve rules nothing
            points = [point]
            pieces.append(points)
    for piece in pieces:
        yield from _ruled(piece, stroked=bool(stroke.value), is_filled=bool(fill.value))


def _ruled(piece: list[tuple[float, float]], *, stroked: bool, is_filled: bool) -> Iterator[Box]:
    xs, ys = [x for x, _ in piece], [y for _, y in piece]
    left, low, right, high = min(xs), min(ys), max(xs), max(ys)
    if min(right - left, high - low) <= _THIN:
        if (stroked or is_filled) and max(right - left, high - low) > _THIN:
            yield left, low, right, high
        return
    if not stroked:
        return  # a coloured ground
    for (x0, y0), (x1, y1) in itertools.pairwise(piece):
        if abs(x1 - x0) <= 1 or abs(y1 - y0) <= 1:
            yield min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def _matrix(found: object) -> _Matrix:
    import pypdfium2.raw as raw

    matrix = raw.FS_MATRIX()
    if not raw.FPDFPageObj_GetMatrix(found, matrix):
        return _IDENTITY
    return matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f


def _times(outer: _Matrix, inner: _Matrix) -> _Matrix:
    a, b, c, d, e, f = inner
    p, q, r, s, t, u = outer
    return a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + t, e * q + f * s + u
