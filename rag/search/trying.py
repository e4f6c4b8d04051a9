"""What would be answered with first under other tables of terms and synonyms, beside what is."""

from __future__ import annotations

from rag.datamodels import Passage
from rag.index.snapshot import Snapshot
from rag.models.loaded import Models
from rag.search.evidence import Bounds, weigh
from rag.search.query import Query, SearchRequest, read_query, read_terms
from rag.search.retrieval import retrieve


def reads_alike(current: Snapshot, trial: Snapshot, request: SearchRequest) -> bool:
    """Whether a question cannot be answered otherwise: the same index of words, and read the same."""
    return trial.lexical is current.lexical and read_terms(trial, request.text) == read_terms(current, request.text)


def firsts(
    current: Snapshot,
    trial: Snapshot,
    models: Models,
    bounds: Bounds,
    request: SearchRequest,
) -> tuple[Passage | None, Passage | None]:
    """What comes first with the tables in force and with those on trial; None where it is refused."""
    query = read_query(current, models.embedder, request)
    tried = read_query(trial, models.embedder, request, query.vector)
    return _first(current, models, bounds, query), _first(trial, models, bounds, tried)


def _first(snapshot: Snapshot, models: Models, bounds: Bounds, query: Query) -> Passage | None:
    evidence = weigh(retrieve(snapshot, models, query), bounds)
    return evidence.ranking.hits[0].passage if evidence.answerable else None
