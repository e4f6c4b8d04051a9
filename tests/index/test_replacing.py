"""A replaced document leaves nothing behind: no vector that nobody uses, no bytes of the file it was."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from rag.errors import BusyError
from rag.ingest.preparing import make_of, prepared
from tests.index.make_format_1 import _pdf
from tests.loading import known_text


def counts(service) -> tuple[int, int]:
    """Vectors stored, and vectors in use."""
    used = {entry.key for entry in service.catalog.entries()}
    used |= {window.key for entry in service.catalog.entries() for window in entry.windows}
    return len(service.catalog.vectors()), len(used)


def test_vectors_of_a_replaced_document_are_dropped(make_service, tmp_path):
    service, corpus = make_service(), tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "别的.txt").write_text("别的文件，与食堂无关。", encoding="utf-8")
    for turn in range(5):
        (corpus / "食堂.txt").write_text(f"第{turn}次修改：食堂十一点开饭。周末休息。", encoding="utf-8")
        service.ingest([corpus])
        stored, used = counts(service)
        assert stored == used, turn
    assert service.search_passages("食堂", 5) and service.search_passages("别的文件", 5)


def test_vectors_that_another_document_shares_stay(make_service, tmp_path):
    service, corpus = make_service(), tmp_path / "corpus"
    corpus.mkdir()
    for name in ("甲", "乙"):
        (corpus / f"{name}.txt").write_text("职工之家每日开放。", encoding="utf-8")
    service.ingest([corpus])
    (corpus / "甲.txt").write_text("现在说的是另一件事。", encoding="utf-8")
    service.ingest([corpus])
    assert counts(service)[0] == counts(service)[1]
    assert service.search_passages("职工之家每日开放", 1)[0].passage.doc_id == "乙.txt"


def files(service) -> int:
    """Files stored."""
    with closing(sqlite3.connect(service.catalog.path)) as connection:
        return connection.execute("SELECT count(*) FROM originals").fetchone()[0]


def test_files_of_a_replaced_document_are_dropped(make_service, tmp_path):
    service, corpus = make_service(), tmp_path / "corpus"
    corpus.mkdir()
    for line in known_text.BODY[:3]:
        (corpus / "通知.pdf").write_bytes(_pdf(line))
        service.ingest([corpus])
        assert files(service) == 1  # before anything is removed, which drops files too
    (corpus / "通知.pdf").rename(corpus / "改名.pdf")
    service.ingest([corpus], mirror=True)
    assert files(service) == 1
    assert service.catalog.original("改名.pdf") == Path(corpus / "改名.pdf").read_bytes()


def test_a_batch_whose_vectors_another_process_removed_is_refused(make_service, tmp_path):
    """Between asking which texts have a vector and the commit, another process may remove the last document with one."""
    service, corpus = make_service(), tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "甲.txt").write_text("职工之家每日开放。", encoding="utf-8")
    service.ingest([corpus])
    make = make_of(service.embedder, service.settings.passage_size)
    item = prepared(service.document("甲.txt").document, make, service.settings.passage_size)
    service.remove(["甲.txt"])
    with pytest.raises(BusyError):
        service.catalog.replace([(item.record, item.entries)], {}, make)
    assert service.documents() == []
