"""The one truth: documents, passages, tokens and vectors in one SQLite file, changed in transactions only.

Everything else in the index folder is derived from here and carries its generation.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from rag.datamodels import Document, IngestLine, LineBox, Page, Passage, Removal
from rag.errors import BusyError, IndexUnusable, NotFoundError
from rag.index.faults import tell
from rag.index.migrations import migrate
from rag.index.schema import (
    DOCUMENTS,
    EDITS,
    FACTS,
    META,
    ORIGINALS,
    PASSAGES,
    VECTORS,
    drop_unused_vectors,
    set_facts,
)  # fmt: skip

log = logging.getLogger(__name__)
_GENERATION = sa.select(FACTS.c.value).where(FACTS.c.name == "generation")


@dataclass(frozen=True, slots=True)
class Window:
    """A clause or two of a passage: its source span and the key of its vector."""

    start: int
    end: int
    key: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A passage with all that search needs of it. tokens: for BM25. key: of its vector."""

    passage: Passage
    tokens: tuple[str, ...]
    key: str
    windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """A document as stored. source: fingerprint of what it was made from. report: its line of the ingest report."""

    document: Document
    removals: tuple[Removal, ...]
    source: str
    report: IngestLine


class Reading:
    """The catalog as one read transaction sees it: of one generation, whatever is committed meanwhile."""

    def __init__(self, connection: sa.Connection) -> None:
        """connection: in the transaction."""
        self._connection = connection

    def fact(self, name: str) -> str | None:
        """A named fact about the index, such as its generation or its make."""
        return self._connection.scalar(sa.select(FACTS.c.value).where(FACTS.c.name == name))

    @property
    def generation(self) -> int:
        """Counts committed changes of documents; derived files carry it."""
        return int(self.fact("generation") or 0)

    def sources(self) -> dict[str, str]:
        """The fingerprint of each document, by doc_id."""
        rows = self._connection.execute(sa.select(DOCUMENTS.c.doc_id, DOCUMENTS.c.source))
        return {row.doc_id: row.source for row in rows}

    def records(self) -> list[Record]:
        """All documents by doc_id, text included."""
        rows = self._connection.execute(sa.select(DOCUMENTS).order_by(DOCUMENTS.c.doc_id))
        return [_to_record(row) for row in rows]

    def entries(self) -> list[Entry]:
        """All passages in document order."""
        rows = self._connection.execute(sa.select(PASSAGES).order_by(PASSAGES.c.doc_id, PASSAGES.c.ordinal))
        return [_to_entry(row) for row in rows]

    def vectors(self) -> dict[str, np.ndarray]:
        """All vectors by key, (dim,) float32 each."""
        rows = self._connection.execute(sa.select(VECTORS.c.key, VECTORS.c.vector))
        return {key: np.frombuffer(blob, dtype="<f4") for key, blob in rows}


