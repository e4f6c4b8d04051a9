"""The stations between a `Query` and the `Evidence`: candidates, and the ranking made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rag.datamodels import Hit
from rag.models.reader import Finding
from rag.search.query import Query


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """The passages that a search puts among its best, with what each stage gave them.

    rows: (m,) int64, ascending. named: (m,) int64, place among the passages that the question names; `names`, their
    number, for all others. scores: by the score's name (m,) float32 each, NaN where a stage gave none. score: (m,) what
    they are ordered by. order: places in `rows`, best first, without passages that say the same as a better one.
    """

    query: Query
    rows: np.ndarray
    named: np.ndarray
    names: int
    scores: Mapping[str, np.ndarray]
    score: np.ndarray
    order: tuple[int, ...]

    def is_named(self, at: int) -> bool:
        """Whether the question names the passage at a place."""
        return bool(self.named[at] < self.names)

    def rescored(self, name: str, given: np.ndarray, score: np.ndarray) -> Candidates:
        """The candidates after one more stage, in the order of their new scores; what is named stays first.

        name, given: the stage's score, (m,) float32, NaN where it gave none. score: (m,) what orders them now. Ties go
        to the earlier passage.
        """
        order = sorted(self.order, key=lambda at: (self.named[at], -score[at], self.rows[at]))
        scores = {**self.scores, name: given}
        return Candidates(self.query, self.rows, self.named, self.names, scores, score, tuple(order))


@dataclass(frozen=True, slots=True)
class Read:
    """A passage, by its row, and what the reader finds in it."""

    row: int
    finding: Finding


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Hits, best first, and milliseconds for searching and for reranking or reading.

    candidates: as the search left them, before any reranking. reads: the first of them that were read, in the order of
    the search; none where there is no reader. Whether there is an answer is told from these two alone.
    """

    query: Query
    candidates: Candidates
    reads: tuple[Read, ...]
    hits: tuple[Hit, ...]
    search_ms: float
    rerank_ms: float
