"""PDF: the text of each page with its page number. PDFium is not safe for threads, so one lock guards every call."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rag.datamodels import LineBox
from rag.errors import LoadError
from rag.ingest.loading.garbled import garbled_pages, says_the_same
from rag.ingest.loading.ocr import OcrLine, in_reading_order, read_image
from rag.ingest.loading.page_tables import Table, TableWriter
from rag.ingest.loading.pdf_tables import row_box
from rag.ingest.loading.pdf_text import Layer, image_share, layer_lines, page_layer, shows_something
from rag.ingest.loading.records import Extracted, Job, TextBuilder, tidy
from rag.ingest.loading.safety import damaged, encrypted, parsing, too_large

if TYPE_CHECKING:
    import pypdfium2

LOCK = threading.RLock()
_ERR_PASSWORD = 4
_OCR_DPI = 200
_OCR_MAX_SIDE = 3000
_UNSURE_SHARE = 0.2
SHORT_LAYER = 100  # characters: a page number, a running head, a stamp
SCANNED_SHARE = 0.5  # of the page that images cover


def page_label(number: int) -> str:
    """What a reader calls the page with this number (from 1)."""
    return f"第{number}页"


@dataclass(slots=True)
class PageFates:
    """Page numbers by what came of them, for the report. attempts: how many pages were given to recognition."""

    broken: list[int] = field(default_factory=list)
    recognised: list[int] = field(default_factory=list)
    unread: list[int] = field(default_factory=list)
    late: list[int] = field(default_factory=list)
    garbled: list[int] = field(default_factory=list)
    attempts: int = 0

    def may_recognise(self, number: int, job: Job, named: list[int] | None = None) -> bool:
        """Whether a page may be recognised, and count it; else it is named, in `named` where that is given."""
        if not job.ocr or self.attempts >= job.limits.max_ocr_pages:
            (self.unread if named is None else named).append(number)
            return False
        if time.monotonic() > job.deadline:
            self.late.append(number)
            return False
        self.attempts += 1
        return True

    def facts(self) -> dict[str, str]:
        """Metadata: the pages whose text was recognised."""
        return {"ocr_pages": ranges(self.recognised)} if self.recognised else {}

    def warnings(self) -> list[str]:
        """Sentences that name the pages."""
        told = (
            (self.broken, "已损坏，读不出来。 (damaged pages)"),
            (self.recognised, "是图像，文字由识别得来，可能有错字。 (text from OCR)"),
            (self.unread, "是图像，没有识别。 (pages left unread: OCR off or limit reached)"),
            (self.late, "是图像，时间用完，没有识别。 (pages left unread: out of time)"),
            (self.garbled, "文字层是乱码，没有读入。 (garbled text layer, not read)"),
        )
        return [f"第 {ranges(sorted(set(numbers)))} 页{what}" for numbers, what in told if numbers]


@dataclass(slots=True)
class _Reading(PageFates):
    """What has come of the pages so far."""

    builder: TextBuilder = field(default_factory=TextBuilder)
    boxes: list[LineBox] = field(default_factory=list)
    tables: TableWriter = field(default_factory=TableWriter)
    unsure: int = 0


def extract_pdf(data: bytes, job: Job) -> Extracted:
    """Text of every page; what is only an image, or whose text layer is no text, is recognised when job.ocr.

    When the time runs out between two recognised pages, those read are kept and the others named in a warning.
    Raises LoadError `encrypted`, `damaged`, `too-large`, `needs-ocr`, `garbled-text`.
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
    layers: list[Layer | None] = []
    if document.get_formtype():
        document.init_forms()
    for index in range(len(document)):
        job.check_time()
        layers.append(page_layer(document, index))
    texts = {index: layer.text for index, layer in enumerate(layers) if layer is not None}
    garbled = garbled_pages({index: text for index, text in texts.items() if text and not text.isascii()})
    reading = _Reading()
    for index, layer in enumerate(layers):
        reading.builder.page(page_label(index + 1))
        if layer is None:
            reading.broken.append(index + 1)
            continue
        if layer.parts and index not in garbled:
            _add_parts(document, index, layer.parts, reading)
        else:
            reading.tables.page_without()
            _add_page(document, index, layer, index in garbled, job, reading)
        for note in layer.notes:
            _add_line(note, index, reading)
    _refuse_unread(reading, job)
    facts = reading.facts() | {"line_breaks": "visual"}
    return Extracted(
        reading.builder.text, "application/pdf", title=_declared_title(document), metadata=facts,
        pages=reading.builder.pages, boxes=tuple(reading.boxes), warnings=tuple(_warnings(reading, document.count_attachments())),
    )  # fmt: skip


def _add_page(
    document: pypdfium2.PdfDocument, index: int, layer: Layer, garbled: bool, job: Job, reading: _Reading
) -> None:
    text = layer.text
    if garbled:
        _read_garbled(document, index, layer, job, reading)
    elif not text or text.isspace():
        if shows_something(document, index):
            _recognise(document, index, job, reading)
    elif len(text) < 2 * SHORT_LAYER and _is_scan(document, index, text):
        if not _recognise(document, index, job, reading, layer=True):
            _add_layer(layer, reading)
    else:
        reading.unsure += _unmapped(text)
        _add_layer(layer, reading)


