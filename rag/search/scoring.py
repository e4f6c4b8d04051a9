"""What the stages of a search give a passage: cosines, standard scores, the reranker's reading, and one of twins."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rag.index.snapshot import Snapshot
from rag.models.reranking import Reranker
from rag.text.spans import reads_as

SAMPLE = 2000  # passages whose scores give the mean and deviation of a z-score; all, in smaller collections
RERANK_WEIGHT = 0.25  # of the reranker against the fused score, both standardised over what is read again
BEHIND = 1e-3  # deviations between what was read again and the rest, so that no tie lets the rest in
RERANK_LEAST = 3  # passages; fewer are not worth reading again


def dense_scores(snapshot: Snapshot, query: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For passage rows: the mean of passage cosine and best window cosine, and the best window cosine itself."""
    if not len(rows):
        return np.empty(0, np.float32), np.empty(0, np.float32)
    first = snapshot.first_window
    counts = first[rows + 1] - first[rows]
    window_rows = np.concatenate([np.arange(first[row], first[row + 1]) for row in rows])
    cosines = snapshot.window_vectors.score(query, window_rows)
    best = np.maximum.reduceat(cosines, np.concatenate([[0], np.cumsum(counts)[:-1]]))
    return (snapshot.passage_vectors.score(query, rows) + best) / 2, best


def best_windows(snapshot: Snapshot, query: np.ndarray, row: int) -> list[tuple[tuple[int, int], float]]:
    """A passage's windows with their cosines, best first."""
    first = snapshot.first_window
    rows = np.arange(first[row], first[row + 1])
    cosines = snapshot.window_vectors.score(query, rows)
    return [(snapshot.window_spans[rows[at]], float(cosines[at])) for at in np.argsort(-cosines, kind="stable")]


def candidates(
    snapshot: Snapshot, query: np.ndarray, lexical: np.ndarray, top_k: int, rows: np.ndarray | None
) -> np.ndarray:
    """Rows that any of the three searches puts among its best, sorted."""
    allowed = np.arange(len(snapshot.passages)) if rows is None else rows
    if len(allowed) <= top_k:
        return allowed
    by_passage, _ = snapshot.passage_vectors.search(query, top_k, rows)
    window_rows = None if rows is None else np.flatnonzero(np.isin(snapshot.window_rows, rows))
    by_window, _ = snapshot.window_vectors.search(query, top_k * 4, window_rows)
    by_words = allowed[np.argpartition(-lexical[allowed], top_k - 1)[:top_k]]
    return np.unique(np.concatenate([by_passage, snapshot.window_rows[by_window], by_words[lexical[by_words] > 0]]))


def sampled(
    snapshot: Snapshot, query: np.ndarray, rows: np.ndarray | None, pool: np.ndarray, dense: np.ndarray
) -> np.ndarray:
    """Dense scores of an even sample of the rows searched; those of the pool where it is the same."""
    allowed = np.arange(len(snapshot.passages)) if rows is None else rows
    sample = allowed[:: max(1, -(-len(allowed) // SAMPLE))]
    return dense if np.array_equal(sample, pool) else dense_scores(snapshot, query, sample)[0]


def read_again(
    snapshot: Snapshot, reranker: Reranker | None, question: str, query: np.ndarray, rows: Sequence[int], left_ms: float
) -> list[float]:
    """The reranker's scores of the best windows of the first rows: of as many as there is time for, or of none."""
    if reranker is None or len(rows) < RERANK_LEAST:
        return []
    count = min(len(rows), int(left_ms / reranker.cost_ms)) if math.isfinite(left_ms) else len(rows)
    if count < RERANK_LEAST:
        return []
    best = [best_windows(snapshot, query, row)[0][0] for row in rows[:count]]
    texts = [reads_as(snapshot.passages[row], *span) for row, span in zip(rows, best, strict=False)]
    return reranker.scores(question, texts).tolist()


def blended(fused: np.ndarray, order: Sequence[int], scores: Sequence[float]) -> tuple[np.ndarray, dict[int, float]]:
    """Final scores, and the reranker's by place in the pool.

    order: places in the pool, best first; as many of them were read again as there are scores. Those are ordered by
    both, on the scale that fused scores have there; the rest keeps its own order and distances, behind them.
    """
    if not scores:
        return fused, {}
    again, rest = list(order[: len(scores)]), list(order[len(scores) :])
    before, own = fused[again], np.asarray(scores, np.float32)
    both = (1 - RERANK_WEIGHT) * standard(before, before) + RERANK_WEIGHT * standard(own, own)
    final = fused.copy()
    final[again] = before.mean() + before.std() * both
    if rest:
        final[rest] -= max(0.0, final[rest].max() - final[again].min() + BEHIND)
    return final, dict(zip(again, scores, strict=True))


def standard(values: np.ndarray, population: np.ndarray) -> np.ndarray:
    """Standard scores; all 0 where the population does not vary."""
    deviation = float(population.std()) if len(population) else 0.0
    if deviation < 1e-9:
        return np.zeros(len(values), np.float32)
    return (values - population.mean()) / deviation


def distinct(snapshot: Snapshot, pool: np.ndarray, order: np.ndarray) -> list[int]:
    """The order without passages that say the same as a better one."""
    kept, shown = [], set()
    for at in order:
        row = int(pool[at])
        if shown.isdisjoint(snapshot.twins.get(row, ())):
            kept.append(int(at))
            shown.add(row)
    return kept
