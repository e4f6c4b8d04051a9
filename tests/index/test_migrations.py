"""Indexes of earlier formats are brought up to date; those of later ones are refused with a command that works."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from rag.cli.doctor import examine
from rag.config import Settings
from rag.errors import IndexUnusable
from rag.index.catalog import Catalog
from rag.index.migrations import _FIRST_CLEANER, _FIRST_LOADERS_ALL, FORMAT, STEPS
from rag.service import Service
from tests.conftest import SEEDS, ToyEmbedder
from tests.index.make_format_1 import DIM, IDENTITY, VERSIONS
from tests.test_cli import one_line, run

FORMAT_1 = Path(__file__).with_name("data") / "format-1.sqlite3"


@pytest.fixture
def old(tmp_path) -> Path:
    index = tmp_path / "index"
    index.mkdir()
    shutil.copy(FORMAT_1, index / "catalog.sqlite3")
    return index


def rows(index: Path, query: str) -> list[tuple]:
    with closing(sqlite3.connect(index / "catalog.sqlite3")) as connection:
        return connection.execute(query).fetchall()


def test_format_1_is_what_its_name_says(old):
    assert rows(old, "SELECT value FROM facts WHERE name = 'format'") == [("1",)]
    assert not rows(old, "SELECT name FROM sqlite_master WHERE name = 'migrations'")
    assert rows(old, "SELECT count(*) FROM vectors") > rows(old, "SELECT count(*) FROM passages")


def as_when_format_1_was_written(monkeypatch) -> None:
    """The versions of what reads, cleans and cuts that such an index was made with: newer ones make any index anew."""
    monkeypatch.setattr("rag.ingest.preparing.LOADERS", _FIRST_LOADERS_ALL)
    monkeypatch.setattr("rag.ingest.preparing.CLEANER", _FIRST_CLEANER)
    monkeypatch.setattr("rag.ingest.preparing.CHUNKER", "structure-5")


def test_format_1_is_served_without_encoding_a_text(old, monkeypatch):
    as_when_format_1_was_written(monkeypatch)
    before = rows(old, "SELECT doc_id, title, text, sha256 FROM documents ORDER BY doc_id")
    embedder = ToyEmbedder(IDENTITY, DIM)
    service = Service(Settings(index=old), embedder)
    assert all(check.good for check in examine(service)), examine(service)
    assert service.search_passages("食堂几点开饭", 1)[0].passage.text == VERSIONS[-1].strip()
    assert not service.rebuild_if_other_make() and embedder.encoded == []
    assert rows(old, "SELECT doc_id, title, text, sha256 FROM documents ORDER BY doc_id") == before
    assert {record.document.loader for record in service.documents()} == {"txt-1", "md-1", "pdf-1"}
    assert service.document("通知.md").document.metadata["issuer"] == "区总工会"
    assert service.word_tables()[0] == "职工之家\n" and service.catalog.has_original("食堂.pdf")


def test_each_step_is_recorded_and_applied_once(old):
    Catalog(old / "catalog.sqlite3").close()
    applied = rows(old, "SELECT name, applied FROM migrations ORDER BY rowid")
    assert [name for name, _ in applied] == [step.name for step in STEPS]
    assert rows(old, "SELECT value FROM facts WHERE name = 'format'") == [(str(FORMAT),)]
    sources = rows(old, "SELECT source, details FROM documents")
    Catalog(old / "catalog.sqlite3").close()
    assert rows(old, "SELECT name, applied FROM migrations ORDER BY rowid") == applied
    assert rows(old, "SELECT source, details FROM documents") == sources


def test_vectors_that_format_1_left_behind_are_dropped(old):
    used = {key for (key,) in rows(old, "SELECT vector FROM passages")}
    used |= {key for (windows,) in rows(old, "SELECT windows FROM passages") for _, _, key in json.loads(windows)}
    assert {key for (key,) in rows(old, "SELECT key FROM vectors")} > used
    Catalog(old / "catalog.sqlite3").close()
    assert {key for (key,) in rows(old, "SELECT key FROM vectors")} == used


def test_a_step_that_fails_leaves_the_file_as_it_was(old, monkeypatch):
    def broken(connection):
        connection.exec_driver_sql("DELETE FROM documents")
        raise KeyboardInterrupt

    before = rows(old, "SELECT * FROM documents")
    step = type(STEPS[0])(STEPS[-1].name, broken)
    monkeypatch.setattr("rag.index.migrations.STEPS", (*STEPS[:-1], step))
    with pytest.raises(KeyboardInterrupt):
        Catalog(old / "catalog.sqlite3")
    assert rows(old, "SELECT * FROM documents") == before
    assert not rows(old, "SELECT name FROM sqlite_master WHERE name = 'migrations'")


def test_two_that_open_it_at_once_migrate_it_once(old):
    failures: list[BaseException] = []

    def open_it() -> None:
        try:
            Catalog(old / "catalog.sqlite3").close()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(rows(old, "SELECT name FROM migrations")) == len(STEPS)


def test_a_new_index_needs_no_step(tmp_path):
    Catalog(tmp_path / "catalog.sqlite3").close()
    assert rows(tmp_path, "SELECT value FROM facts WHERE name = 'format'") == [(str(FORMAT),)]
    assert [name for (name,) in rows(tmp_path, "SELECT name FROM migrations ORDER BY rowid")] == [s.name for s in STEPS]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE facts SET value = '99' WHERE name = 'format'",
        "UPDATE facts SET value = 'zweite' WHERE name = 'format'",
        "INSERT INTO migrations VALUES ('from-the-future', '2030-01-01T00:00:00Z')",
    ],
)
def test_an_index_from_the_future_is_left_alone_and_the_advice_works(old, change):
    Catalog(old / "catalog.sqlite3").close()
    with closing(sqlite3.connect(old / "catalog.sqlite3")) as connection:
        connection.execute(change)
        connection.commit()
    before = (old / "catalog.sqlite3").read_bytes()
    with pytest.raises(IndexUnusable, match="别的版本"):
        Catalog(old / "catalog.sqlite3")
    advice = re.search(r"yuanwen (index --index \S+)", one_line(run("ask", "食堂几点开饭", "--index", old)))
    done = run(*advice[1].split())
    assert done.returncode == 0, done.stderr
    assert run("ask", "工会", "--index", advice[1].split()[-1]).returncode == 0
    assert (old / "catalog.sqlite3").read_bytes() == before


def test_an_index_of_another_make_names_a_command_that_works(tmp_path):
    index = tmp_path / "index"
    assert run("index", SEEDS, "--index", index).returncode == 0
    said = one_line(run("ask", "工会", "--index", index, YUANWEN_PASSAGE_SIZE="300"))
    advice = re.search(r"yuanwen (index[ a-z-]*[a-z])", said)
    done = run(*advice[1].split(), "--index", index, YUANWEN_PASSAGE_SIZE="300")
    assert done.returncode == 0, done.stderr
    assert run("ask", "工会", "--index", index, YUANWEN_PASSAGE_SIZE="300").returncode == 0
    whole = run("index", SEEDS, "--index", index, YUANWEN_PASSAGE_SIZE="200")  # and so does reading the files again
    assert whole.returncode == 0, whole.stderr
    assert run("ask", "工会", "--index", index, YUANWEN_PASSAGE_SIZE="200").returncode == 0
