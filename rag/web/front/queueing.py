"""One queue for all who ask over the web, whatever they ask with: one at a time, first come, first served."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import anyio

from rag.config import Settings
from rag.search.pacing import Pace, share
from rag.search.stages.rerank import LEAST as RERANK_LEAST
from rag.web.front.metrics import Metrics
from rag.web.front.visible import Visible

T = TypeVar("T")


class Queue:
    """Questions wait here for their turn, and are told how much time they may take."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        """The settings say how much is reranked, and for how many."""
        self._settings, self._metrics = settings, metrics
        # one at a time uses all cores in the model, two would fight for the interpreter
        self._turns = anyio.CapacityLimiter(1)

    async def turn(self, mine: Visible, work: Callable[[Visible], T]) -> T:
        """What `work` makes of what they may see, in a thread, when those who came before have been served."""
        arrived = time.perf_counter()

        def serve() -> T:
            waited = (time.perf_counter() - arrived) * 1e3
            return work(replace(mine, pace=Pace(waited, self._rerank())))

        return await anyio.to_thread.run_sync(serve, limiter=self._turns)

    def _rerank(self) -> int:
        """Passages to rerank for the one whose turn it is."""
        people = 1 + self._turns.statistics().tasks_waiting
        full = self._settings.rerank_candidates
        found = share(full, people, self._settings.rerank_people)
        if found < full:
            self._metrics.hurried.labels("less" if found >= RERANK_LEAST else "none").inc()
        return found
