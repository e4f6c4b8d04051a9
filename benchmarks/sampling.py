"""A fixed part of a BEIR folder, for measurements that cannot take the whole: `draw`."""

from __future__ import annotations

import json
import random
from pathlib import Path

SEED = 7


def draw(folder: Path, documents: int, queries: int, target: Path) -> Path:
    """Write a part of a BEIR folder as a BEIR folder of its own, and return it; one that is there already is kept.

    queries: judged queries drawn, 0 for all. documents: those that are judged for them, filled up with others to so many,
    0 for all. The same numbers draw the same part on every machine.
    """
    if target.is_dir():
        return target
    chance = random.Random(SEED)
    corpus, asked = _by_id(folder / "corpus.jsonl"), _by_id(folder / "queries.jsonl")
    qrels: dict[str, list[str]] = {}
    for line in _lines(folder / "qrels" / "test.tsv")[1:]:
        qrels.setdefault(line.split("\t")[0], []).append(line)
    judged = sorted(qrels)
    drawn = chance.sample(judged, min(queries, len(judged))) if queries else judged
    needed = sorted({line.split("\t")[1] for query in drawn for line in qrels[query]} & set(corpus))
    others = sorted(set(corpus) - set(needed))
    more = max(documents - len(needed), 0) if documents else len(others)
    chosen = needed + chance.sample(others, min(more, len(others)))
    scratch = target.with_name(f".{target.name}.part")  # an interrupted draw leaves no half folder under the name
    (scratch / "qrels").mkdir(parents=True, exist_ok=True)
    _write(scratch / "corpus.jsonl", [corpus[doc_id] for doc_id in chosen])
    _write(scratch / "queries.jsonl", [asked[query] for query in drawn])
    _write(scratch / "qrels" / "test.tsv", ["query-id\tcorpus-id\tscore", *(row for q in drawn for row in qrels[q])])
    scratch.replace(target)
    return target


def _by_id(path: Path) -> dict[str, str]:
    return {json.loads(line)["_id"]: line for line in _lines(path)}


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").split("\n") if line]


def _write(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
