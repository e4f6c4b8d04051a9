"""What the quality test asks: the seeds, a fixed slice of gov-dev and parts of two public sets, as folders of files.

Laid out from `../shared`, which lies beside the project. The slice of gov-dev is whole groups of its questions (each group
was written from some documents, near misses among them) with the documents that these name, and all that is off-topic.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.sampling import draw
from rag.config import ROOT

SHARED = ROOT.parent / "shared"
# First and last question of each group. Labour law, social insurance and unions; women; one government report; off-topic.
GOV_GROUPS = ((1, 66), (82, 95), (187, 197), (241, 260))
PUBLIC = {"csquad": (200, 60), "cjrc": (150, 60)}  # documents, queries
Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Quoted:
    """Questions with quotes: the folder of documents that they are asked of, and the rows of the question file."""

    name: str
    corpus: Path
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """A part of a public set, as a BEIR folder."""

    name: str
    folder: Path


def quoted(scratch: Path) -> tuple[Quoted, ...]:
    """The seeds and the slice of gov-dev, whose documents are linked in `scratch`."""
    seeds = Quoted("seeds", ROOT / "seeds", tuple(lines_of(SHARED / "eval" / "seeds-dev.jsonl")))
    folder = SHARED / "eval" / "gov-dev"
    rows = [row for row in lines_of(folder / "questions.jsonl") if _chosen(str(row["id"]))]
    corpus = scratch / "gov-corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for name in sorted({entry["doc"] for row in rows for entry in row["evidence"]}):
        (corpus / name).write_bytes((folder / "corpus" / name).read_bytes())
    return seeds, Quoted("gov", corpus, tuple(rows))


def judged(scratch: Path) -> tuple[Judged, ...]:
    """The parts of the public sets, written into `scratch`."""
    return tuple(
        Judged(name, draw(SHARED / "bench" / name, documents, queries, scratch / name))
        for name, (documents, queries) in PUBLIC.items()
    )


def _chosen(identifier: str) -> bool:
    number = int(identifier.removeprefix("d"))
    return any(first <= number <= last for first, last in GOV_GROUPS)


def lines_of(path: Path) -> list[dict]:
    """The objects of a JSON Lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
