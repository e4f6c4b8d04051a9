"""What brings a catalog of an earlier version to the present one: a list of named steps, each applied once.

A step runs in a transaction together with the note that it was applied, so a process killed meanwhile leaves the file as
it was. A step keeps the versions and hashes of its own time: what the code says today may be another thing tomorrow.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from rag.errors import IndexUnusable
from rag.index.schema import DOCUMENTS, FACTS, META, MIGRATIONS, drop_unused_vectors, set_facts


@dataclass(frozen=True, slots=True)
class Migration:
    """A step. name: recorded in the file, never changed afterwards. apply: works inside the caller's transaction."""

    name: str
    apply: Callable[[sa.Connection], None]


def migrate(engine: sa.Engine, path: Path) -> None:
    """Create the tables of a new catalog, or apply the steps that an older one lacks.

    path: of the file, for messages. Raises IndexUnusable when a newer version wrote it; nothing is changed then.
    """
    with engine.connect() as connection:
        if _applied(connection, path) == NAMES:
            return
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # a second process waits here, then finds it done
        done = _applied(connection, path)
        is_new = not sa.inspect(connection).has_table("facts") or _format(connection) is None
        META.create_all(connection)
        if is_new:
            set_facts(connection, {"generation": "0"})
        for step in STEPS:
            if step.name not in done:
                if not is_new:
                    step.apply(connection)
                connection.execute(MIGRATIONS.insert().values(name=step.name, applied=_now()))
        set_facts(connection, {"format": str(FORMAT)})  # versions before the list look at this number
        connection.commit()


def _applied(connection: sa.Connection, path: Path) -> frozenset[str]:
    """The steps recorded in the file. Raises IndexUnusable when one of them is unknown here, or its format is."""
    tables = sa.inspect(connection)
    names: frozenset[str] = frozenset()
    if tables.has_table("migrations"):
        names = frozenset(connection.scalars(sa.select(MIGRATIONS.c.name)))
    written = _format(connection) if tables.has_table("facts") else None
    known = written is None or (written.isascii() and written.isdigit() and 1 <= int(written) <= FORMAT)
    if names <= NAMES and known:
        return names
    beside = path.parent.with_name(f"{path.parent.name}-{FORMAT}")
    raise IndexUnusable(
        f"索引 {path.parent} 由别的版本写成（格式 {written}，本版本到 {FORMAT}），没有动它。请换用写它的那个版本；或用本版本在旁边"
        f"另建一个：yuanwen index --index {beside} （自己的文件夹写在 index 之后）。/ Another version wrote this index."
    )


def _format(connection: sa.Connection) -> str | None:
    return connection.scalar(sa.select(FACTS.c.value).where(FACTS.c.name == "format"))


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


# -- the steps, oldest first ------------------------------------------------------------------------------------------

_FIRST_LOADERS = {  # media type → what read such a file when format 1 was written
    "text/plain": "txt-1", "text/markdown": "md-1", "text/csv": "csv-1", "text/html": "html-1",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx-1",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx-1",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx-1",
    "application/pdf": "pdf-1", "application/rtf": "rtf-1", "application/vnd.oasis.opendocument.text": "odt-1",
    "application/ofd": "ofd-1", "application/epub+zip": "epub-1", "application/msword": "doc-1",
    "message/rfc822": "eml-1",
}  # fmt: skip
_FIRST_LOADERS_ALL = "csv-1 doc-1 docx-1 eml-1 epub-1 html-1 md-1 odt-1 ofd-1 pdf-1 pptx-1 rtf-1 txt-1 xlsx-1 zip-1"
_FIRST_CLEANER = "lines-1"


def _record_loaders(connection: sa.Connection) -> None:
    """Format 1 did not say which loaders and which cleaning it was made with: the first of each, which it is given here."""
    make = connection.scalar(sa.select(FACTS.c.value).where(FACTS.c.name == "make"))
    fuller = ""
    if make:
        parts = json.loads(make) | {"loaders": _FIRST_LOADERS_ALL, "cleaner": _FIRST_CLEANER}
        fuller = json.dumps(parts, ensure_ascii=False, sort_keys=True)
        set_facts(connection, {"make": fuller})
    table = DOCUMENTS
    columns = (table.c.doc_id, table.c.title, table.c.media_type, table.c.details, table.c.source)
    for row in connection.execute(sa.select(*columns)).all():
        details = json.loads(row.details)
        details["loader"] = _FIRST_LOADERS.get(row.media_type, "")
        changes = {"details": json.dumps(details, ensure_ascii=False, separators=(",", ":"))}
        sha256, made, _ = (*row.source.split(":"), "", "")[:3]
        if make and made == _short(make):
            stated = [row.title, sorted(details["metadata"].items()), details["loader"]]
            changes["source"] = f"{sha256}:{_short(fuller)}:{_short(json.dumps(stated, ensure_ascii=False))}"
        connection.execute(table.update().where(table.c.doc_id == row.doc_id).values(**changes))


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


STEPS = (
    Migration("drop-unused-vectors", drop_unused_vectors),  # left behind by documents that were replaced
    Migration("record-loaders", _record_loaders),
)
NAMES = frozenset(step.name for step in STEPS)
FORMAT = 1 + len(STEPS)
