"""Read and write TREC's own formats: topics, judgements (qrels) and runs; every bad row is named.

Topics are `id<tab>text` lines, or blocks of `<top>` with `<num>` and `<title>` as TREC has handed them out since 1992,
whose tags need not be closed. Judgements are TREC's four columns or BEIR's three. A run has six columns.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, unquote

from rag.evaluation.sets.records import Problem, Run
from rag.evaluation.sets.rows import nothing_usable, numbered_lines

_TAG = re.compile(r"<\s*(/?)\s*(top|num|title|desc|narr)\b[^>]*>", re.IGNORECASE)
_GRADE = re.compile(r"[+-]?[0-9]{1,9}")
_BLANK = re.compile(r"[\s%]")
_LABEL = re.compile(r"^(?:number|topic)\s*:\s*", re.IGNORECASE)


def read_topics(path: Path, problems: list[Problem]) -> dict[str, str]:
    """Questions by id. Raises EvaluationError when no row can be used."""
    lines = list(numbered_lines(path, problems))
    tagged = any(_TAG.match(line.strip()) for _, line in lines[:20])
    topics: dict[str, str] = {}
    for number, identifier, text in _blocks(lines) if tagged else _tabbed(lines):
        if not identifier:
            problems.append(Problem(path.name, number, "num", "缺少编号"))
        elif not any(char.isalnum() for char in text):
            problems.append(Problem(path.name, number, "title", "缺少问题文字"))
        elif identifier in topics:
            problems.append(Problem(path.name, number, "num", f"编号 {identifier} 重复，只用前面的一个"))
        else:
            topics[identifier] = text
    if not topics:
        raise nothing_usable(path.name, "问题", problems)
    return topics


def _tabbed(lines: list[tuple[int, str]]) -> Iterator[tuple[int, str, str]]:
    for number, line in lines:
        identifier, _, text = line.partition("\t")
        yield number, identifier.strip(), text.strip()


def _blocks(lines: list[tuple[int, str]]) -> Iterator[tuple[int, str, str]]:
    """(line, id, title) of each topic; a topic ends where the next begins."""
    fields: dict[str, str] = {}
    begun, inside = 0, ""
    for number, line in lines:
        at = 0
        for tag in _TAG.finditer(line):
            fields[inside] = f"{fields.get(inside, '')} {line[at : tag.start()]}"
            at, name = tag.end(), tag[2].lower()
            inside = "" if tag[1] else name
            if name == "top" and begun and (tag[1] or fields.keys() & {"num", "title"}):
                yield begun, _field(fields, "num"), _field(fields, "title")
                fields, begun = {}, 0
            if name == "top" and not tag[1]:
                fields, begun = {}, number
        fields[inside] = f"{fields.get(inside, '')} {line[at:]}"
    if begun:
        yield begun, _field(fields, "num"), _field(fields, "title")


def _field(fields: dict[str, str], name: str) -> str:
    return _LABEL.sub("", " ".join(fields.get(name, "").split())).strip()


def qrels_rows(path: Path, problems: list[Problem]) -> Iterator[tuple[int, str, str, int]]:
    """(line, query, document, grade) of each usable judgement, no pair twice."""
    seen: set[tuple[str, str]] = set()
    for number, line in numbered_lines(path, problems):
        tabbed = "\t" in line
        cells = [cell.strip() for cell in line.split("\t")] if tabbed else [untoken(cell) for cell in line.split()]
        if number == 1 and cells[0] in {"query-id", "query_id", "qid"}:
            continue
        if len(cells) not in (3, 4):
            problems.append(Problem(path.name, number, "", f"应有 3 列或 4 列，实有 {len(cells)} 列"))
            continue
        query, doc_id, grade = cells[0], cells[-2], cells[-1]
        if not query or not doc_id:
            problems.append(Problem(path.name, number, "corpus-id" if query else "query-id", "缺少编号"))
        elif not _GRADE.fullmatch(grade):
            problems.append(Problem(path.name, number, "score", f"判定分应为整数，实为“{grade[:40]}”"))
        elif (query, doc_id) in seen:
            problems.append(Problem(path.name, number, "corpus-id", f"{query} 与 {doc_id} 的判定重复，只用前面的一行"))
        else:
            seen.add((query, doc_id))
            yield number, query, doc_id, max(0, int(grade))  # pytrec_eval knows no negative grades


def read_run(path: Path, problems: list[Problem]) -> Run:
    """A TREC run: query, Q0, document, rank, score, tag. Raises EvaluationError when no row can be used."""
    run: Run = {}
    for number, line in numbered_lines(path, problems):
        cells = line.split()
        score = _number(cells[4]) if len(cells) == 6 else None
        if len(cells) != 6:
            problems.append(Problem(path.name, number, "", f"应有 6 列，实有 {len(cells)} 列"))
        elif score is None:
            problems.append(Problem(path.name, number, "score", f"分数应为数字，实为“{cells[4][:40]}”"))
        elif untoken(cells[2]) in run.get(untoken(cells[0]), {}):
            problems.append(Problem(path.name, number, "docno", f"{cells[2]} 在问题 {cells[0]} 中重复，只用前面的一行"))
        else:
            run.setdefault(untoken(cells[0]), {})[untoken(cells[2])] = score
    if not run:
        raise nothing_usable(path.name, "TREC 结果", problems)
    return run


def ordered(scores: Mapping[str, float]) -> list[tuple[str, float]]:
    """Documents with their scores, best first, ties as in trec_eval."""
    return sorted(scores.items(), key=lambda item: (item[1], item[0].encode()), reverse=True)


def run_lines(run: Run, tag: str = "yuanwen") -> Iterator[str]:
    """A run as TREC lines, best first. Scores keep nine digits, enough for a 32-bit float."""
    for query, scores in run.items():
        for rank, (doc_id, score) in enumerate(ordered(scores), 1):
            yield f"{token(query)} Q0 {token(doc_id)} {rank} {score:.9g} {tag}"


def token(text: str) -> str:
    """An id as a TREC file needs it, without blanks; `untoken` undoes it."""
    return _BLANK.sub(lambda found: quote(found[0], safe=""), text)


def untoken(text: str) -> str:
    """An id as it was before `token`."""
    return unquote(text)


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
