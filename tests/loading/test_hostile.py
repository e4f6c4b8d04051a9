"""Hostile and broken input: bounded, refused with one sentence that names the file, never a traceback."""

from __future__ import annotations

import io
import os
import random
import stat
import time
import zipfile
from pathlib import Path

import pytest

from rag.errors import CorpusError, LoadError
from rag.ingest.loading import Limits, Source, discover, load, load_bytes

from . import make_samples as samples

BOMB_XML = (
    '<!DOCTYPE d [<!ENTITY a "工会">'
    + "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9))
    + "]><d>&j;</d>"
)  # fmt: skip


def refused(data: bytes, name: str, limits: Limits | None = None) -> LoadError:
    with pytest.raises(LoadError) as caught:
        load_bytes(data, name, limits=limits)
    message = str(caught.value)
    assert name in message and "\n" not in message and len(message) < 300
    return caught.value


def made() -> dict[str, bytes]:
    """A real file of each parser that reads structure."""
    return {
        "a.docx": samples.word_bytes(table=True, edges=True, numbered=True),
        "a.pptx": samples.slides_bytes(table=True),
        "a.xlsx": samples.sheets_bytes(two=True),
        "a.pdf": samples.pdf_bytes([samples.LINES, samples.BODY]),
        "a.epub": samples.epub_bytes(),
        "a.ofd": samples.ofd_bytes(),
        "a.eml": samples.mail_bytes(),
        "a.zip": samples.zip_bytes({"一.txt": samples.TEXT, "二.docx": samples.word_bytes()}),
        "a.rtf": b"{\\rtf1\\ansicpg936{\\fonttbl{\\f0\\fcharset134 x;}}\\f0 \\'b9\\'a4\\'bb\\'e1\\par"
        b" {\\header x}\\u24037?}",
        "a.html": f"<html><body><table><tr><td>{samples.TITLE}</td></tr></table></body></html>".encode(),
        "a.csv": "姓名,单位\n张三,总工会\n".encode("gb18030"),
        "a.md": f"---\ntitle: x\n---\n# {samples.TITLE}\n".encode(),
    }


