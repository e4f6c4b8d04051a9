"""Reranking: the best window of each of the first candidates is scored again with the question, and blended in."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rag.index.snapshot import Snapshot
from rag.models.reranking import Reranker
from rag.search.query import Query, left_ms
from rag.search.records import Candidates
from rag.search.stages.dense import best_windows
from rag.search.stages.fusion import standard
from rag.search.stages.stage import Stage
from rag.text.spans import reads_as

WEIGHT = 0.25  # of the reranker against the fused score, both standardised over what is reranked
BEHIND = 1e-3  # deviations between what was reranked and the rest, so that no tie lets the rest in
LEAST = 3  # passages; fewer are not worth reranking
SCORE = "rerank"
STAGE = Stage(
    "重排 / reranking", "前几段各自最贴近的一两句，与问题同读", "rerank_candidates", {SCORE: "与问题同读重排"}
)


def reranked(snapshot: Snapshot, reranker: Reranker | None, candidates: Candidates) -> Candidates:
    """The candidates in their new order; the same ones where there is no reranker, or no time. What is named stays."""
    searched = [at for at in candidates.order if not candidates.is_named(at)]
    first = searched[: _depth(candidates.query)]
    rows = [int(candidates.rows[at]) for at in first]
    scores = _scores(snapshot, reranker, candidates.query, rows)
    if not len(scores):
        return candidates
    given = np.full(len(candidates.rows), np.nan, np.float32)
    given[first[: len(scores)]] = scores
    return candidates.rescored(SCORE, given, blended(candidates.score, searched, scores, WEIGHT))


def blended(score: np.ndarray, order: Sequence[int], own: np.ndarray, weight: float = WEIGHT) -> np.ndarray:
    """(m,) the scores with a second reading's own blended in, at a weight in [0, 1].

    order: places in `score`, best first; as many of them were reranked as there are scores in `own`. Those are ordered
    by both, on the scale that their scores had; the rest keeps its own order and distances, behind them.
    """
    again, rest = list(order[: len(own)]), list(order[len(own) :])
    before = score[again]
    both = (1 - weight) * standard(before, before) + weight * standard(own, own)
    final = score.copy()
    final[again] = before.mean() + before.std() * both
    if rest:
        final[rest] -= max(0.0, final[rest].max() - final[again].min() + BEHIND)
    return final


def _depth(query: Query) -> int:
    """Candidates to rerank: as the settings say, or fewer where others wait."""
    pace = query.request.pace
    return query.request.settings.rerank_candidates if pace.rerank is None else pace.rerank


def _scores(snapshot: Snapshot, reranker: Reranker | None, query: Query, rows: Sequence[int]) -> np.ndarray:
    """The reranker's scores of the first rows: of as many as there is time for, or of none."""
    if reranker is None or len(rows) < LEAST:
        return np.empty(0, np.float32)
    left = left_ms(query)
    count = min(len(rows), int(left / reranker.cost_ms)) if math.isfinite(left) else len(rows)
    if count < LEAST:
        return np.empty(0, np.float32)
    best = [best_windows(snapshot, query.centred, row)[0][0] for row in rows[:count]]
    texts = [reads_as(snapshot.passages[row], *span) for row, span in zip(rows, best, strict=False)]
    return np.asarray(reranker.scores(query.asked, texts), np.float32)
