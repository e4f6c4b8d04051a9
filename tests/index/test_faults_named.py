"""A full disk, a folder that cannot be opened and a held lock are told as what they are, never as damage."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
import sqlalchemy as sa

from rag.cli.doctor import examine
from rag.datamodels import Document
from rag.errors import BusyError, IndexUnusable
from rag.index.catalog import Catalog

FIRST = Document("泳池.txt", "泳池", "泳池每周二封闭检修，由后勤处负责。", "泳池", "text/plain")
LONG = Document("步道.txt", "步道", "步道由后勤处管理。\n\n" * 9000, "步道", "text/plain")


@contextmanager
def connected(pragma: str) -> Iterator[None]:
    """Every new connection to a database is set so."""

    def run(connection: sqlite3.Connection, record: object) -> None:
        connection.execute(f"PRAGMA {pragma}").close()

    sa.event.listen(sa.pool.Pool, "connect", run)
    try:
        yield
    finally:
        sa.event.remove(sa.pool.Pool, "connect", run)


def test_a_full_disk_is_named_and_nothing_is_changed(make_service):
    service = make_service()
    service.ingest_documents([FIRST])
    service.catalog.close()
    full = make_service()
    with connected("max_page_count=1"), pytest.raises(IndexUnusable, match=r"磁盘满了.*SQLITE_FULL") as caught:
        full.ingest_documents([LONG])
    assert caught.value.code == "disk-full" and "删除" not in str(caught.value) and "损坏" not in str(caught.value)
    after = make_service()
    assert set(after.catalog.sources()) == {"泳池.txt"} and after.search("泳池")[0].doc_id == "泳池.txt"
    assert all(check.good for check in examine(after) if "honest" not in check.name)


def test_a_database_that_cannot_be_opened_is_not_called_damaged(tmp_path):
    (tmp_path / "index" / "catalog.sqlite3").mkdir(parents=True)
    with pytest.raises(IndexUnusable, match="打不开") as caught:
        Catalog(tmp_path / "index" / "catalog.sqlite3")
    assert caught.value.code == "index-cannot-open" and "删除" not in str(caught.value)


def test_damage_is_still_called_damage(tmp_path):
    (tmp_path / "catalog.sqlite3").write_bytes(b"no database at all" * 500)
    with pytest.raises(IndexUnusable, match=r"已损坏.*SQLITE_NOTADB") as caught:
        Catalog(tmp_path / "catalog.sqlite3")
    assert caught.value.code == "index-unusable"


def test_a_lock_held_too_long_is_told_in_a_sentence(make_service):
    make_service().ingest_documents([FIRST])
    service = make_service()
    path = service.settings.index / "catalog.sqlite3"
    with connected("busy_timeout=50"), closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BusyError, match="占用") as caught:
            service.remove(["泳池.txt"])
        assert caught.value.retry_after > 0
        assert service.search("泳池")  # reading waits for nobody
    service.remove(["泳池.txt"])
    assert not service.catalog.sources()


def test_derived_files_that_cannot_be_written_stop_no_question(make_service, caplog):
    """A folder lies where a file belongs; what was begun is cleaned away."""
    make_service().ingest_documents([FIRST])
    service = make_service()
    folder = service.settings.index
    for name in ("derived.json", "twins.json"):
        (folder / name).unlink()
    (folder / "twins.json").mkdir()
    assert service.search("泳池")[0].doc_id == "泳池.txt" and "从内存回答" in caplog.text
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
