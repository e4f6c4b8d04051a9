"""What lies beside the running text is read, and what is not read is counted and named."""

from __future__ import annotations

import pytest

from rag.datamodels import Document
from rag.errors import LoadError
from rag.ingest.loading import load_bytes

from . import extra_files as extra
from . import make_samples as samples
from .known_text import BODY, LINES, ROW_LINES, TITLE


def read(data: bytes, name: str) -> Document:
    return load_bytes(data, name).documents[0]


def lines(document: Document) -> tuple[str, ...]:
    return tuple(line for line in document.text.split("\n") if line)


def test_word_comments_charts_diagrams_and_inserted_files() -> None:
    document = read(extra.word_extras_bytes(), "a.docx")
    assert lines(document) == extra.WORD_EXTRAS
    assert any("1 张图片没有识别" in w for w in document.warnings)
    assert any("嵌入的 1 个文件没有读" in w for w in document.warnings)


def test_inserted_files_of_other_kinds_are_read_or_named() -> None:
    members = extra.members_of(extra.word_extras_bytes())
    types = members["[Content_Types].xml"]
    for kind, blob, shown in (
        (
            "application/rtf",
            b"{\\rtf1\\ansicpg936{\\fonttbl{\\f0\\fcharset134 x;}}\\f0 \\'b9\\'a4\\'bb\\'e1\\par}",
            "工会",
        ),
        ("text/plain", "插入的文本".encode(), "插入的文本"),
        (
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            samples.word_bytes(table=True),
            "表后文字。",
        ),
        (
            "message/rfc822",
            b"MIME-Version: 1.0\nContent-Type: text/html; charset=gb2312\n\n<p>" + "网页存档".encode("gbk") + b"</p>",
            "网页存档",
        ),
    ):
        changed = dict(members) | {"word/afchunk.html": blob}
        changed["[Content_Types].xml"] = types.replace(b'"text/html"', b'"' + kind.encode() + b'"')
        assert shown in lines(read(samples.zip_bytes(dict(changed)), "a.docx")), kind
    changed["[Content_Types].xml"] = types.replace(b'"text/html"', b'"application/x-unknown"')
    document = read(samples.zip_bytes(dict(changed)), "a.docx")
    assert any("afchunk.html 没有读" in w for w in document.warnings)


def test_a_document_inserted_in_itself_ends() -> None:
    members = extra.members_of(extra.word_extras_bytes())
    kind = b"application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    members["[Content_Types].xml"] = members["[Content_Types].xml"].replace(b'"text/html"', b'"' + kind + b'"')
    inner = samples.zip_bytes(dict(members))
    for _ in range(8):
        inner = samples.zip_bytes(dict(members) | {"word/afchunk.html": inner})
    assert any("afchunk.html 没有读" in w for w in read(inner, "a.docx").warnings)


def test_sheet_text_boxes_charts_and_comments_are_with_their_sheet() -> None:
    document = read(extra.sheet_extras_bytes(), "a.xlsx")
    assert lines(document) == extra.SHEET_EXTRAS
    second = document.text[document.pages[1].start :]
    assert "说明已过时" in second and "含临时人员" not in second


def test_slide_comments_and_replies() -> None:
    document = read(extra.slide_comments_bytes(), "a.pptx")
    first, second = (document.pages[0].start, document.pages[1].start)
    assert document.text[first:second].endswith("批注：这一页要更新\n")
    assert document.text.endswith("批注：已补上\n批注：数字待补\n")


@pytest.mark.parametrize(
    ("make", "name", "wanted"),
    [
        (lambda: samples.word_bytes(table=True), "a.docx", (*LINES, *ROW_LINES, "表后文字。")),
        (lambda: samples.sheets_bytes(two=True), "a.xlsx", ("二〇二三年培训名单", *ROW_LINES, *BODY)),
        (extra.word_extras_bytes, "b.docx", extra.WORD_EXTRAS),
        (extra.sheet_extras_bytes, "b.xlsx", extra.SHEET_EXTRAS),
    ],
)
def test_strict_files_read_as_the_others(make, name, wanted) -> None:
    strict = extra.strict_bytes(make())
    assert b"purl.oclc.org" in extra.members_of(strict)["_rels/.rels"]
    assert lines(read(strict, name)) == wanted


def test_strict_slides_read_as_the_others() -> None:
    data = samples.slides_bytes(table=True)
    assert read(extra.strict_bytes(data), "a.pptx").text == read(data, "a.pptx").text


def test_pdf_fields_and_notes_have_their_places() -> None:
    document = read(extra.pdf_form_bytes(), "a.pdf")
    assert lines(document) == extra.PDF_FORM
    (name,) = (b for b in document.boxes if "姓名" in document.text[b.start : b.end])
    assert name.x0 == pytest.approx(100 / 595, abs=0.01) and name.bottom == pytest.approx(1 - 740 / 842, abs=0.01)
    from rag.ingest.loading.pdf_pages import page_boxes

    boxes = page_boxes(extra.pdf_form_bytes(), document.pages, document.text, 0, len(document.text))
    assert [document.text[b.start : b.end] for b in boxes] == [TITLE]  # the page's own text keeps its place


def test_text_of_a_table_outside_its_cells() -> None:
    found = lines(read(extra.STRAY_HTML.encode(), "a.html"))
    for words in ("表外的话", "行里的话", "行里的一段", "尾巴"):
        assert any(words in line for line in found), words
    assert "姓名：张三；人数：12" in found


@pytest.mark.parametrize("charset", ["hz-gb-2312", "iso-2022-cn"])
def test_mail_of_seven_bits(charset: str) -> None:
    document = read(extra.seven_bit_mail_bytes(charset), "a.eml")
    assert document.title == TITLE
    assert lines(document)[-len(BODY) :] == BODY


def test_old_office_files_are_known_in_any_case(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600 + "WORDDOCUMENT".encode("utf-16-le") + b"\x00" * 900
    with pytest.raises(LoadError) as caught:
        read(old, "旧.doc")
    assert caught.value.code == "libreoffice-missing"
    locked = old.replace("WORDDOCUMENT".encode("utf-16-le"), "ENCRYPTEDPACKAGE".encode("utf-16-le"))
    with pytest.raises(LoadError) as caught:
        read(locked, "密.docx")
    assert caught.value.code == "encrypted"


def test_members_in_another_case_are_found_or_refused() -> None:
    members = extra.members_of(samples.word_bytes())
    other = {name.replace("[Content_Types]", "[content_types]"): body for name, body in members.items()}
    assert lines(read(samples.zip_bytes(dict(other)), "a.docx")) == LINES
