"""Read BEIR folders (Thakur et al. 2021, arXiv:2104.08663), TREC qrels, topics and runs; name every bad row.

A folder holds `corpus.jsonl` ({"_id","title","text"}), `queries.jsonl` ({"_id","text"}) or `topics.tsv` (id, text), and
`qrels/*.tsv` (query-id, corpus-id, score, with a header) or `qrels.txt` (TREC's four columns).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, unquote

from rag.datamodels import Document
from rag.errors import EvaluationError
from rag.evaluation.records import Collection, Problem, Qrels, Run

SPLITS = ("test", "dev", "train")


def read_collection(folder: Path) -> Collection:
    """Queries and judgements. Raises EvaluationError when files are missing or no row of them can be used."""
    corpus = folder / "corpus.jsonl"
    if not corpus.is_file():
        raise EvaluationError(f"{folder} 不是 BEIR 文件夹：缺少 corpus.jsonl。/ Not a BEIR folder.")
    problems: list[Problem] = []
    queries = _read_queries(folder, problems)
    known = {doc_id for doc_id, _, _ in corpus_rows(corpus, problems)}
    path = _qrels_path(folder)
    qrels = read_qrels(path, problems)
    checked: Qrels = {}
    for query, grades in qrels.items():
        if query not in queries:
            problems.append(Problem(path.name, 0, "query-id", f"判定里的问题 {query} 不在问题文件中，不计入"))
            continue
        checked[query] = grades
        missing = [doc_id for doc_id in grades if doc_id not in known]
        if missing:
            message = f"问题 {query} 的文档 {'、'.join(missing[:3])} 不在语料中，按没有找到计"
            problems.append(Problem(path.name, 0, "corpus-id", message, fatal=False))
    if not checked:
        raise nothing_usable(path.name, "判定", problems)
    return Collection(folder.name, queries, checked, tuple(problems), len(queries))


def _read_queries(folder: Path, problems: list[Problem]) -> dict[str, str]:
    path = next((folder / name for name in ("queries.jsonl", "topics.tsv") if (folder / name).is_file()), None)
    if path is None:
        raise EvaluationError(f"{folder} 缺少 queries.jsonl（或 topics.tsv）。/ No queries.")
    queries: dict[str, str] = {}
    for number, line in numbered_lines(path, problems):
        if path.suffix == ".tsv":
            identifier, _, text = line.partition("\t")
            row: Mapping[str, object] = {"_id": identifier, "text": text}
        else:
            row = json_row(path.name, number, line, problems)
        if not row:
            continue
        identifier, text = row.get("_id"), row.get("text")
        if not _is_id(identifier):
            problems.append(Problem(path.name, number, "_id", "缺少编号"))
        elif not isinstance(text, str) or not text.strip():
            problems.append(Problem(path.name, number, "text", "缺少问题文字"))
        elif str(identifier) in queries:
            problems.append(Problem(path.name, number, "_id", f"编号 {identifier} 重复，只用前面的一行"))
        else:
            queries[str(identifier)] = text
    if not queries:
        raise nothing_usable(path.name, "问题", problems)
    return queries


def corpus_rows(path: Path, problems: list[Problem]) -> Iterator[tuple[str, str, str]]:
    """(id, title, text) of each usable row of `corpus.jsonl`."""
    seen: set[str] = set()
    for number, line in numbered_lines(path, problems):
        row = json_row(path.name, number, line, problems)
        if not row:
            continue
        identifier, title, text = row.get("_id"), row.get("title") or "", row.get("text")
        if not _is_id(identifier):
            problems.append(Problem(path.name, number, "_id", "缺少编号"))
        elif str(identifier) in seen:
            problems.append(Problem(path.name, number, "_id", f"编号 {identifier} 重复，只用前面的一行"))
        elif not isinstance(text, str) or not isinstance(title, str):
            problems.append(Problem(path.name, number, "text", "缺少正文，或不是文字"))
        else:
            seen.add(str(identifier))
            yield str(identifier), title, text


def documents(folder: Path) -> Iterator[Document]:
    """The corpus as documents: `doc_id` is `_id`. Bad rows are left out; `read_collection` names them."""
    for identifier, title, text in corpus_rows(folder / "corpus.jsonl", []):
        digest = hashlib.sha256(f"{title}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()
        yield Document(identifier, title or identifier, text, digest, "application/x-ndjson")


def read_qrels(path: Path, problems: list[Problem]) -> Qrels:
    """Judgements from BEIR's three columns or TREC's four; a score that is no whole number is named."""
    qrels: Qrels = {}
    for number, line in numbered_lines(path, problems):
        cells = line.split("\t") if "\t" in line else line.split()
        if number == 1 and cells[0] in {"query-id", "query_id", "qid"}:
            continue
        if len(cells) not in (3, 4):
            problems.append(Problem(path.name, number, "", f"应有 3 列或 4 列，实有 {len(cells)} 列"))
            continue
        query, doc_id, grade = cells[0].strip(), cells[-2].strip(), cells[-1].strip()
        if not grade.lstrip("-").isdecimal():
            problems.append(Problem(path.name, number, "score", f"判定分应为整数，实为“{grade}”"))
        elif doc_id in qrels.get(query, {}):
            problems.append(Problem(path.name, number, "corpus-id", f"{query} 与 {doc_id} 的判定重复，只用前面的一行"))
        else:
            qrels.setdefault(query, {})[doc_id] = max(0, int(grade))  # pytrec_eval knows no negative grades
    return qrels


def read_run(path: Path, problems: list[Problem]) -> Run:
    """A TREC run: query, Q0, document, rank, score, tag. Raises EvaluationError when no row can be used."""
    run: Run = {}
    for number, line in numbered_lines(path, problems):
        cells = line.split()
        score = _number(cells[4]) if len(cells) == 6 else None
        if len(cells) != 6:
            problems.append(Problem(path.name, number, "", f"应有 6 列，实有 {len(cells)} 列"))
        elif score is None:
            problems.append(Problem(path.name, number, "score", f"分数应为数字，实为“{cells[4]}”"))
        elif untoken(cells[2]) in run.get(untoken(cells[0]), {}):
            problems.append(Problem(path.name, number, "docno", f"{cells[2]} 在问题 {cells[0]} 中重复，只用前面的一行"))
        else:
            run.setdefault(untoken(cells[0]), {})[untoken(cells[2])] = score
    if not run:
        raise nothing_usable(path.name, "TREC 结果", problems)
    return run


def run_lines(run: Run, tag: str = "yuanwen") -> Iterator[str]:
    """A run as TREC lines, best first. Scores keep nine digits, enough for a 32-bit float."""
    from rag.evaluation.ranking import ordered

    for query, scores in run.items():
        for rank, (doc_id, score) in enumerate(ordered(scores), 1):
            yield f"{token(query)} Q0 {token(doc_id)} {rank} {score:.9g} {tag}"


def token(text: str) -> str:
    """An id as a TREC file needs it, without blanks; `untoken` undoes it."""
    return "".join(quote(char, safe="") if char.isspace() or char == "%" else char for char in text)


def untoken(text: str) -> str:
    """An id as it was before `token`."""
    return unquote(text)


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


def _qrels_path(folder: Path) -> Path:
    wanted = [folder / "qrels" / f"{split}.tsv" for split in SPLITS] + [folder / "qrels.tsv", folder / "qrels.txt"]
    found = next((path for path in wanted if path.is_file()), None)
    if found is None:
        raise EvaluationError(f"{folder} 缺少 qrels/test.tsv。/ No relevance judgements.")
    return found


def _is_id(value: object) -> bool:
    return isinstance(value, (str, int)) and not isinstance(value, bool) and bool(str(value).strip())


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