def _add_layer(layer: Layer, reading: _Reading) -> None:
    start = reading.builder.add(layer.text)
    reading.boxes += [replace(box, start=start + box.start, end=start + box.end) for box in layer.edges]


def _add_parts(
    document: pypdfium2.PdfDocument, index: int, parts: Sequence[OcrLine | Table], reading: _Reading
) -> None:
    """Add lines and the rows of tables; their places are kept, for they are not those of the text layer any more."""
    page = document[index]
    reading.unsure += sum(_unmapped(part.text) for part in parts if isinstance(part, OcrLine))
    for part in parts:
        if isinstance(part, OcrLine):
            _add_line(part, index, reading)
            continue
        for row, text in reading.tables.lines(part):
            _add_line(OcrLine(text, 1.0, *row_box(page, part, row)), index, reading)
    page.close()


def _add_line(line: OcrLine, index: int, reading: _Reading) -> None:
    start = reading.builder.add(line.text)
    reading.boxes.append(LineBox(start, start + len(line.text), index + 1, line.x0, line.top, line.x1, line.bottom))


def _is_scan(document: pypdfium2.PdfDocument, index: int, text: str) -> bool:
    """Whether a page with little text is the image of a page, with a page number or a running head of its own."""
    short = sum(not char.isspace() for char in text) < SHORT_LAYER
    return short and image_share(document, index) >= SCANNED_SHARE


def _read_garbled(document: pypdfium2.PdfDocument, index: int, layer: Layer, job: Job, reading: _Reading) -> None:
    """A page whose text layer looks like no text: recognised, and kept where that says the same."""
    start, kept = reading.builder.length, len(reading.boxes)
    if not _recognise(document, index, job, reading, named=reading.garbled):
        return
    said = reading.builder.text[start:]
    if says_the_same(layer.text, said):
        reading.builder.cut(start)
        del reading.boxes[kept:]
        reading.recognised.remove(index + 1)
        _add_layer(layer, reading)


def _recognise(
    document: pypdfium2.PdfDocument,
    index: int,
    job: Job,
    reading: _Reading,
    *,
    layer: bool = False,
    named: list[int] | None = None,
) -> bool:
    """Add what can be seen on a page; False where nothing was added.

    layer: the page has lines of text of its own, which are kept as they are. named: where the page is named when it is
    not read, else among the unread or late ones.
    """
    if not reading.may_recognise(index + 1, job, named):
        return False
    page = document[index]
    seen = _seen_on(page)
    own = list(layer_lines(page)) if layer else []
    page.close()
    seen = [line for line in seen if not any(_over(line, one) for one in own)]
    if not seen:
        if named is not None:
            named.append(index + 1)
        return False
    for line in in_reading_order([*own, *seen]):
        _add_line(line, index, reading)
    reading.recognised.append(index + 1)
    return True


def _seen_on(page: pypdfium2.PdfPage) -> list[OcrLine]:
    width, height = page.get_size()
    scale = min(_OCR_DPI / 72, _OCR_MAX_SIDE / max(width, height, 1))
    bitmap = page.render(scale=scale)
    image = bitmap.to_numpy()[:, :, :3].copy()  # a copy: the array is a view of memory that goes with the bitmap
    bitmap.close()
    return read_image(image)


def _over(line: OcrLine, other: OcrLine) -> bool:
    """Whether two lines are at one place: the middle of the one lies in the other."""
    across, down = (line.x0 + line.x1) / 2, (line.top + line.bottom) / 2
    slack = (other.bottom - other.top) / 2
    return other.x0 <= across <= other.x1 and other.top - slack <= down <= other.bottom + slack


def _refuse_unread(reading: _Reading, job: Job) -> None:
    """Raise the LoadError of a file of which nothing was read."""
    if reading.builder.length:
        return
    if reading.late:
        job.check_time()
    if reading.garbled:
        raise LoadError(
            f"{job.name}：文字层是乱码（字体编码不对），没有读入；请开启文字识别，或用原文件重新导出 PDF。"
            " (the text layer is garbled: turn OCR on, or export the PDF again)",
            code="garbled-text",
        )
    if reading.broken:
        raise damaged(job.name, "PDF")
    if reading.unread:
        raise LoadError(
            f"{job.name}：是扫描件，没有文字层，而文字识别没有开启；请开启 OCR 后再试。 (scanned PDF and OCR is off)",
            code="needs-ocr",
        )


def _warnings(reading: _Reading, attached: int) -> list[str]:
    warnings = reading.warnings()
    if attached:
        warnings.append(f"里面的 {attached} 个附件没有读，请另存后单独入库。 ({attached} attachments not read)")
    if reading.unsure > reading.builder.length * _UNSURE_SHARE:
        warnings.append("字体缺少编码对照，文字可能不可读。 (fonts without a character map; text may be unreadable)")
    return warnings


def _unmapped(text: str) -> int:
    """Characters of the private area or without a meaning: what fonts without a character map give."""
    if text.isascii():
        return 0
    return sum(1 for c in text if "\ue000" <= c <= "\uf8ff" or c == "\ufffd")


def _declared_title(document: pypdfium2.PdfDocument) -> str:
    import pypdfium2

    try:
        return tidy(document.get_metadata_value("Title"))
    except (pypdfium2.PdfiumError, UnicodeError):
        return ""


def ranges(numbers: Sequence[int]) -> str:
    """1, 2, 3, 7 → `1-3、7`."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return "、".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)
