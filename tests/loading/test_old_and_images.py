"""Old Office and WPS files by LibreOffice, images by recognition; what is missing for it is said."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rag.errors import LoadError
from rag.ingest.loading import Limits, load_bytes
from rag.ingest.loading.sniff import kind_of

from .known_text import PAGE, PAGE_LINES, SCAN, SCAN_LINES
from .office_files import old_sheets_bytes, old_slides_bytes
from .page_files import image_bytes

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)


def refused(data: bytes, name: str, **more: object) -> LoadError:
    with pytest.raises(LoadError) as caught:
        load_bytes(data, name, **more)  # type: ignore[arg-type]
    assert str(caught.value).startswith(f"{name}：")
    return caught.value


@pytest.mark.parametrize(
    ("stream", "names", "part"),
    [
        ("Workbook", ("名单.xls", "名单.et"), "calc"),
        ("PowerPoint Document", ("讲稿.ppt", "讲稿.dps"), "impress"),
        ("WordDocument", ("通知.doc", "通知.wps"), "writer"),
    ],
)
def test_without_libreoffice_a_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stream: str, names: tuple[str, ...], part: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in names:
        error = refused(OLE + stream.encode("utf-16-le") + bytes(900), name)
        assert error.code == "libreoffice-missing" and f"libreoffice-{part}-nogui" in str(error)


def test_old_files_are_known_by_their_streams_whatever_their_suffix() -> None:
    for stream, kind in (
        ("Workbook", "xls"),
        ("PowerPoint Document", "ppt"),
        ("WORKBOOK", "xls"),
        ("WordDocument", "doc"),
    ):
        data = OLE + stream.encode("utf-16-le") + bytes(900)
        for suffix in (".doc", ".xls", ".ppt", ".docx"):
            assert kind_of(data, suffix) == kind
    both = OLE + "PowerPoint Document".encode("utf-16-le") + "Workbook".encode("utf-16-le") + bytes(900)
    assert (kind_of(both, ".ppt"), kind_of(both, ".xls")) == ("ppt", "xls")
    assert kind_of(b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>', ".xls") == "xls"
    assert kind_of(b"<html><table><tr><td>x</td></tr></table></html>", ".xls") == "html"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_a_workbook_under_another_suffix_is_read_for_what_it_is(tmp_path: Path) -> None:
    document = load_bytes(old_sheets_bytes(tmp_path), "错.doc").documents[0]
    assert "姓名：张三；单位：市总工会；人数：12" in document.text and document.media_type == "application/vnd.ms-excel"
    assert any("后缀与内容不符" in w for w in document.warnings)
    slides = load_bytes(old_slides_bytes(tmp_path), "错.xls").documents[0]
    assert [page.label for page in slides.pages] == ["幻灯片1", "幻灯片2"]


def test_images_give_their_lines_with_places() -> None:
    document = load_bytes(image_bytes("TIFF", SCAN, PAGE), "扫描.tif").documents[0]
    assert document.text.split("\n")[:-1] == [*SCAN_LINES, *PAGE_LINES]
    assert [page.label for page in document.pages] == ["第1页", "第2页"] and document.media_type == "image/tiff"
    assert [b.page for b in document.boxes] == [1] * len(SCAN_LINES) + [2] * len(PAGE_LINES)
    assert all(0 <= b.x0 < b.x1 <= 1 and 0 <= b.top < b.bottom <= 1 for b in document.boxes)
    assert document.metadata["ocr_pages"] == "1-2" and any("由识别得来" in w for w in document.warnings)


def test_images_that_cannot_be_read_are_named() -> None:
    page = image_bytes("PNG", SCAN)
    assert refused(page, "图.png", ocr=False).code == "needs-ocr"
    for cut in (5, 60, len(page) // 2):
        assert refused(page[:cut], "图.png").code == "damaged"
    assert refused(image_bytes("TIFF", SCAN, PAGE), "图.tif", limits=Limits(max_pages=1)).code == "too-large"
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.new("1", (16_000, 6_000), 1).save(buffer, "PNG")
    assert refused(buffer.getvalue(), "大.png").code == "too-large"
    buffer = io.BytesIO()
    Image.new("L", (200, 200), 255).save(buffer, "PNG")
    assert refused(buffer.getvalue(), "空白.png").code == "empty-file"
