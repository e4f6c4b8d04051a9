"""Keep a run and read it again: a report folder, a file of answers, or a TREC run; and any test set by its kind.

A report folder keeps the questions with the places that were expected when they were asked: when documents change
later, the old run is still scored as it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rag.errors import EvaluationError
from rag.evaluation.measures.evaluate import Evaluation, IndexState, score_beir, score_gold
from rag.evaluation.measures.runner import (
    ANSWERS,
    StoredLine,
    ranked_of,
    response_of,
    responses,
    run_of,
    write_atomically,
)
from rag.evaluation.sets.library import Library
from rag.evaluation.sets.records import Collection, Problem, Response, Run, TestSet
from rag.evaluation.sets.rows import json_row, nothing_usable, numbered_lines
from rag.evaluation.sets.testset import kind_noted, read_gold
from rag.evaluation.sets.trec import read_run

if TYPE_CHECKING:
    from pydantic import TypeAdapter

KEPT = "testset.json"
Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Kept:
    """What was asked, beside the answers: a test set or a collection, and the index that was searched."""

    index: IndexState
    test_set: TestSet | None = None
    collection: Collection | None = None


def keep(evaluation: Evaluation, folder: Path) -> None:
    """Write what `read_report` needs beside the answers. Raises EvaluationError when nothing can be written there."""
    if evaluation.kind == "gold":
        questions = tuple(outcome.question for outcome in evaluation.outcomes)
        test_set = TestSet(evaluation.name, questions, evaluation.problems, evaluation.rows)
        kept = Kept(evaluation.index, test_set=test_set)
    else:
        texts, qrels = dict(evaluation.texts), evaluation.qrels
        collection = Collection(evaluation.name, texts, qrels, evaluation.problems, evaluation.rows)
        kept = Kept(evaluation.index, collection=collection)
    write_atomically(folder / KEPT, json.dumps(asdict(kept), ensure_ascii=False))


def is_kept(path: Path) -> bool:
    """Whether a path is a report folder that `read_report` can read."""
    return (path / KEPT).is_file()


def questions_of(folder: Path) -> frozenset[str]:
    """The texts of the questions that a run asked. Raises EvaluationError when it is not whole."""
    kept = _kept(folder)
    if kept.test_set is not None:
        return frozenset(question.text for question in kept.test_set.questions)
    return frozenset(kept.collection.queries.values()) if kept.collection else frozenset()


def read_report(folder: Path) -> Evaluation:
    """A run as it was scored, from its report folder. Raises EvaluationError when it is not whole."""
    lines, kept = [line for _, line in _numbered(folder, [])], _kept(folder)
    if kept.test_set is not None:
        return score_gold(kept.test_set, responses(lines), kept.index)
    if kept.collection is not None:
        return score_beir(kept.collection, run_of(lines), kept.index, lines)
    raise EvaluationError(f"{folder / KEPT} 里没有题目，请重新运行那次评测。/ That run cannot be read.")


def _kept(folder: Path) -> Kept:
    from pydantic import ValidationError

    try:
        return _adapter().validate_python(_brought_up(json.loads((folder / KEPT).read_text(encoding="utf-8"))))
    except (OSError, ValueError, ValidationError) as error:
        raise EvaluationError(f"{folder / KEPT} 读不出来，请重新运行那次评测。/ That run cannot be read.") from error


def _brought_up(kept: dict[str, dict[str, list[dict[str, object]]]]) -> object:
    """What version 0.1 kept, in today's form: there `kind` was a question's type, and why it has no answer was in its note."""
    for question in (kept.get("test_set") or {}).get("questions", ()):
        if "type" not in question:
            question["type"] = question.get("kind", "")
            question["kind"] = kind_noted(str(question.get("note", ""))) if question.get("answerable") is False else ""
    return kept


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[Kept]:
    from pydantic import TypeAdapter

    return TypeAdapter(Kept)


def read_test_set(path: Path, library: Library, limit: int | None = None) -> TestSet:
    """A gold .jsonl or a filled-in .xlsx, by suffix."""
    if path.suffix.lower() == ".jsonl":
        return read_gold(path, library, limit)
    if path.suffix.lower() in {".xlsx", ".xlsm"}:
        from rag.evaluation.sets.excel import read_workbook

        try:
            data = path.read_bytes()
        except OSError as error:
            raise EvaluationError(f"读不了 {path}：{error.strerror}。/ Cannot read it.") from error
        return read_workbook(data, path.name, library, limit)
    raise EvaluationError(f"{path.name}：评测集应为 BEIR 文件夹、.jsonl 或 .xlsx。/ Unknown kind of data set.")


def answers(path: Path, library: Library, problems: list[Problem]) -> Mapping[str, Response]:
    """Answers by question id, from a report folder or the output of `yuanwen ask --batch`; bad rows are named."""
    return _each(path, "回答", problems, lambda line: response_of(line, library.resolve))


def ranked(path: Path, problems: list[Problem]) -> tuple[Run, list[StoredLine]]:
    """Ranked documents by query, from a report folder (with its lines) or a TREC run; bad rows are named."""
    if not path.is_dir() and path.suffix != ".jsonl":
        return read_run(path, problems), []
    run = _each(path, "文档排序", problems, ranked_of)
    return run, [line for _, line in _numbered(path, []) if str(line["id"]) in run]


def _each(path: Path, what: str, problems: list[Problem], read: Callable[[StoredLine], Read]) -> dict[str, Read]:
    """What `read` makes of each line, by id; what it raises EvaluationError for is named."""
    found: dict[str, Read] = {}
    name = _file(path).name
    for number, line in _numbered(path, problems):
        identifier = str(line["id"])
        if identifier in found:
            problems.append(Problem(name, number, "id", f"编号 {identifier} 重复，只用前面的一行"))
            continue
        try:
            found[identifier] = read(line)
        except EvaluationError as error:
            problems.append(Problem(name, number, "", str(error)))
    if not found:
        raise nothing_usable(name, what, problems)
    return found


def _numbered(path: Path, problems: list[Problem]) -> list[tuple[int, StoredLine]]:
    """The kept lines with their numbers; one without an id is named."""
    file = _file(path)
    found: list[tuple[int, StoredLine]] = []
    for number, text in numbered_lines(file, problems):
        line = json_row(file.name, number, text, problems)
        if "id" in line:
            found.append((number, line))
        elif line:
            problems.append(Problem(file.name, number, "id", "缺少编号"))
    return found


def _file(path: Path) -> Path:
    file = path / ANSWERS if path.is_dir() else path
    if not file.is_file():
        raise EvaluationError(f"没有 {file}。/ No such file.")
    return file
