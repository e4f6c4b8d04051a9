"""A question taken to its ranking by the stations themselves, for tests that look at one of them."""

from __future__ import annotations

import numpy as np

from rag.models.loaded import Models
from rag.models.reader import Reader
from rag.models.reranking import Reranker
from rag.search.pacing import UNHURRIED, Pace
from rag.search.query import read_query, request_of
from rag.search.records import Ranking
from rag.search.retrieval import retrieve
from rag.service import Service


def ranked(
    service: Service,
    question: str,
    top_k: int | None = None,
    *,
    reranker: Reranker | None = None,
    reader: Reader | None = None,
    pace: Pace = UNHURRIED,
    vector: np.ndarray | None = None,
    **changed: object,
) -> Ranking:
    """The ranking of the present generation. changed: settings other than the service's, unchecked."""
    settings = service.settings.model_copy(update=changed)
    request = request_of(settings, question, top_k, pace=pace)
    query = read_query(service.current(), service.embedder, request, vector)
    return retrieve(service.current(), Models(service.embedder, reranker, reader), query)
