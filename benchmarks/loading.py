"""How fast loading is: a 300-page text PDF against the bare PDF library, and UTF-8 text in MB/s.

Run `python benchmarks/loading.py [--json]`. Exit code 1 when the PDF takes more than twice the bare library's time or
text loads at under 5 MB/s.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rag.ingest.loading import load_bytes

PAGES = 300
LINES = 36
TEXT_MB = 20
ROUNDS = 5
SENTENCE = "各级工会要把学习宣传贯彻作为当前和今后一个时期的首要政治任务，"


def make_pdf(pages: int = PAGES) -> bytes:
    """A PDF of `pages` pages, each of 36 lines of Chinese, every line different."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfgen import canvas

    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    buffer = io.BytesIO()
    paper = canvas.Canvas(buffer, pagesize=(595, 842))
    for page in range(pages):
        paper.setFont("STSong-Light", 12)
        for line in range(LINES):
            paper.drawString(60, 790 - 20 * line, f"{page * LINES + line}{SENTENCE}")
        paper.showPage()
    paper.save()
    return buffer.getvalue()


def bare(data: bytes) -> int:
    """What the PDF library alone does to give the text of every page; returns its length."""
    import pypdfium2

    document = pypdfium2.PdfDocument(data)
    length = 0
    for page in document:
        text_page = page.get_textpage()
        length += len(text_page.get_text_range())
        text_page.close()
        page.close()
    document.close()
    return length


def ours(data: bytes) -> int:
    """Loading as the service does it; returns the length of the text."""
    return len(load_bytes(data, "三百页.pdf").documents[0].text)


def seconds(work: Callable[[], object]) -> float:
    """Wall seconds of one call."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def main() -> int:
    """Measure, report, and compare with the promises."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    as_json = parser.parse_args().json
    pdf = make_pdf()
    bare(pdf), ours(pdf)
    pairs = [(seconds(lambda: bare(pdf)), seconds(lambda: ours(pdf))) for _ in range(ROUNDS)]
    paragraph = (SENTENCE * 6 + "。\n").encode()
    text = paragraph * (TEXT_MB * 1_000_000 // len(paragraph))
    per_text = min(seconds(lambda: load_bytes(text, "文.txt")) for _ in range(ROUNDS))
    national = text.decode().encode("gb18030")
    per_national = min(seconds(lambda: load_bytes(national, "文.txt")) for _ in range(3))
    result = {
        "pdf_pages": PAGES,
        "pdf_sha256": hashlib.sha256(pdf).hexdigest()[:12],
        "bare_seconds": round(statistics.median(b for b, _ in pairs), 4),
        "loading_seconds": round(statistics.median(o for _, o in pairs), 4),
        "ratio": round(statistics.median(o / b for b, o in pairs), 3),
        "utf8_mb_per_second": round(len(text) / 1e6 / per_text, 1),
        "gb18030_mb_per_second": round(len(national) / 1e6 / per_national, 1),
        "python": platform.python_version(),
        "pypdfium2": version("pypdfium2"),
        "machine": platform.machine(),
    }
    if as_json:
        sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
    else:
        for key, value in result.items():
            sys.stdout.write(f"{key:>24}  {value}\n")
    return 0 if result["ratio"] <= 2 and result["utf8_mb_per_second"] >= 5 else 1


if __name__ == "__main__":
    raise SystemExit(main())
