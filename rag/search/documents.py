"""Documents ranked by their best passage, never refusing: what a TREC run and `POST search` give."""

from __future__ import annotations

from dataclasses import dataclass

from rag.datamodels import Passage
from rag.index.snapshot import Snapshot
from rag.models.loaded import Models
from rag.search.query import Query, searched_documents
from rag.search.records import Ranking
from rag.search.retrieval import retrieve

HITS_EACH = 4  # passages ranked for each document wanted, since several may be of one document
WIDER = 4  # times as many when they were of too few documents


@dataclass(frozen=True, slots=True)
class RankedDocument:
    """A document found for a query, by its best passage. `score` is higher-is-better, `rank` counts from 1."""

    doc_id: str
    score: float
    rank: int
    passage: Passage


def rank_documents(snapshot: Snapshot, models: Models, query: Query) -> list[RankedDocument]:
    """As many documents as the query wants, unless fewer can be found."""
    within = frozenset(searched_documents(snapshot, query.request.scope))
    wanted = query.request.top_k
    depth = wanted * HITS_EACH
    while True:
        found = _by_document(snapshot, retrieve(snapshot, models, query.deeper(depth)), within)
        if len(found) >= min(wanted, len(within)) or depth >= len(snapshot.passages):
            return found[:wanted]
        depth *= WIDER  # long documents: many passages of few


def _by_document(snapshot: Snapshot, ranking: Ranking, within: frozenset[str]) -> list[RankedDocument]:
    """Documents by their first passage in the ranking; one that says the same as a better one comes with it."""
    best: dict[str, tuple[float, Passage]] = {}
    for hit in ranking.hits:
        for row in (hit.row, *snapshot.near_duplicates.get(hit.row, ())):
            passage = snapshot.passages[row]
            if passage.doc_id in within:
                best.setdefault(passage.doc_id, (hit.score, passage))
    return [RankedDocument(doc, score, rank, passage) for rank, (doc, (score, passage)) in enumerate(best.items(), 1)]
