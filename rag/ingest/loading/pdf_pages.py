"""PDF pages as readers see them: where a quote is on its page, and the page as an image."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rag.datamodels import LineBox, Page
from rag.ingest.loading.pdf import LOCK, open_pdf
from rag.ingest.loading.pdf_text import FIXES, shown_box
from rag.ingest.loading.records import Job, Limits, tidy

if TYPE_CHECKING:
    import pypdfium2

IMAGE_WIDTH = 1240  # pixels: A4 at 150 dpi, sharp on a phone and on a desk
IMAGE_HEIGHT_MAX = 5000  # pixels, for pages that are rolls
_LIMITS = Limits(max_pages=10**9)  # what was loaded once was within the limits then


def page_boxes(data: bytes, pages: Sequence[Page], text: str, start: int, end: int) -> tuple[LineBox, ...]:
    """Where `text[start:end]` is on the pages of a PDF: a box a line, as fractions of the page.

    data: the file's bytes. pages, text: of its Document. Boxes are computed on demand because measuring every character
    at loading would more than double the time. Pages whose text does not match `text` (read by optical recognition:
    see Document.boxes) give none. Raises LoadError as extract_pdf does.
    """
    found: list[LineBox] = []
    with _opened(data) as document:
        for index, page in enumerate(pages[: len(document)]):
            stop = pages[index + 1].start if index + 1 < len(pages) else len(text)
            low, high = max(start, page.start), min(end, stop)
            if low < high:
                found.extend(_boxes_on(document, index, text[page.start : stop], page.start, low, high))
    return tuple(found)


def page_image(data: bytes, number: int, width: int = IMAGE_WIDTH) -> bytes:
    """A page as PNG. number: from 1. width: in pixels. Raises LoadError as extract_pdf does, IndexError for no such page."""
    with _opened(data) as document:
        if not 1 <= number <= len(document):
            raise IndexError(number)
        page = document[number - 1]
        across, down = page.get_size()
        bitmap = page.render(scale=min(width / max(across, 1), IMAGE_HEIGHT_MAX / max(down, 1)))
        buffer = io.BytesIO()
        bitmap.to_pil().save(buffer, "PNG")
        bitmap.close()
        page.close()
    return buffer.getvalue()


@contextmanager
def _opened(data: bytes) -> Iterator[pypdfium2.PdfDocument]:
    """The document of a file that was read before, under the lock."""
    with LOCK:
        document = open_pdf(data, Job("PDF", _LIMITS, False, time.monotonic() + 60))
        try:
            yield document
        finally:
            document.close()


def _boxes_on(
    document: pypdfium2.PdfDocument, index: int, page_text: str, origin: int, low: int, high: int
) -> Iterator[LineBox]:
    page = document[index]
    text_page = page.get_textpage()
    raw = text_page.get_text_range()
    chars = _alignment(raw, page_text)
    left, bottom, right, top = page.get_bbox()
    if chars is not None and text_page.count_chars() >= len(raw) and right > left and top > bottom:
        for first, last in _lines(page_text, low - origin, min(high - origin, len(chars) - 1)):
            begin, stop = chars[first], chars[last - 1] + 1
            for number in range(text_page.count_rects(begin, stop - begin)):
                box = shown_box(page, *text_page.get_rect(number))
                yield LineBox(origin + first, origin + last, index + 1, *box)
    text_page.close()
    page.close()


def _alignment(raw: str, page_text: str) -> list[int] | None:
    """For each code point of `page_text` the character of PDFium it came from; None when they do not match."""
    shown = [i for i, c in enumerate(raw) if not (c == "\r" and raw[i + 1 : i + 2] == "\n")]
    clean = tidy("".join(raw[i] for i in shown).translate(FIXES))
    lead = len(clean) - len(clean.lstrip("\n"))
    body = page_text.removesuffix("\n")
    own = clean.strip("\n")
    if own and body.startswith(own + "\n"):
        body = own  # notes come after the page's own text; they have boxes of their own
    if clean[lead : lead + len(body)] != body:
        return None
    return [*shown[lead : lead + len(body)], len(raw) - 1]


def _lines(text: str, low: int, high: int) -> Iterator[tuple[int, int]]:
    """The stretches of `text[low:high]` between newlines, blanks at their ends left out."""
    at = low
    while at < high:
        stop = text.find("\n", at, high)
        stop = high if stop < 0 else stop
        first, last = at, stop
        while first < last and text[first].isspace():
            first += 1
        while last > first and text[last - 1].isspace():
            last -= 1
        if first < last:
            yield first, last
        at = stop + 1
