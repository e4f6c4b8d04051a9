"""The tables of the catalog as they are today; `migrations` brings the files of earlier versions to this state."""

from __future__ import annotations

import sqlalchemy as sa

META = sa.MetaData()
FACTS = sa.Table("facts", META, sa.Column("name", sa.Text, primary_key=True), sa.Column("value", sa.Text))
DOCUMENTS = sa.Table(
    "documents", META,
    sa.Column("doc_id", sa.Text, primary_key=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("details", sa.Text, nullable=False),  # JSON: metadata, loader, pages, boxes, warnings, removals, report
    sa.Column("source", sa.Text, nullable=False),  # what the whole record was made from, see `fingerprints`
)  # fmt: skip
PASSAGES = sa.Table(
    "passages", META,
    sa.Column("doc_id", sa.Text, sa.ForeignKey("documents.doc_id", ondelete="CASCADE"), primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True),
    sa.Column("start", sa.Integer, nullable=False),
    sa.Column("end", sa.Integer, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("headings", sa.Text, nullable=False),
    sa.Column("cuts", sa.Text, nullable=False),
    sa.Column("sentences", sa.Text, nullable=False),
    sa.Column("tokens", sa.Text, nullable=False),
    sa.Column("vector", sa.Text, nullable=False),  # key into vectors
    sa.Column("windows", sa.Text, nullable=False),  # JSON: [[start, end, key], …]
)  # fmt: skip
ORIGINALS = sa.Table(
    "originals", META,
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("bytes", sa.LargeBinary, nullable=False),
)  # fmt: skip
EDITS = sa.Table(  # what people said a document is cited by; it outlives a new version of the file
    "edits", META, sa.Column("doc_id", sa.Text, primary_key=True), sa.Column("facts", sa.Text, nullable=False)
)
VECTORS = sa.Table(
    "vectors", META,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("vector", sa.LargeBinary, nullable=False),  # float32, little-endian
)  # fmt: skip
MIGRATIONS = sa.Table(
    "migrations", META,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("applied", sa.Text, nullable=False),  # UTC, ISO 8601
)  # fmt: skip


def set_facts(connection: sa.Connection, values: dict[str, str]) -> None:
    """Record facts about the index, replacing those of the same name."""
    for name, value in values.items():
        connection.execute(FACTS.insert().prefix_with("OR REPLACE").values(name=name, value=value))


def drop_unused_vectors(connection: sa.Connection) -> None:
    """Delete the vectors that no passage and no window uses."""
    connection.exec_driver_sql(
        "DELETE FROM vectors WHERE key NOT IN (SELECT vector FROM passages UNION "
        "SELECT json_extract(window.value, '$[2]') FROM passages, json_each(passages.windows) AS window)"
    )
