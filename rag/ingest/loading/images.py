"""Images of paper (.png, .jpg, .tif, .bmp, .gif): what can be recognised on them, each frame a page."""

from __future__ import annotations

from rag.datamodels import LineBox
from rag.errors import LoadError
from rag.ingest.loading.ocr import OversizedPicture, frames_of, read_picture
from rag.ingest.loading.pdf import PageFates, page_label
from rag.ingest.loading.records import Extracted, Job, TextBuilder
from rag.ingest.loading.safety import PARSER_ERRORS, damaged, too_large


def extract_image(data: bytes, job: Job) -> Extracted:
    """The recognised lines, with their places. Raises LoadError `needs-ocr` (OCR is off), `damaged`, `too-large`."""
    builder, fates = TextBuilder(), PageFates()
    boxes: list[LineBox] = []
    try:
        kind, frames = frames_of(data)
        if frames > job.limits.max_pages:
            raise too_large(job.name, f"有 {frames} 页，超过上限 {job.limits.max_pages} 页")
        for number in range(1, frames + 1):
            builder.page(page_label(number))
            if not fates.may_recognise(number, job):
                continue
            for line in read_picture(data, number - 1):
                start = builder.add(line.text)
                box = line.x0, line.top, line.x1, line.bottom
                boxes.append(LineBox(start, start + len(line.text), number, *box))
            fates.recognised.append(number)
    except OversizedPicture as error:
        raise too_large(job.name, "图片的像素太多") from error
    except PARSER_ERRORS as error:
        raise damaged(job.name, "图片") from error
    if fates.late and not builder.length:
        job.check_time()
    if not fates.recognised:
        raise LoadError(
            f"{job.name}：是图片，而文字识别没有开启；请开启 OCR 后再试。 (an image, and OCR is off)", code="needs-ocr"
        )
    facts = {"line_breaks": "visual"} | fates.facts()
    return Extracted(
        builder.text, f"image/{kind}", metadata=facts, pages=builder.pages, boxes=tuple(boxes),
        warnings=tuple(fates.warnings()),
    )  # fmt: skip
