"""Read BEIR folders (Thakur et al. 2021, arXiv:2104.08663) and TREC topics with judgements; name every bad row.

A folder holds `corpus.jsonl` ({"_id","title","text"}), `queries.jsonl` ({"_id","text"}) or TREC topics, and
`qrels/*.tsv` (query-id, corpus-id, score, with a header) or TREC's qrels. Without a corpus, the documents judged are
those of the index that is served.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection as Held
from collections.abc import Iterator
from pathlib import Path

from rag.datamodels import Document
from rag.errors import EvaluationError
from rag.evaluation.sets.records import Collection, Problem, Qrels
from rag.evaluation.sets.rows import is_id, json_row, nothing_usable, numbered_lines
from rag.evaluation.sets.trec import qrels_rows, read_topics

CORPUS = "corpus.jsonl"
QUERIES = ("queries.jsonl", "topics.tsv", "topics.txt", "topics.trec")
QRELS = ("qrels/test.tsv", "qrels/dev.tsv", "qrels/train.tsv", "qrels.tsv", "qrels.txt", "qrels.trec")


def has_corpus(path: Path) -> bool:
    """Whether a path is a folder with documents of its own to be searched."""
    return (path / CORPUS).is_file()


def read_collection(path: Path, qrels: Path | None = None, served: Held[str] = ()) -> Collection:
    """Queries and judgements of a folder, or of a topics file with its qrels.

    served: documents of the present index, which are judged where there is no corpus. Raises EvaluationError when files
    are missing or no row of them can be used.
    """
    problems: list[Problem] = []
    queries = _read_queries(_file(path, QUERIES) if path.is_dir() else path, problems)
    if has_corpus(path):
        known: Held[str] = {doc_id for doc_id, _, _ in corpus_rows(path / CORPUS, problems)}
    elif served:
        known = served
    else:
        raise EvaluationError(f"{path} 缺少 {CORPUS}，也没有可供检索的索引。/ Neither corpus nor index to search.")
    file = qrels or _file(path, QRELS)
    checked: Qrels = {}
    for number, query, doc_id, grade in qrels_rows(file, problems):
        if query not in queries:
            problems.append(Problem(file.name, number, "query-id", f"问题 {query} 不在问题文件中，不计入"))
            continue
        checked.setdefault(query, {})[doc_id] = grade
        if doc_id not in known:
            message = f"文档 {doc_id} 不在{'语料' if has_corpus(path) else '索引'}中，按没有找到计"
            problems.append(Problem(file.name, number, "corpus-id", message, fatal=False))
    if not checked:
        raise nothing_usable(file.name, "判定", problems)
    return Collection(path.stem, queries, checked, tuple(problems), len(queries))


def _read_queries(path: Path, problems: list[Problem]) -> dict[str, str]:
    if path.suffix != ".jsonl":
        return read_topics(path, problems)
    queries: dict[str, str] = {}
    for number, line in numbered_lines(path, problems):
        row = json_row(path.name, number, line, problems)
        if not row:
            continue
        identifier, text = row.get("_id"), row.get("text")
        if not is_id(identifier):
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
        if not is_id(identifier):
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
    for identifier, title, text in corpus_rows(folder / CORPUS, []):
        digest = hashlib.sha256(f"{title}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()
        yield Document(identifier, title or identifier, text, digest, "application/x-ndjson")


def _file(folder: Path, names: tuple[str, ...]) -> Path:
    """The first of the files that a folder has. Raises EvaluationError when it has none."""
    found = next((folder / name for name in names if (folder / name).is_file()), None)
    if found is None:
        others = "、".join(names[1:])
        raise EvaluationError(
            f"{folder} 缺少 {names[0]}（或 {others}）。BEIR 文件夹应有 corpus.jsonl、queries.jsonl 和 qrels/test.tsv。"
            " / A file is missing."
        )
    return found