@pytest.mark.parametrize("name", sorted(made()))
def test_truncated_and_altered_files_never_crash(name: str) -> None:
    whole = made()[name]
    chance = random.Random(7)
    cuts = sorted({*range(0, len(whole), max(len(whole) // 25, 1)), 1, 4, len(whole) - 1})
    variants = [whole[:cut] for cut in cuts]
    for _ in range(25):
        altered = bytearray(whole)
        for _ in range(chance.choice((1, 5, 50))):
            altered[chance.randrange(len(altered))] = chance.randrange(256)
        variants.append(bytes(altered))
    for data in variants:
        try:
            loaded = load_bytes(data, name, ocr=False)
        except LoadError as error:
            assert name in str(error) and error.code != "load-failed"
        else:
            assert all(d.text for d in loaded.documents)


@pytest.mark.parametrize("name", ["a.docx", "a.xlsx", "a.pptx", "a.ofd", "a.epub"])
def test_altered_inner_xml_never_crashes(name: str) -> None:
    """The zip is sound, the XML inside is not: what a fuzzer of the zip alone never reaches."""
    chance = random.Random(11)
    with zipfile.ZipFile(io.BytesIO(made()[name])) as archive:
        members = {n: archive.read(n) for n in archive.namelist()}
    for victim in sorted(members):
        for cut in (0, len(members[victim]) // 2):
            changed = dict(members)
            body = bytearray(members[victim][:cut] if cut else members[victim])
            if not cut and body:
                for _ in range(6):
                    body[chance.randrange(len(body))] = chance.randrange(32, 127)
            changed[victim] = bytes(body)
            try:
                load_bytes(samples.zip_bytes(changed), name)
            except LoadError as error:
                assert name in str(error)
        without = {n: b for n, b in members.items() if n != victim}
        try:
            load_bytes(samples.zip_bytes(without), name)
        except LoadError as error:
            assert name in str(error)


def test_zip_bombs_are_refused_before_they_unpack() -> None:
    begin = time.monotonic()
    flat = samples.zip_bytes({f"{i}.txt": b"\x00" * 30_000_000 for i in range(2)})
    assert refused(flat, "炸弹.zip").code == "archive-bomb"
    assert refused(flat, "炸弹.docx").code in {"archive-bomb", "damaged"}
    many = samples.zip_bytes({f"{i}.txt": "a" for i in range(60)})
    assert refused(many, "多.zip", Limits(max_members=50)).code == "archive-bomb"
    big = samples.zip_bytes({"a.txt": os.urandom(2_000_000)})
    assert refused(big, "大.zip", Limits(max_unpacked=1_000_000)).code == "archive-bomb"
    assert time.monotonic() - begin < 10


def test_nested_archives_share_one_budget_and_have_a_depth() -> None:
    inner = samples.zip_bytes({f"{i}.txt": os.urandom(300_000).hex() for i in range(2)})
    outer = samples.zip_bytes({f"{i}.zip": inner for i in range(4)})
    assert refused_inside(outer, Limits(max_unpacked=3_000_000)) == {"archive-bomb"}
    nest = samples.zip_bytes({"深.txt": samples.TEXT})
    for _ in range(6):
        nest = samples.zip_bytes({"套.zip": nest})
    assert refused_inside(nest, Limits()) == {"archive-bomb"}


def refused_inside(data: bytes, limits: Limits) -> set[str]:
    try:
        return {f.code for f in load_bytes(data, "套.zip", limits=limits).failures}
    except LoadError as error:
        return {error.code}


def test_unsafe_names_in_archives_are_reported_and_the_rest_is_read() -> None:
    names = ["../../etc/a.txt", "/abs.txt", "C:\\b.txt", "d\\..\\..\\e.txt"]
    data = samples.zip_bytes({**dict.fromkeys(names, samples.TEXT), "好.txt": samples.TEXT})
    loaded = load_bytes(data, "路径.zip")
    assert [d.doc_id for d in loaded.documents] == ["路径.zip/好.txt"]
    assert [f.code for f in loaded.failures] == ["unsafe-path"] * 4


def test_broken_members_are_reported_and_the_rest_is_read() -> None:
    data = samples.zip_bytes({"坏.docx": b"PK\x03\x04xx", "空.txt": b"", "图.png": b"\x89PNG", "好.txt": samples.TEXT})
    loaded = load_bytes(data, "混.zip")
    assert [d.doc_id for d in loaded.documents] == ["混.zip/好.txt"]
    assert {f.doc_id: f.code for f in loaded.failures} == {
        "混.zip/坏.docx": "damaged",
        "混.zip/空.txt": "empty-file",
        "混.zip/图.png": "damaged",
    }


def test_entity_bombs_do_not_expand() -> None:
    with zipfile.ZipFile(io.BytesIO(samples.word_bytes())) as archive:
        word = {n: archive.read(n) for n in archive.namelist()}
    word["word/document.xml"] = BOMB_XML.encode()
    assert refused(samples.zip_bytes(word), "实体.docx").code == "archive-bomb"
    with zipfile.ZipFile(io.BytesIO(samples.sheets_bytes())) as archive:
        book = {n: archive.read(n) for n in archive.namelist()}
    book["xl/worksheets/sheet1.xml"] = BOMB_XML.encode("utf-16")
    assert refused(samples.zip_bytes(book), "实体.xlsx").code == "archive-bomb"
    for name in ("a.html", "a.md", "a.txt"):
        assert len(load_bytes(BOMB_XML.encode(), name).documents[0].text) < 10_000
    with zipfile.ZipFile(io.BytesIO(samples.epub_bytes())) as archive:
        book = {n: archive.read(n) for n in archive.namelist()}
    book["OEBPS/text/a.xhtml"] = BOMB_XML.encode()
    assert len(load_bytes(samples.zip_bytes(book), "a.epub").documents[0].text) < 10_000


def test_sidecar_alias_bomb_is_ignored_with_a_warning() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join([f'*{chr(97 + i)}'] * 9)}]\n" for i in range(9)
    )
    document = load_bytes(samples.TEXT.encode(), "a.txt", sidecar=(bomb + "issuer: 某局\n").encode()).documents[0]
    assert document.metadata["issuer"] == "某局"
    assert any("没有采用" in w for w in document.warnings)


def test_encrypted_files_are_named_so() -> None:
    assert refused(samples.pdf_bytes([samples.LINES], password="x"), "密.pdf").code == "encrypted"
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600 + "EncryptedPackage".encode("utf-16-le") + b"\x00" * 100
    for name in ("密.docx", "密.xlsx", "密.pptx"):
        assert refused(ole, name).code == "encrypted"
    locked = bytearray(samples.zip_bytes({"a.txt": samples.TEXT}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(mark) + offset] |= 1
    assert refused(bytes(locked), "密.zip").code == "encrypted"


def test_sizes_are_bounded(tmp_path: Path) -> None:
    huge = tmp_path / "巨.txt"
    with huge.open("wb") as stream:
        stream.truncate(500 * 1024 * 1024)
    begin = time.monotonic()
    with pytest.raises(LoadError) as caught:
        load(Source("巨.txt", huge))
    assert caught.value.code == "too-large" and time.monotonic() - begin < 1
    pages = samples.pdf_bytes([("一",)] * 30)
    assert refused(pages, "多页.pdf", Limits(max_pages=20)).code == "too-large"
    assert refused(samples.sheets_bytes(), "格.xlsx", Limits(max_cells=5)).code == "too-large"
    assert refused(b"a,b\n1,2\n" * 5, "格.csv", Limits(max_cells=5)).code == "too-large"
    assert refused(pages, "慢.pdf", Limits(max_seconds=-1)).code == "too-large"


@pytest.mark.slow
def test_deep_nesting_does_not_overflow() -> None:
    deep = "<div>" * 100_000 + "工会工作" + "</div>" * 100_000
    assert refused(deep.encode(), "深.html").code == "too-large"
    assert refused(b"{\\rtf1 " + b"{" * 100_000, "深.rtf").code == "too-large"
    load_bytes(("> " * 5000 + "工会").encode(), "深.md")
    assert "没有采用" in load_bytes(b"---\nx: " + b"[" * 20_000 + b"\n---\nabc\n", "深.md").documents[0].warnings[0]


def test_wrong_suffixes_are_read_for_what_they_are_or_refused() -> None:
    for name, data in made().items():
        if name in {"a.docx", "a.pdf", "a.xlsx", "a.pptx", "a.rtf", "a.ofd", "a.epub"}:
            document = load_bytes(data, "错.txt").documents[0]
            assert document.media_type != "text/plain" and "后缀" in document.warnings[-1]
    assert load_bytes(samples.TEXT.encode("gb18030"), "错.docx").documents[0].text == samples.TEXT
    page = f"<html><head><meta charset=gb2312></head><body><p>{samples.TITLE}</p></body></html>".encode("gb2312")
    assert load_bytes(page, "网页.doc").documents[0].text == samples.TITLE + "\n"
    archive = b"MIME-Version: 1.0\nContent-Type: text/html; charset=gb2312\n\n" + page
    assert load_bytes(archive, "单个网页.doc").documents[0].text == samples.TITLE + "\n"
    assert refused(samples.TEXT.encode(), "错.pdf").code == "damaged"
    assert refused(samples.zip_bytes({"a.txt": "x"}), "错.docx").code == "damaged"
    assert refused(b"\x89PNG\r\n\x1a\n" + b"\x01" * 90, "图.docx").code == "damaged"
    assert refused(b"x", "程序.exe").code == "unknown-format"


def test_old_word_without_libreoffice_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600 + "WordDocument".encode("utf-16-le") + b"\x00" * 900
    for name in ("旧.doc", "旧.wps"):
        error = refused(old, name)
        assert error.code == "libreoffice-missing" and "LibreOffice" in str(error)


def test_a_hanging_libreoffice_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "soffice"
    program.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path))
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600 + "WordDocument".encode("utf-16-le") + b"\x00" * 900
    begin = time.monotonic()
    assert refused(old, "旧.doc", Limits(office_seconds=0.5)).code == "too-large"
    assert time.monotonic() - begin < 5


def test_discover_survives_loops_and_skips_what_is_no_document(tmp_path: Path) -> None:
    root = tmp_path / "库"
    (root / "子 目录").mkdir(parents=True)
    outside = tmp_path / "外.txt"
    outside.write_text("外面", "utf-8")
    junk = ("~$甲.docx", ".隐藏.txt", ".DS_Store", "Thumbs.db", "甲.txt.yaml")
    for name in ("甲.txt", "子 目录/乙🙂.docx", "丙.exe", "独立.yaml", *junk):
        (root / name).write_bytes(b"x")
    (root / "环").symlink_to(root, target_is_directory=True)
    (root / "自环.txt").symlink_to(root / "自环.txt")
    (root / "外链.txt").symlink_to(outside)
    (root / "内链.txt").symlink_to(root / "甲.txt")
    found = [s.doc_id for s in discover([root])]
    assert found == sorted(["甲.txt", "子 目录/乙🙂.docx", "丙.exe", "独立.yaml", "内链.txt"])
    assert [s.doc_id for s in discover([root / "甲.txt", root / "甲.txt"])] == ["甲.txt"]


def test_missing_and_empty_corpora_are_said_so(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="没有这个文件"):
        discover([tmp_path / "无"])
    with pytest.raises(CorpusError, match="没有可以读的文档"):
        discover([tmp_path])
    with pytest.raises(LoadError) as caught:
        load(Source("无.txt", tmp_path / "无.txt"))
    assert caught.value.code == "unreadable"
