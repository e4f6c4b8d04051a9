"""Optical recognition of page images: rapidocr with the PP-OCR models that come in its wheel, offline."""

from __future__ import annotations

import io
import threading
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy
    import rapidocr
    from PIL import Image

_LOCK = threading.Lock()
_THREADS = 2
_PIXELS_MAX = 80_000_000  # Pillow warns of more
_SIDE_MAX = 3000


class OversizedPicture(ValueError):
    """An image of more pixels than are decoded."""


@dataclass(frozen=True, slots=True)
class OcrLine:
    """A line read from an image; the box in fractions of its width and height, origin top left."""

    text: str
    score: float
    x0: float
    top: float
    x1: float
    bottom: float


@lru_cache(maxsize=1)
def _engine() -> rapidocr.RapidOCR:
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "error",
            # Lines it is unsure of are kept: a doubtful word can be found and checked, a dropped one is lost.
            "Global.text_score": 0.3,
            "EngineConfig.onnxruntime.intra_op_num_threads": _THREADS,
        }
    )


def read_image(image: numpy.ndarray) -> list[OcrLine]:
    """The lines of an image (height × width × 3, BGR) from top to bottom, those side by side from left to right."""
    with _LOCK:
        result: Any = _engine()(image)  # rapidocr returns another record for each way of using it
    if result.boxes is None or not result.txts:
        return []
    height, width = image.shape[:2]
    lines = []
    for box, text, score in zip(result.boxes, result.txts, result.scores, strict=True):
        xs, ys = [float(p[0]) for p in box], [float(p[1]) for p in box]
        lines.append(
            OcrLine(str(text), float(score), _share(min(xs), width), _share(min(ys), height),
                    _share(max(xs), width), _share(max(ys), height))
        )  # fmt: skip
    return in_reading_order([line for line in lines if line.text.strip()])


def _opened(data: bytes) -> Image.Image:
    from PIL import Image

    try:
        with _LOCK, warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            return Image.open(io.BytesIO(data))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise OversizedPicture(str(error)) from error


def frames_of(data: bytes) -> tuple[str, int]:
    """The kind of an image file (`jpeg`) and how many pages it has: those of a TIFF, else one.

    Raises OversizedPicture, OSError.
    """
    with _opened(data) as opened:
        kind = (opened.format or "").lower()
        return ("jpeg" if kind == "mpo" else kind), int(getattr(opened, "n_frames", 1)) if kind == "tiff" else 1


def read_picture(data: bytes, frame: int = 0) -> list[OcrLine]:
    """The lines of an image file (JPEG, PNG, BMP, TIFF, GIF), as it is meant to be looked at. frame: of a TIFF, from 0.

    Raises OversizedPicture, and OSError and what Pillow else raises for a format that is not known or is broken.
    """
    import numpy
    from PIL import Image, ImageOps

    with _opened(data) as opened:
        opened.seek(frame)
        if opened.width * opened.height > _PIXELS_MAX:
            raise OversizedPicture(f"{opened.width} × {opened.height}")
        opened.draft("RGB", (_SIDE_MAX, _SIDE_MAX))
        image = ImageOps.exif_transpose(opened)
        if image.mode in {"RGBA", "LA", "P"}:  # what is transparent is white on paper
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
        image = image.convert("RGB")
    image.thumbnail((_SIDE_MAX, _SIDE_MAX))
    return read_image(numpy.asarray(image)[:, :, ::-1].copy())


def in_reading_order(lines: list[OcrLine]) -> list[OcrLine]:
    """Top to bottom; lines whose middles lie within half a line's height of each other go left to right."""
    rows: list[list[OcrLine]] = []
    for line in sorted(lines, key=lambda x: x.top + x.bottom):
        if rows:
            last = rows[-1][-1]
            apart = abs((line.top + line.bottom) - (last.top + last.bottom)) / 2
            if apart < min(line.bottom - line.top, last.bottom - last.top) / 2:
                rows[-1].append(line)
                continue
        rows.append([line])
    return [line for row in rows for line in sorted(row, key=lambda x: x.x0)]


def _share(value: float, whole: int) -> float:
    return min(max(value / max(whole, 1), 0.0), 1.0)
