"""Lexical search: BM25 over words, bigrams and numbers of the question, and over their synonyms at half weight."""

from __future__ import annotations

import numpy as np

from rag.index.snapshot import Snapshot
from rag.search.query import Query
from rag.search.stages.stage import Stage

SYNONYM = 0.5  # of a synonym's BM25 against that of the question's own words
SCORE = "lexical"
STAGE = Stage(
    "字词检索 / lexical search", "BM25：词、相邻两字、数字，同义词按一半计分", "lexical_weight", {SCORE: "字词 BM25"}
)


def lexical_scores(snapshot: Snapshot, query: Query) -> np.ndarray:
    """(n_passages,) float32, 0 where a passage shares no token with the question."""
    own = snapshot.lexical.scores(query.terms.tokens)
    found: np.ndarray = own + SYNONYM * snapshot.lexical.scores(list(query.terms.added))
    return found


def best_rows(lexical: np.ndarray, rows: np.ndarray, count: int) -> np.ndarray:
    """Those of `rows` that are among the best and share a token, in no order. count: at most, and fewer than `rows`."""
    best: np.ndarray = rows[np.argpartition(-lexical[rows], count - 1)[:count]]
    found: np.ndarray = best[lexical[best] > 0]
    return found
