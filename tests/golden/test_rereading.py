"""A document that another version of its loader read is found, and read again where that is possible (promise 7)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag.cli.doctor import examine
from rag.errors import IndexMismatch
from rag.ingest.loading import formats
from tests.index.make_format_1 import _pdf

LINE = "食堂每周公布一次菜谱，由膳食委员会审定。"


@pytest.fixture
def corpus(tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "食堂.pdf").write_bytes(_pdf(LINE))
    (folder / "办法.txt").write_text("职工之家每日开放。", encoding="utf-8")
    (folder / "通知.md").write_text("各单位组织读书活动。", encoding="utf-8")
    return folder


def raise_versions(monkeypatch, *kinds: str) -> None:
    for kind in kinds:
        newer = replace(formats.BY_KIND[kind], version=formats.BY_KIND[kind].version + 1)
        monkeypatch.setitem(formats.BY_KIND, kind, newer)
        monkeypatch.setitem(formats.BY_MEDIA_TYPE, newer.media_type, newer)
        for suffix in newer.suffixes:
            monkeypatch.setitem(formats.BY_SUFFIX, suffix, newer)
    newest = " ".join(sorted(one.read_by for one in formats.BY_KIND.values()))
    monkeypatch.setattr("rag.ingest.preparing.LOADERS", newest)


OLD = {kind: one.read_by for kind, one in formats.BY_KIND.items()}
NEW = {kind: f"{kind}-{one.version + 1}" for kind, one in formats.BY_KIND.items()}


def loaders(service) -> dict[str, str]:
    return {record.document.doc_id: record.document.loader for record in service.documents()}


def test_found_refused_and_made_again_by_name(make_service, corpus, monkeypatch):
    make_service().ingest([corpus])
    raise_versions(monkeypatch, "pdf", "txt")
    service = make_service()
    named = f"读取程序：索引为 {OLD['pdf']} {OLD['txt']}，当前为 {NEW['pdf']} {NEW['txt']}.*yuanwen index --if-needed"
    with pytest.raises(IndexMismatch, match=named):
        service.search_passages("食堂", 1)
    told = {}
    assert service.rebuild_if_other_make(on_line=lambda line: told.setdefault(line.doc_id, line.warnings))
    assert loaders(service) == {
        "食堂.pdf": NEW["pdf"],
        "办法.txt": OLD["txt"],
        "通知.md": OLD["md"],
    }  # the PDF's file is kept
    assert told["食堂.pdf"] == told["通知.md"] == ()
    assert f"旧版读取程序 {OLD['txt']} 读出" in told["办法.txt"][0]
    assert service.document("办法.txt").document.warnings == told["办法.txt"]
    assert service.search_passages("菜谱由谁审定", 1)[0].passage.text == LINE
    promises = {check.name: check for check in examine(service)}
    assert all(check.good for check in promises.values()) and "办法.txt" in promises["不混用 / one make"].detail
    assert not service.rebuild_if_other_make()


def test_the_next_ingest_with_the_file_reads_it_again(make_service, corpus, monkeypatch):
    make_service().ingest([corpus])
    raise_versions(monkeypatch, "txt")
    service = make_service()
    service.rebuild_if_other_make()
    service.describe("办法.txt", {"issuer": "区总工会"})
    assert loaders(service)["办法.txt"] == OLD["txt"]  # describing it does not make it newer
    report = service.ingest([corpus])
    assert [line.doc_id for line in report.lines] == ["办法.txt"] and len(report.unchanged) == 2
    found = service.document("办法.txt").document
    assert found.loader == NEW["txt"] and found.warnings == () and found.metadata["issuer"] == "区总工会"


def test_a_kept_file_that_cannot_be_read_any_more_keeps_its_text(make_service, corpus, monkeypatch):
    make_service().ingest([corpus])
    raise_versions(monkeypatch, "pdf")
    service = make_service()
    monkeypatch.setattr("rag.ingest.loading.pdf._extract", lambda document, job: 1 / 0)
    assert service.rebuild_if_other_make()
    found = service.document("食堂.pdf").document
    assert found.loader == OLD["pdf"] and LINE in found.text and "现在读不了原文件" in found.warnings[0]


def test_files_that_fail_in_an_ingest_do_not_lock_the_index(make_service, corpus):
    """Under another make, `yuanwen index` reads the files again; one that cannot be read any more is made from its text."""
    make_service().ingest([corpus])
    (corpus / "办法.txt").write_bytes(b"\x00\x01\x02\x03" * 50)
    service = make_service(passage_size=200)
    report = service.ingest([corpus], mirror=True)
    assert any(line.error for line in report.lines)
    assert service.search_passages("职工之家每日开放", 1)[0].passage.doc_id == "办法.txt"


def test_another_make_encodes_no_text_again(make_service, corpus, monkeypatch):
    make_service().ingest([corpus])
    raise_versions(monkeypatch, "txt")
    service = make_service()
    service.rebuild_if_other_make()
    assert service.embedder.encoded == []
