"""Read what an earlier run left: a report folder, a file of answers, or a TREC run; and any test set by its kind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rag.errors import EvaluationError
from rag.evaluation.beir import json_row, nothing_usable, numbered_lines, read_run
from rag.evaluation.library import Library
from rag.evaluation.records import Problem, Response, Run, TestSet
from rag.evaluation.runner import ANSWERS, Line, responses, run_of
from rag.evaluation.testset import read_gold


def read_test_set(path: Path, library: Library, limit: int | None = None) -> TestSet:
    """A gold .jsonl or a filled-in .xlsx, by suffix."""
    if path.suffix.lower() == ".jsonl":
        return read_gold(path, library, limit)
    if path.suffix.lower() in {".xlsx", ".xlsm"}:
        from rag.evaluation.excel import read_workbook

        try:
            data = path.read_bytes()
        except OSError as error:
            raise EvaluationError(f"读不了 {path}：{error.strerror}。/ Cannot read it.") from error
        return read_workbook(data, path.name, library, limit)
    raise EvaluationError(f"{path.name}：评测集应为 BEIR 文件夹、.jsonl 或 .xlsx。/ Unknown kind of data set.")


def answers(path: Path, library: Library) -> Mapping[str, Response]:
    """Answers by question id, from a report folder or the output of `yuanwen ask --batch`."""
    return responses(_lines(path), library.resolve)


def ranked(path: Path) -> Run:
    """Ranked documents by query, from a report folder or a TREC run."""
    if path.is_dir() or path.suffix == ".jsonl":
        lines = _lines(path)
        if not all("documents" in line for line in lines):
            raise EvaluationError(f"{path} 里是回答而不是文档排序，不能用于 BEIR。/ Answers, not ranked documents.")
        return run_of(lines)
    return read_run(path, [])


def _lines(path: Path) -> list[Line]:
    file = path / ANSWERS if path.is_dir() else path
    if not file.is_file():
        raise EvaluationError(f"没有 {file}。/ No such file.")
    problems: list[Problem] = []
    rows = [json_row(file.name, number, line, problems) for number, line in numbered_lines(file, problems)]
    found = [row for row in rows if "id" in row]
    if not found:
        raise nothing_usable(file.name, "回答", problems)
    return found
