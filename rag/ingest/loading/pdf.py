"""PDF: the text of each page with its page number. PDFium is not safe for threads, so one lock guards every call."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rag.datamodels import LineBox
from rag.errors import LoadError
from rag.ingest.loading.ocr import OcrLine, read_image
from rag.ingest.loading.records import Extracted, Job, TextBuilder, tidy
from rag.ingest.loading.safety import damaged, encrypted, parsing, too_large

if TYPE_CHECKING:
    import pypdfium2

LOCK = threading.RLock()
_ERR_PASSWORD = 4
_OCR_DPI = 200
_OCR_MAX_SIDE = 3000
# What PDFium puts where a hyphen ends a line, and for characters without a known meaning.
FIXES = str.maketrans({"\x02": "-", "\ufffe": "-", "\uffff": "\ufffd"})
_UNSURE_SHARE = 0.2


def page_label(number: int) -> str:
    """What a reader calls the page with this number (from 1)."""
    return f"第{number}页"


def extract_pdf(data: bytes, job: Job) -> Extracted:
    """Text of every page; pages without text that show something are read by optical recognition when job.ocr.

    Raises LoadError `encrypted`, `damaged`, `too-large`.
    """
    with LOCK:
        document = open_pdf(data, job)
        try:
            with parsing(job.name, "PDF"):
                return _extract(document, job)
        finally:
            document.close()


def open_pdf(data: bytes, job: Job) -> pypdfium2.PdfDocument:
    """The document, to be closed by the caller, LOCK held. Raises LoadError `encrypted`, `damaged`, `too-large`."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise encrypted(job.name) if error.err_code == _ERR_PASSWORD else damaged(job.name, "PDF") from error
    if len(document) > job.limits.max_pages:
        count = len(document)
        document.close()
        raise too_large(job.name, f"有 {count} 页，超过上限 {job.limits.max_pages} 页")
    return document


def _extract(document: pypdfium2.PdfDocument, job: Job) -> Extracted:
    builder = TextBuilder()
    boxes: list[LineBox] = []
    warnings: list[str] = []
    unread: list[int] = []
    broken: list[int] = []
    recognised: list[int] = []
    unsure = 0
    for index in range(len(document)):
        job.check_time()
        builder.page(page_label(index + 1))
        text = _page_text(document, index)
        if text is None:
            broken.append(index + 1)
            continue
        if not text.isspace() and text:
            unsure += _unmapped(text)
            builder.add(text)
            continue
        if not _shows_something(document, index):
            continue
        if not job.ocr or len(recognised) >= job.limits.max_ocr_pages:
            unread.append(index + 1)
            continue
        recognised.append(index + 1)
        boxes.extend(_add_recognised(document, index, builder))
    if not builder.length and broken:
        raise damaged(job.name, "PDF")
    if not builder.length and unread:
        raise LoadError(
            f"{job.name}：是扫描件，没有文字层，而文字识别没有开启；请开启 OCR 后再试。 (scanned PDF and OCR is off)",
            code="needs-ocr",
        )
    if broken:
        warnings.append(f"第 {_ranges(broken)} 页已损坏，读不出来。 (damaged pages)")
    if recognised:
        warnings.append(f"第 {_ranges(recognised)} 页是图像，文字由识别得来，可能有错字。 (text from OCR)")
    if unread:
        warnings.append(f"第 {_ranges(unread)} 页是图像，没有识别。 (pages left unread: OCR off or limit reached)")
    if unsure > builder.length * _UNSURE_SHARE:
        warnings.append("字体缺少编码对照，文字可能不可读。 (fonts without a character map; text may be unreadable)")
    facts = {"ocr_pages": _ranges(recognised)} if recognised else {}
    facts["line_breaks"] = "visual"
    return Extracted(
        builder.text, "application/pdf", title=_declared_title(document), metadata=facts, pages=builder.pages,
        boxes=tuple(boxes), warnings=tuple(warnings),
    )  # fmt: skip


def _page_text(document: pypdfium2.PdfDocument, index: int) -> str | None:
    """The text of a page, lines parted by newlines; None where the page is broken."""
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
    page.close()
    return text.translate(FIXES).replace("\r\n", "\n").strip("\n")


def _unmapped(text: str) -> int:
    """Characters of the private area or without a meaning: what fonts without a character map give."""
    if text.isascii():
        return 0
    return sum(1 for c in text if "\ue000" <= c <= "\uf8ff" or c == "\ufffd")


def _shows_something(document: pypdfium2.PdfDocument, index: int) -> bool:
    """True when a page without text holds images, drawings or forms that may show text."""
    page = document[index]
    found = next(iter(page.get_objects(max_depth=2)), None) is not None
    page.close()
    return found


def _add_recognised(document: pypdfium2.PdfDocument, index: int, builder: TextBuilder) -> Iterator[LineBox]:
    page = document[index]
    width, height = page.get_size()
    scale = min(_OCR_DPI / 72, _OCR_MAX_SIDE / max(width, height, 1))
    bitmap = page.render(scale=scale)
    image = bitmap.to_numpy()[:, :, :3].copy()  # a copy: the array is a view of memory that goes with the bitmap
    bitmap.close()
    page.close()
    for line in read_image(image):
        yield _placed(line, builder.add(line.text), index + 1)


def _placed(line: OcrLine, start: int, page: int) -> LineBox:
    return LineBox(start, start + len(line.text), page, line.x0, line.top, line.x1, line.bottom)


def _declared_title(document: pypdfium2.PdfDocument) -> str:
    import pypdfium2

    try:
        return tidy(document.get_metadata_value("Title"))
    except (pypdfium2.PdfiumError, UnicodeError):
        return ""


def _ranges(numbers: Sequence[int]) -> str:
    """1, 2, 3, 7 → `1-3、7`."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return "、".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)
