"""What came back for the questions of the quality test, scored here: nothing of `rag.evaluation` is used, for it is judged too.

An excerpt hits an expected quote when it is of its document and covers at least 60 % of it (`../shared/eval/README.md`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rag.datamodels import Document
from rag.service import Service
from tests.quality.slices import Judged, Quoted, lines_of

DEPTH = 10
SCORES = ("dense", "window", "rerank")  # cosines, by the names that explanations use
Span = tuple[str, int, int]  # document, start, end


@dataclass(frozen=True, slots=True)
class Result:
    """One question. kind: `answerable`, `near` or `off`. rank: of the first hit, 0 without one. ndcg: at ten.

    scores: what each stage in SCORES gave to the first excerpt; empty without one.
    """

    kind: str
    answered: bool
    confidence: float
    rank: int
    ndcg: float
    scores: Mapping[str, float] = field(default_factory=dict)


def ask_quoted(service: Service, asked: Quoted) -> dict[str, Result]:
    """Every question of a set with quotes, as it is served, ten excerpts deep."""
    texts = {record.document.doc_id: record.document.text for record in service.documents()}
    found = {}
    for row in asked.rows:
        answer = service.ask(str(row["question"]), DEPTH)
        shown = [(one.doc_id, one.start, one.end) for one in answer.excerpts]
        entries = _places(row["evidence"], texts)
        others = _places(row.get("alt_evidence", ()), texts)
        gains, rank = _gains(shown, entries, others)
        kind = "answerable" if row["answerable"] else "off" if str(row["note"]).startswith("off-topic") else "near"
        ndcg = _ndcg(gains, len(entries)) if entries else 0.0
        scores = {name: answer.excerpts[0].stages.get(name, 0.0) for name in SCORES} if shown else {}
        found[str(row["id"])] = Result(kind, bool(shown), answer.confidence, rank, ndcg, scores)
    return found


def search_judged(service: Service, asked: Judged) -> dict[str, Result]:
    """Every query of a public set: documents, ten deep, none refused. The confidence is not asked for, and 0."""
    queries = {row["_id"]: row["text"] for row in lines_of(asked.folder / "queries.jsonl")}
    relevant: dict[str, set[str]] = {}
    for line in (asked.folder / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, doc_id, grade = line.split("\t")
        if int(grade) > 0:
            relevant.setdefault(query, set()).add(doc_id)
    found = {}
    for query, wanted in relevant.items():
        ranked = [one.doc_id for one in service.search(queries[query], DEPTH)]
        gains = [float(doc_id in wanted) for doc_id in ranked]
        rank = gains.index(1.0) + 1 if 1.0 in gains else 0
        found[query] = Result("answerable", bool(ranked), 0.0, rank, _ndcg(gains, len(wanted)))
    return found


def documents(folder: Path) -> Iterable[Document]:
    """The documents of a BEIR folder."""
    for row in lines_of(folder / "corpus.jsonl"):
        yield Document(row["_id"], row["title"] or row["_id"], row["text"], row["_id"], "application/x-ndjson")


def figures(results: Mapping[str, Result]) -> dict[str, float]:
    """The figures of one set; all are better when higher. Those on refusal only where a set has unanswerable questions."""
    good = [own for own in results.values() if own.kind == "answerable"]
    found = {
        "hit@1": _mean(own.rank == 1 for own in good),
        "hit@5": _mean(1 <= own.rank <= 5 for own in good),
        "nDCG@10": _mean(own.ndcg for own in good),
    }
    near = [own for own in results.values() if own.kind == "near"]
    off = [own for own in results.values() if own.kind == "off"]
    if near and off:
        found |= {
            "answerable not refused": _mean(own.answered for own in good),
            "near refused": _mean(not own.answered for own in near),
            "off refused": _mean(not own.answered for own in off),
            "AUC near": _auc(good, near),
        }
    return found


def _places(entries: object, texts: Mapping[str, str]) -> list[Span]:
    """Where the quotes stand. Each occurs exactly once in its document."""
    found = []
    for entry in entries:
        (doc_id,) = (name for name in texts if name.rpartition("/")[2] == entry["doc"])
        start = texts[doc_id].index(entry["quote"])
        found.append((doc_id, start, start + len(entry["quote"])))
    return found


def _hits(shown: Span, place: Span) -> bool:
    return shown[0] == place[0] and min(shown[2], place[2]) - max(shown[1], place[1]) >= 0.6 * (place[2] - place[1])


def _gains(shown: Sequence[Span], entries: Sequence[Span], others: Sequence[Span]) -> tuple[list[float], int]:
    """What each excerpt adds, and the rank of the first that hits.

    An excerpt gains 1 for the first entry that none before it has hit; one that hits an alternative gains as if it had hit
    an entry, while any is left.
    """
    left = list(entries)
    gains: list[float] = []
    rank = 0
    for at, excerpt in enumerate(shown, 1):
        own = next((place for place in left if _hits(excerpt, place)), None)
        other = any(_hits(excerpt, place) for place in others)
        if rank == 0 and (other or any(_hits(excerpt, place) for place in entries)):
            rank = at
        if own is None and other and left:
            own = left[0]
        if own is not None:
            left.remove(own)
        gains.append(float(own is not None))
    return gains, rank


def _ndcg(gains: Sequence[float], relevant: int) -> float:
    """Normalised discounted cumulative gain at ten, binary gains (Järvelin & Kekäläinen 2002)."""
    ideal = sum(1 / math.log2(at + 1) for at in range(1, min(relevant, DEPTH) + 1))
    return sum(gain / math.log2(at + 1) for at, gain in enumerate(gains[:DEPTH], 1)) / ideal


def _auc(good: Sequence[Result], bad: Sequence[Result]) -> float:
    pairs = [(own.confidence, other.confidence) for own in good for other in bad]
    return _mean((own > other) + 0.5 * (own == other) for own, other in pairs)


def _mean(values: Iterable[float]) -> float:
    found = [float(value) for value in values]
    return sum(found) / len(found)