class Catalog:
    """The SQLite file of an index folder."""

    def __init__(self, path: Path) -> None:
        """Open the file, creating it when missing and bringing one of an earlier version up to date.

        Raises IndexUnusable when it is not a sound database, cannot be opened, or a newer version wrote it. Every use
        raises IndexUnusable when the disk is full or fails, BusyError when another process holds the file too long.
        """
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})
        sa.event.listen(self._engine, "connect", _pragmas)
        tell(self._engine, path)
        migrate(self._engine, path)

    def close(self) -> None:
        """Give back every connection."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """Several reads of one generation. For as long as it takes to read: what others remove stays in the log meanwhile."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")  # the state is that of the first read after it
            yield Reading(connection)

    def fact(self, name: str) -> str | None:
        """A named fact about the index, such as its generation or its make."""
        with self.reading() as now:
            return now.fact(name)

    def set_facts(self, facts: dict[str, str], *, advance: bool = False) -> None:
        """Record facts; the generation stays, unless they change what is found (`advance`)."""
        with self._begin() as connection:
            set_facts(connection, facts)
            if advance:
                _advance(connection)

    def remember(self, facts: dict[str, str]) -> None:
        """Keep facts that can be worked out again; a full disk, a read-only folder or a held lock stops no question."""
        try:
            self.set_facts(facts)
        except (IndexUnusable, BusyError) as error:
            if error.code not in {"disk-full", "index-read-only", "busy"}:
                raise
            log.warning("没有存下（%s）：%s", "、".join(facts), error)

    @property
    def generation(self) -> int:
        """Counts committed changes of documents; derived files carry it."""
        with self.reading() as now:
            return now.generation

    def sources(self) -> dict[str, str]:
        """The fingerprint of each document, by doc_id."""
        with self.reading() as now:
            return now.sources()

    def records(self) -> list[Record]:
        """All documents by doc_id, text included."""
        with self.reading() as now:
            return now.records()

    def record(self, doc_id: str) -> Record:
        """One document. Raises NotFoundError."""
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(DOCUMENTS).where(DOCUMENTS.c.doc_id == doc_id)).first()
        if row is None:
            raise NotFoundError(f"索引中没有文档《{doc_id}》。/ No such document.")
        return _to_record(row)

    def original(self, doc_id: str) -> bytes | None:
        """The bytes of the document's file, kept where its pages can be shown."""
        query = sa.select(ORIGINALS.c.bytes).join(DOCUMENTS, DOCUMENTS.c.sha256 == ORIGINALS.c.sha256)
        with self._engine.connect() as connection:
            return connection.scalar(query.where(DOCUMENTS.c.doc_id == doc_id))

    def edits(self) -> dict[str, dict[str, str]]:
        """What people changed about documents, by doc_id."""
        with self._engine.connect() as connection:
            return {row.doc_id: json.loads(row.facts) for row in connection.execute(sa.select(EDITS))}

    def edit(self, doc_id: str, facts: Mapping[str, str]) -> None:
        """Keep a change; `replace` with the changed document follows it."""
        with self._begin() as connection:
            row = {"doc_id": doc_id, "facts": _json(dict(facts))}
            connection.execute(EDITS.insert().prefix_with("OR REPLACE").values(**row))

    def has_original(self, doc_id: str) -> bool:
        """Whether `original` has something to give, without reading it."""
        query = sa.select(ORIGINALS.c.sha256).join(DOCUMENTS, DOCUMENTS.c.sha256 == ORIGINALS.c.sha256)
        with self._engine.connect() as connection:
            return connection.scalar(query.where(DOCUMENTS.c.doc_id == doc_id)) is not None

    def entries(self) -> list[Entry]:
        """All passages in document order."""
        with self.reading() as now:
            return now.entries()

    def vectors(self) -> dict[str, np.ndarray]:
        """All vectors by key, (dim,) float32 each."""
        with self.reading() as now:
            return now.vectors()

    def known_keys(self, keys: Iterable[str]) -> set[str]:
        """Which of the keys already have a vector."""
        with self._engine.connect() as connection:
            return _known_keys(connection, keys)

    def replace(
        self, records: Sequence[tuple[Record, Sequence[Entry]]], vectors: dict[str, np.ndarray], make: str
    ) -> None:
        """Store documents with their passages and vectors, replacing older versions with all that was theirs, as one change.

        vectors: those that are not stored yet. make: what the index is built with, recorded with it (promise 7). Raises
        BusyError, changing nothing, when another process has removed a vector that was counted on.
        """
        replaced = 0
        with self._begin() as connection:
            for key, vector in vectors.items():
                blob = np.ascontiguousarray(vector, dtype="<f4").tobytes()
                connection.execute(VECTORS.insert().prefix_with("OR IGNORE").values(key=key, vector=blob))
            for record, entries in records:
                doc_id = record.document.doc_id
                old = connection.execute(DOCUMENTS.delete().where(DOCUMENTS.c.doc_id == doc_id))
                replaced += old.rowcount
                connection.execute(DOCUMENTS.insert().values(**_from_record(record)))
                if record.document.original:
                    kept = {"sha256": record.document.sha256, "bytes": record.document.original}
                    connection.execute(ORIGINALS.insert().prefix_with("OR IGNORE").values(**kept))
                if entries:
                    connection.execute(PASSAGES.insert(), [_from_entry(entry) for entry in entries])
            if replaced:
                drop_unused_vectors(connection)
                _drop_originals(connection)
            _refuse_missing_vectors(connection, [entry for _, entries in records for entry in entries])
            set_facts(connection, {"make": make})
            _advance(connection)

    def remove(self, doc_ids: Sequence[str]) -> None:
        """Remove documents with everything of theirs, as one change. Raises NotFoundError, removing none."""
        with self._begin() as connection:
            for doc_id in doc_ids:
                done = connection.execute(DOCUMENTS.delete().where(DOCUMENTS.c.doc_id == doc_id))
                connection.execute(EDITS.delete().where(EDITS.c.doc_id == doc_id))
                if not done.rowcount:
                    raise NotFoundError(f"索引中没有文档《{doc_id}》。/ No such document.")
            drop_unused_vectors(connection)
            _drop_originals(connection)
            _advance(connection)
        with self._engine.connect() as connection:  # what was removed does not linger in the log either
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def copy_to(self, path: Path) -> None:
        """A copy of the present state as a file of its own. path: must not exist."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql("VACUUM INTO ?", (str(path),))

    def take_over(self, path: Path, generation: int) -> bool:
        """Become what another catalog's file holds, as one change; False, and untouched, when no longer at `generation`.

        path: made by `copy_to` and changed since, so that its generation is a later one.
        """
        with self._engine.connect() as connection:
            connection.exec_driver_sql("ATTACH DATABASE ? AS fresh", (str(path),))
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                if int(connection.scalar(_GENERATION) or 0) != generation:
                    connection.rollback()
                    return False
                for table in reversed(META.sorted_tables):
                    connection.execute(table.delete())
                for table in META.sorted_tables:
                    columns = ", ".join(f'"{column.name}"' for column in table.columns)
                    connection.exec_driver_sql(
                        f"INSERT INTO main.{table.name} ({columns}) SELECT {columns} FROM fresh.{table.name}"
                    )
                connection.commit()
            finally:
                connection.rollback()
                connection.exec_driver_sql("DETACH DATABASE fresh")
        return True

    def check(self) -> list[str]:
        """SQLite's own integrity check and foreign keys; an empty list is good."""
        with self._engine.connect() as connection:
            found = [row[0] for row in connection.exec_driver_sql("PRAGMA integrity_check") if row[0] != "ok"]
            found += [f"orphan {row}" for row in connection.exec_driver_sql("PRAGMA foreign_key_check")]
        return found

    @contextmanager
    def _begin(self) -> Iterator[sa.Connection]:
        """A write transaction, taken at once so that two writers queue instead of failing midway."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            connection.commit()


def _pragmas(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions are ours: the driver would open them too late
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # a committed change survives a power cut
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA secure_delete=ON")  # the bytes of a removed document are overwritten, not just let go
    cursor.close()


def _advance(connection: sa.Connection) -> None:
    now = int(connection.scalar(_GENERATION) or 0)
    set_facts(connection, {"generation": str(now + 1)})


def _known_keys(connection: sa.Connection, keys: Iterable[str]) -> set[str]:
    wanted, found = list(keys), set[str]()
    for at in range(0, len(wanted), 500):
        query = sa.select(VECTORS.c.key).where(VECTORS.c.key.in_(wanted[at : at + 500]))
        found.update(connection.scalars(query))
    return found


def _refuse_missing_vectors(connection: sa.Connection, entries: Sequence[Entry]) -> None:
    wanted = {entry.key for entry in entries} | {window.key for entry in entries for window in entry.windows}
    if wanted - _known_keys(connection, wanted):
        raise BusyError(
            "别的进程刚刚改了索引，这一批没有写入，请再做一次。/ Another process changed the index: try again.",
            retry_after=1,
        )


def _drop_originals(connection: sa.Connection) -> None:
    """Files that no document was read from any more."""
    connection.execute(ORIGINALS.delete().where(ORIGINALS.c.sha256.not_in(sa.select(DOCUMENTS.c.sha256))))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _from_record(record: Record) -> dict[str, str]:
    document = record.document
    details = {
        "metadata": dict(document.metadata),
        "loader": document.loader,
        "pages": [[page.start, page.label] for page in document.pages],
        "boxes": [list(asdict(box).values()) for box in document.boxes],
        "warnings": list(document.warnings),
        "removals": [[r.start, r.end, r.reason, r.joins] for r in record.removals],
        "report": asdict(record.report),
    }
    return {
        "doc_id": document.doc_id, "title": document.title, "text": document.text, "sha256": document.sha256,
        "media_type": document.media_type, "details": _json(details), "source": record.source,
    }  # fmt: skip


def _to_record(row: sa.Row[Any]) -> Record:
    details = json.loads(row.details)
    document = Document(
        doc_id=row.doc_id, title=row.title, text=row.text, sha256=row.sha256, media_type=row.media_type,
        metadata=details["metadata"], pages=tuple(Page(*page) for page in details["pages"]),
        boxes=tuple(LineBox(*box) for box in details["boxes"]), warnings=tuple(details["warnings"]),
        loader=details["loader"],
    )  # fmt: skip
    report = IngestLine(**(details["report"] | {"warnings": tuple(details["report"]["warnings"])}))
    return Record(document, tuple(Removal(*removal) for removal in details["removals"]), row.source, report)


def _from_entry(entry: Entry) -> dict[str, object]:
    passage = entry.passage
    return {
        "doc_id": passage.doc_id, "ordinal": passage.ordinal, "start": passage.start, "end": passage.end,
        "text": passage.text, "headings": _json(passage.headings), "cuts": _json(passage.cuts),
        "sentences": _json(passage.sentences), "tokens": " ".join(entry.tokens), "vector": entry.key,
        "windows": _json([[window.start, window.end, window.key] for window in entry.windows]),
    }  # fmt: skip


def _to_entry(row: sa.Row[Any]) -> Entry:
    passage = Passage(
        passage_id=f"{row.doc_id}#{row.start}-{row.end}", doc_id=row.doc_id, ordinal=row.ordinal,
        start=row.start, end=row.end, text=row.text, headings=tuple(json.loads(row.headings)),
        cuts=tuple((a, b) for a, b in json.loads(row.cuts)),
        sentences=tuple((a, b) for a, b in json.loads(row.sentences)),
    )  # fmt: skip
    windows = tuple(Window(*window) for window in json.loads(row.windows))
    return Entry(passage, tuple(row.tokens.split(" ")) if row.tokens else (), row.vector, windows)
