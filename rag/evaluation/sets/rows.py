"""Read a file line by line so that every bad line can be named and the others still count."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rag.errors import EvaluationError
from rag.evaluation.sets.records import Problem


def numbered_lines(path: Path, problems: list[Problem]) -> Iterator[tuple[int, str]]:
    """Non-blank lines with their numbers from 1; a line that is not UTF-8 is named and left out."""
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                try:
                    line = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                except UnicodeDecodeError as error:
                    message = f"不是 UTF-8（第 {error.start + 1} 字节起），请把文件另存为 UTF-8"
                    problems.append(Problem(path.name, number, "", message))
                    continue
                if line.strip():
                    yield number, line
    except OSError as error:
        raise EvaluationError(f"读不了 {path}：{error.strerror}。/ Cannot read it.") from error


def nothing_usable(name: str, what: str, problems: Sequence[Problem]) -> EvaluationError:
    """The error for a file without one good row; it quotes the first thing that was wrong."""
    first = next((f"例如：{problem}" for problem in problems if problem.source == name), "文件是空的")
    return EvaluationError(f"{name} 里没有一行可用的{what}。{first}。/ No usable row.")


def json_row(name: str, number: int, line: str, problems: list[Problem]) -> Mapping[str, object]:
    """The line's JSON object; empty, and named, when it is something else."""
    try:
        row = json.loads(line)
    except ValueError as error:
        problems.append(Problem(name, number, "", f"不是 JSON：{str(error)[:80]}"))
        return {}
    except RecursionError:
        problems.append(Problem(name, number, "", "JSON 套得太深"))
        return {}
    if not isinstance(row, dict):
        problems.append(Problem(name, number, "", "不是 JSON 对象"))
        return {}
    return row


def is_id(value: object) -> bool:
    """Whether a value of JSON can be an id: a text that is not blank, or a whole number."""
    return isinstance(value, (str, int)) and not isinstance(value, bool) and bool(str(value).strip())
