"""How data/format-1.sqlite3 was made: the index of a few small documents, by the last code that wrote format 1.

It was run once, in a checkout of commit 80286e7, and is kept to say what the file holds; with later code it would write
a later format, and it says so instead. From the root of that checkout:

    python -m tests.index.make_format_1 tests/index/data/format-1.sqlite3

One document was replaced twice, so the file holds vectors that nothing uses, as indexes of format 1 do.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from rag.config import Settings
from rag.service import Service
from tests.conftest import ToyEmbedder

IDENTITY, DIM = "toy@1", 32
RULES = (
    "职工之家管理办法\n\n第一章 总则\n\n第一条 为了规范职工之家的管理，制定本办法。\n\n"
    "第二条 职工之家应当每日开放，开放时间不少于八小时。\n\n第二章 管理\n\n"
    "第三条 管理员应当提前三日公布活动安排，每年举办活动不少于十二次。\n\n第四条 本办法自二〇二三年十一月六日起施行。\n"
)
NOTICE = "# 关于开展读书活动的通知\n\n各单位：\n\n一、时间为十一月。\n\n二、地点为职工书屋，可容纳四十人。\n"
VERSIONS = (
    "第一版：食堂每天十一点开饭。\n",
    "第二版：食堂每天十一点半开饭。\n",
    "第三版：食堂每天十二点开饭，周末休息。\n",
)


def main(target: Path) -> None:
    """Write the index to `target`, which must not exist."""
    with tempfile.TemporaryDirectory() as scratch:
        corpus, index = Path(scratch, "corpus"), Path(scratch, "index")
        corpus.mkdir()
        (corpus / "办法.txt").write_text(RULES, encoding="utf-8")
        (corpus / "通知.md").write_text(NOTICE, encoding="utf-8")
        (corpus / "食堂.pdf").write_bytes(_pdf("食堂每周公布一次菜谱，由膳食委员会审定。"))
        service = Service(Settings(index=index), ToyEmbedder(IDENTITY, DIM))
        for text in VERSIONS:
            (corpus / "食堂.txt").write_text(text, encoding="utf-8")
            service.ingest([corpus])
        service.describe("通知.md", {"issuer": "区总工会", "date": "2023-11-01"})
        service.set_words(terms="职工之家\n")
        service.calibration()
        written = service.catalog.fact("format")
        service.catalog.close()
        if written != "1":
            raise SystemExit(f"this code writes format {written}; see the first lines of this file")
        with closing(sqlite3.connect(index / "catalog.sqlite3")) as old:
            old.execute("VACUUM INTO ?", (str(target),))


def _pdf(line: str) -> bytes:
    from io import BytesIO

    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfgen.canvas import Canvas

    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    buffer = BytesIO()
    canvas = Canvas(buffer, invariant=1)
    canvas.setFont("STSong-Light", 12)
    canvas.drawString(60, 700, line)
    canvas.save()
    return buffer.getvalue()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
