"""Read a gold set: JSON Lines with evidence quotes. Bad rows are named by row and column; the others stay."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.evaluation.sets.library import NEAREST_LOOKUPS, Library
from rag.evaluation.sets.records import HARD, KINDS, NEAR, OFF, Evidence, Problem, Question, TestSet
from rag.evaluation.sets.rows import json_row, nothing_usable, numbered_lines

UNTYPED = "未分类"
_NOTED = re.compile(rf"({OFF}|{NEAR})(?:[\s;,，；]+({HARD})\b)?")


class RowError(ValueError):
    """A row cannot be used: `column` and a message for people. Caught inside this package, never shown raw."""

    def __init__(self, column: str, message: str) -> None:
        """column: its name as the file has it."""
        super().__init__(message)
        self.column = column


@dataclass
class Lookups:
    """How many nearest texts may still be looked up: each costs a search."""

    left: int = NEAREST_LOOKUPS

    def nearest(self, library: Library, quote: str, doc_id: str | None) -> str:
        """`Library.nearest` while lookups are left."""
        if self.left <= 0:
            return ""
        self.left -= 1
        return library.nearest(quote, doc_id)


def read_gold(path: Path, library: Library, limit: int | None = None) -> TestSet:
    """Questions of a gold file; keys as in docs/评测.md. Raises EvaluationError when no row can be used."""
    problems: list[Problem] = []
    questions: list[Question] = []
    seen: set[str] = set()
    rows = 0
    lookups = Lookups()
    for number, line in numbered_lines(path, problems):
        if limit is not None and len(questions) >= limit:
            break
        rows += 1
        row = json_row(path.name, number, line, problems)
        if not row:
            continue
        try:
            question = _question(row, number, library, lookups)
            if question.question_id in seen:
                raise RowError("id", f"编号 {question.question_id} 重复，只用前面的一行")
        except RowError as error:
            problems.append(Problem(path.name, number, error.column, str(error)))
            continue
        seen.add(question.question_id)
        questions.append(question)
    if not questions:
        raise nothing_usable(path.name, "问题", problems)
    return TestSet(path.stem, tuple(questions), tuple(problems), rows)


def _question(row: Mapping[str, object], number: int, library: Library, lookups: Lookups) -> Question:
    identifier = row.get("id", row.get("_id", number))
    if isinstance(identifier, bool) or not isinstance(identifier, (str, int)) or not str(identifier).strip():
        raise RowError("id", "编号应为文字或整数")
    text = row.get("question", row.get("text"))
    if not isinstance(text, str) or not any(char.isalnum() for char in text):
        raise RowError("question", "缺少问题，或问题不是文字")
    answerable = row.get("answerable")
    if answerable is not None and not isinstance(answerable, bool):
        raise RowError("answerable", f"应为 true 或 false，实为 {answerable!r}")
    evidence = _evidence(row, "evidence", library, lookups)
    if answerable is None and evidence:
        answerable = True
    if answerable and not evidence:
        raise RowError("evidence", "标为可回答，却没有给出原文出处")
    return Question(
        str(identifier), text, _text(row, "type") or UNTYPED, answerable, evidence if answerable else (),
        _evidence(row, "alt_evidence", library, lookups) if answerable else (), _text(row, "note"), number,
        _kind(row) if answerable is False else "",
    )  # fmt: skip


def _kind(row: Mapping[str, object]) -> str:
    """Why the question has no answer: what `kind` says, else what the note begins with."""
    named = _text(row, "kind")
    if named and named not in KINDS:
        raise RowError("kind", f"应为 {'、'.join(KINDS)} 之一，实为“{named[:40]}”")
    return named or kind_noted(_text(row, "note"))


def kind_noted(note: str) -> str:
    """The kind that a note begins with (`near-domain; hard: …`), as sets without a `kind` have it; near-domain if none."""
    found = _NOTED.match(note)
    if found is None:
        return NEAR
    return HARD if found[2] else found[1]


def _text(row: Mapping[str, object], key: str) -> str:
    value = row.get(key, "")
    if not isinstance(value, str):
        raise RowError(key, f"应为文字，实为 {value!r}")
    return value.strip()


def _evidence(row: Mapping[str, object], key: str, library: Library, lookups: Lookups) -> tuple[Evidence, ...]:
    entries = row.get(key) or []
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        raise RowError(key, '应为列表：[{"doc", "quote"}, …]')
    found = []
    for entry in entries:
        doc = entry.get("doc") if isinstance(entry, Mapping) else None
        quote = entry.get("quote", "") if isinstance(entry, Mapping) else None
        if not isinstance(doc, str) or not isinstance(quote, str):
            raise RowError(key, '每一项应为 {"doc": 文档, "quote": 原文}')
        doc_id = library.resolve(doc)
        if doc_id is None:
            raise RowError(key, library.unknown(doc))
        spans = library.find(doc_id, quote)
        if quote and not spans:
            raise RowError(key, not_found(quote, doc_id, library, lookups))
        found.append(Evidence(doc_id, quote, spans))
    return tuple(found)


def not_found(quote: str, doc_id: str | None, library: Library, lookups: Lookups) -> str:
    """A sentence on a quote that no document holds, with the nearest text."""
    where = f"《{doc_id}》里没有" if doc_id else "语料里没有"
    near = lookups.nearest(library, quote, doc_id)
    return f"{where}“{quote[:40]}{'…' if len(quote) > 40 else ''}”{'；' + near if near else ''}"
