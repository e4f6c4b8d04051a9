"""The documents that a question was ranked on, for what is quoted from them: text, title, places on pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Protocol

from rag.datamodels import Document, LineBox, Page
from rag.errors import NotFoundError, UsageError
from rag.index.catalog import Catalog, Record

DOCUMENTS_KEPT, BOXES_KEPT = 64, 512  # in memory, of one generation


class Superseded(Exception):
    """A document has been replaced or removed, so that what was ranked can no longer be read."""


class PageBoxes(Protocol):
    """Where a span of a document's text lies on the pages of its file; handed in, for search reads no files."""

    def __call__(self, data: bytes, pages: Sequence[Page], text: str, start: int, end: int) -> tuple[LineBox, ...]:
        """A box a line, as fractions of the page."""
        ...


class Sources:
    """Documents as one generation has them, read when they are needed and kept.

    The catalog holds no older state. A document that is no longer as it was raises Superseded; the others are the same in
    both generations, so what is handed out is always of one.
    """

    def __init__(self, catalog: Catalog, fingerprints: Mapping[str, str], page_boxes: PageBoxes) -> None:
        """fingerprints: of the generation's documents, by doc_id. page_boxes: how spans are found on the pages of a PDF."""
        self._catalog, self._fingerprints, self._page_boxes = catalog, fingerprints, page_boxes
        self._records = lru_cache(DOCUMENTS_KEPT)(self._read_record)
        self._boxes = lru_cache(BOXES_KEPT)(self._read_boxes)

    def record(self, doc_id: str) -> Record:
        """One document with its report. Raises NotFoundError, Superseded."""
        return self._records(doc_id)

    def document(self, doc_id: str) -> Document:
        """One document. Raises NotFoundError, Superseded."""
        return self._records(doc_id).document

    def text(self, doc_id: str, start: int = 0, end: int | None = None) -> str:
        """A document's text at `[start, end)`. Raises NotFoundError, Superseded, UsageError for an impossible span."""
        text = self.document(doc_id).text
        stop = len(text) if end is None else end
        if not 0 <= start <= stop <= len(text):
            raise UsageError(f"范围 {start}–{stop} 不在 0–{len(text)} 之内。/ The span lies outside the document.")
        return text[start:stop]

    def boxes(self, doc_id: str, start: int, end: int) -> tuple[LineBox, ...]:
        """Where a span lies on its pages, a box a line; empty where the format has no fixed layout.

        Headers and footers inside the span are left out. Raises NotFoundError, Superseded.
        """
        return self._boxes(doc_id, start, end)

    def _read_record(self, doc_id: str) -> Record:
        try:
            found = self._catalog.record(doc_id)
        except NotFoundError:
            if doc_id in self._fingerprints:
                raise Superseded from None
            raise
        if found.source != self._fingerprints.get(doc_id):
            raise Superseded
        return found

    def _read_boxes(self, doc_id: str, start: int, end: int) -> tuple[LineBox, ...]:
        record = self.record(doc_id)
        document = record.document
        original = self._catalog.original(doc_id)
        self._read_record(doc_id)  # the file is of the same document still
        drawn = () if original is None else self._page_boxes(original, document.pages, document.text, start, end)
        # of OFD, recognised pages and notes; those of the lines at a PDF page's edges are measured again above
        kept = [
            box for box in document.boxes
            if box.start < end and box.end > start and not any(d.start < box.end and d.end > box.start for d in drawn)
        ]  # fmt: skip
        boxes = sorted((*kept, *drawn), key=lambda box: box.start)
        cut = [(removal.start, removal.end) for removal in record.removals]
        return tuple(box for box in boxes if not any(a <= box.start and box.end <= b for a, b in cut))
