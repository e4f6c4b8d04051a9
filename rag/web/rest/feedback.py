"""What users think of answers, in a small SQLite file beside the index; it is never rebuilt and never derived."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

Verdict = Literal["useful", "not_useful", "wrong_excerpt", "missing"]
VERDICTS: tuple[str, ...] = get_args(Verdict)
_TABLE = (
    "CREATE TABLE IF NOT EXISTS feedback (id INTEGER PRIMARY KEY, at TEXT NOT NULL, question TEXT NOT NULL, "
    "spans TEXT NOT NULL, verdict TEXT NOT NULL, note TEXT NOT NULL, generation INTEGER NOT NULL)"
)


@dataclass(frozen=True, slots=True)
class QuotedSpan:
    """An excerpt that the feedback is about."""

    doc: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Feedback:
    """One verdict. generation: of the index that gave the answer. at: UTC, ISO 8601."""

    question: str
    spans: tuple[QuotedSpan, ...]
    verdict: str
    note: str
    generation: int
    at: str = ""
    number: int = 0


def store(index: Path, feedback: Feedback) -> int:
    """Keep a verdict; returns its number."""
    spans = json.dumps([[span.doc, span.start, span.end] for span in feedback.spans], ensure_ascii=False)
    at = feedback.at or time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    row = (at, feedback.question, spans, feedback.verdict, feedback.note, feedback.generation)
    with closing(_open(index)) as connection, connection:
        done = connection.execute(
            "INSERT INTO feedback (at, question, spans, verdict, note, generation) VALUES (?, ?, ?, ?, ?, ?)", row
        )
        return int(done.lastrowid or 0)


def read(index: Path, verdicts: Sequence[str] = VERDICTS) -> list[Feedback]:
    """All feedback with one of the verdicts, oldest first."""
    if not (index / "feedback.sqlite3").is_file():
        return []
    marks = ", ".join("?" * len(verdicts))
    with closing(_open(index)) as connection:
        rows = connection.execute(
            "SELECT id, at, question, spans, verdict, note, generation FROM feedback "
            f"WHERE verdict IN ({marks}) ORDER BY id", tuple(verdicts),
        ).fetchall()  # fmt: skip
    return [
        Feedback(
            question, tuple(QuotedSpan(*span) for span in json.loads(spans)), verdict, note, generation, at, number
        )
        for number, at, question, spans, verdict, note, generation in rows
    ]


def _open(index: Path) -> sqlite3.Connection:
    index.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(index / "feedback.sqlite3", timeout=30)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(_TABLE)
    return connection
