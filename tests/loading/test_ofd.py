"""OFD as invoices and official papers are written: lines by baseline, whatever drew them, and everything that shows text."""

from __future__ import annotations

import pytest

from rag.datamodels import Document
from rag.errors import LoadError
from rag.ingest.loading import load_bytes

from .known_text import GARBLED, INVOICE_LINES, PAGE, PAGE_LINES
from .page_files import jpeg_bytes, ofd_invoice_bytes, ofd_of_objects, ofd_text, zip_bytes


def lines(document: Document) -> list[str]:
    return document.text.split("\n")[:-1]


def read(data: bytes, **more: bool) -> Document:
    return load_bytes(data, "票.ofd", **more).documents[0]


def test_labels_and_values_are_one_line_and_nothing_is_left_out() -> None:
    document = read(ofd_invoice_bytes())
    assert lines(document) == list(INVOICE_LINES)
    (number,) = (b for b in document.boxes if "12235358" in document.text[b.start : b.end])
    assert number.x0 == pytest.approx(120 / 210, abs=0.01)  # from the label, in the template, to the end of the value
    assert number.x1 == pytest.approx((142 + 8 * 2) / 210, abs=0.01)
    assert number.top < 23.2 / 140 < number.bottom + 0.01


def test_scanned_pages_are_recognised_or_named() -> None:
    data = ofd_invoice_bytes(scan=jpeg_bytes(PAGE))
    document = read(data)
    assert lines(document) == [*INVOICE_LINES, *PAGE_LINES] and document.metadata["ocr_pages"] == "2"
    assert all(0 <= b.x0 < b.x1 <= 1 and 0 <= b.top < b.bottom <= 1 for b in document.boxes)
    off = read(data, ocr=False)
    assert lines(off) == list(INVOICE_LINES) and any("第 2 页是图像，没有识别" in w for w in off.warnings)
    unknown = read(ofd_invoice_bytes(scan=b"\x97JB2\r\n\x1a\n" + bytes(80)))
    assert any("第 2 页是图像，没有识别" in w for w in unknown.warnings)


def test_letters_set_wide_are_one_word_and_a_gap_is_a_blank() -> None:
    wide = ofd_text("通知公告", 20, 10, code='X="0" Y="3" DeltaX="9 9 9"')
    gap = ofd_text("通知公告", 20, 30, code='X="0" Y="3" DeltaX="4 20 4"')
    assert lines(read(ofd_of_objects(wide + gap))) == ["通知公告", "通知 公告"]


def test_what_is_drawn_twice_to_look_bold_is_one() -> None:
    assert lines(read(ofd_of_objects(ofd_text("通知", 20, 10) + ofd_text("通知", 20.2, 10)))) == ["通知"]


def test_a_moved_and_scaled_object_is_where_it_is_drawn() -> None:
    """CTM scales the object to half its size and moves it to the right of the other."""
    other = ofd_text("左边", 20, 10)
    moved = ofd_text("右边", 20, 10, 'CTM="0.5 0 0 0.5 60 1.5"')
    assert lines(read(ofd_of_objects(moved + other))) == ["左边 右边"]


def test_two_columns_of_prose_are_read_one_after_the_other() -> None:
    left = [f"左栏第{n}行的文字有十几个字长。" for n in "一二三四五六七八九"]
    right = [f"右栏第{n}行的文字有十几个字长。" for n in "一二三四五六七八九"]
    both = "".join(
        ofd_text(a, 10, 20 + 6 * n) + ofd_text(b, 110, 20 + 6 * n)
        for n, (a, b) in enumerate(zip(left, right, strict=True))
    )
    heading = ofd_text("通栏的标题", 60, 5)
    assert lines(read(ofd_of_objects(both + heading))) == ["通栏的标题", *left, *right]


def test_garbled_text_is_refused_by_name() -> None:
    objects = "".join(ofd_text(GARBLED[n : n + 30], 20, 10 + n / 3) for n in range(0, 150, 30))
    with pytest.raises(LoadError) as caught:
        read(ofd_of_objects(objects))
    assert caught.value.code == "garbled-text"


def test_attachments_are_counted() -> None:
    data = ofd_of_objects(ofd_text("正文", 20, 10))
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members: dict[str, bytes | str] = {name: archive.read(name) for name in archive.namelist()}
    members["D/Document.xml"] = bytes(members["D/Document.xml"]).replace(  # type: ignore[arg-type]
        b"</ofd:Document>", b"<ofd:Attachments>A.xml</ofd:Attachments></ofd:Document>"
    )
    members["D/A.xml"] = '<Attachments><Attachment ID="1"/><Attachment ID="2"/></Attachments>'
    assert any("2 个附件没有读" in w for w in read(zip_bytes(members)).warnings)
