"""Fusion: w·z(lexical) + (1 − w)·z(dense), z-scores over the passages searched; and one of passages that say the same."""

from __future__ import annotations

import numpy as np

from rag.index.snapshot import Snapshot
from rag.search.query import Query
from rag.search.stages.dense import dense_scores
from rag.search.stages.stage import Stage

SAMPLE = 2000  # passages whose scores give the mean and deviation of a z-score; all, in smaller collections
SCORE = "fused"
STAGE = Stage(
    "融合 / fusion", "两路在全库上化为标准分，按字词权重相加；同文只留一条", "lexical_weight", {SCORE: "两路融合"}
)


def fused_scores(
    snapshot: Snapshot, query: Query, rows: np.ndarray, lexical: np.ndarray, dense: np.ndarray
) -> np.ndarray:
    """(m,) float32, in standard deviations.

    rows: (m,) the candidates. lexical: (n_passages,) of the whole collection. dense: (m,) of the candidates.
    """
    weight = query.request.settings.lexical_weight
    fused = weight * standard(lexical[rows], lexical if query.rows is None else lexical[query.rows])
    fused += (1 - weight) * standard(dense, _population(snapshot, query, rows, dense))
    return fused


def standard(values: np.ndarray, population: np.ndarray) -> np.ndarray:
    """Standard scores; all 0 where the population does not vary."""
    deviation = float(population.std()) if len(population) else 0.0
    if deviation < 1e-9:
        return np.zeros(len(values), np.float32)
    found: np.ndarray = (values - population.mean()) / deviation
    return found


def distinct(snapshot: Snapshot, rows: np.ndarray, order: np.ndarray) -> tuple[int, ...]:
    """The order without passages that say the same as a better one. order: places in `rows`, best first."""
    kept: list[int] = []
    shown: set[int] = set()
    for at in order:
        row = int(rows[at])
        if shown.isdisjoint(snapshot.near_duplicates.get(row, ())):
            kept.append(int(at))
            shown.add(row)
    return tuple(kept)


def _population(snapshot: Snapshot, query: Query, rows: np.ndarray, dense: np.ndarray) -> np.ndarray:
    """Dense scores of an even sample of the passages searched; those of the candidates where it is the same."""
    searched = np.arange(len(snapshot.passages)) if query.rows is None else query.rows
    sample = searched[:: max(1, -(-len(searched) // SAMPLE))]
    return dense if np.array_equal(sample, rows) else dense_scores(snapshot, query.centred, sample)[0]
