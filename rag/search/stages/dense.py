"""Dense search: cosines of the centred question with passages and with their windows of a clause or two."""

from __future__ import annotations

import numpy as np

from rag.index.snapshot import Snapshot
from rag.search.query import Query
from rag.search.stages.stage import Stage

SCORE, WINDOW = "dense", "window"
WINDOWS_EACH = 4  # windows searched for each passage wanted
STAGE = Stage(
    "语义检索 / dense search", "段落的余弦与其中最贴近的一两句的余弦各半", "candidates",
    {SCORE: "语义", WINDOW: "最近的一两句"},
)  # fmt: skip


def dense_scores(snapshot: Snapshot, centred: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For passage rows: the mean of passage cosine and best window cosine, and the best window cosine itself.

    centred: (dim,) as in `Query`. rows: (m,) int64; both results are (m,) float32.
    """
    if not len(rows):
        return np.empty(0, np.float32), np.empty(0, np.float32)
    first = snapshot.first_window
    counts = first[rows + 1] - first[rows]
    window_rows = np.concatenate([np.arange(first[row], first[row + 1]) for row in rows])
    cosines = snapshot.window_vectors.score(centred, window_rows)
    best = np.maximum.reduceat(cosines, np.concatenate([[0], np.cumsum(counts)[:-1]]))
    return (snapshot.passage_vectors.score(centred, rows) + best) / 2, best


def nearest_rows(snapshot: Snapshot, query: Query, count: int) -> np.ndarray:
    """Rows of the passages nearest to the question, and of those that hold the nearest windows; some twice."""
    by_passage, _ = snapshot.passage_vectors.search(query.centred, count, query.rows)
    windows = None if query.rows is None else np.flatnonzero(np.isin(snapshot.window_rows, query.rows))
    by_window, _ = snapshot.window_vectors.search(query.centred, count * WINDOWS_EACH, windows)
    return np.concatenate([by_passage, snapshot.window_rows[by_window]])


def best_windows(snapshot: Snapshot, centred: np.ndarray, row: int) -> list[tuple[tuple[int, int], float]]:
    """A passage's windows as source spans with their cosines, best first."""
    first = snapshot.first_window
    rows = np.arange(first[row], first[row + 1])
    cosines = snapshot.window_vectors.score(centred, rows)
    return [(snapshot.window_spans[rows[at]], float(cosines[at])) for at in np.argsort(-cosines, kind="stable")]
