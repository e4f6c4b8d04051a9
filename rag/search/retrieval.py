"""A query to ranked passages: the whole path on one screen.

Each stage is a file of `stages/`, where its formula, its constants and its score's name are. A new stage is one such
file, one entry of `stages.STAGES` and one line here.
"""

from __future__ import annotations

import time

import numpy as np

from rag.datamodels import Hit
from rag.index.snapshot import Snapshot
from rag.index.vocabulary import TERM_MARK
from rag.models.loaded import Models
from rag.search.query import Query
from rag.search.records import Candidates, Ranking
from rag.search.stages import dense, exact, fusion, lexical, reading, rerank
from rag.text.tokenizing import is_telling


def retrieve(snapshot: Snapshot, models: Models, query: Query) -> Ranking:
    """Rank passages for a query. Ties go to the earlier passage."""
    started = time.perf_counter()
    found = search(snapshot, query)
    searched = time.perf_counter()
    reads = reading.read(snapshot, models.reader, found)
    final = reading.reordered(found, reads) if reads else rerank.reranked(snapshot, models.reranker, found)
    done = time.perf_counter()
    rerank_ms = 0.0 if final is found else (done - searched) * 1e3
    return Ranking(query, found, reads, _hits(snapshot, final), (searched - started) * 1e3, rerank_ms)


def search(snapshot: Snapshot, query: Query) -> Candidates:
    """The passages that any search puts among its best, fused and in order; those that the question names come first."""
    words = lexical.lexical_scores(snapshot, query)
    named = exact.named_rows(snapshot, query)
    rows = np.union1d(_pool(snapshot, query, words), np.array(named, np.int64))
    whole, windows = dense.dense_scores(snapshot, query.centred, rows)
    fused = fusion.fused_scores(snapshot, query, rows, words, whole)
    place = np.array([named.index(row) if row in named else len(named) for row in rows])
    order = fusion.distinct(snapshot, rows, np.lexsort((rows, -fused, place)))
    scores = {lexical.SCORE: words[rows], dense.SCORE: whole, dense.WINDOW: windows, fusion.SCORE: fused}
    return Candidates(query, rows, place, len(named), scores, fused, order)


def _pool(snapshot: Snapshot, query: Query, words: np.ndarray) -> np.ndarray:
    """Rows that any of the three searches puts among its best, ascending; all, where they are few."""
    searched = np.arange(len(snapshot.passages)) if query.rows is None else query.rows
    count = max(query.request.settings.candidates, query.request.depth)
    if len(searched) <= count:
        return searched
    return np.unique(
        np.concatenate([dense.nearest_rows(snapshot, query, count), lexical.best_rows(words, searched, count)])
    )


def _hits(snapshot: Snapshot, final: Candidates) -> tuple[Hit, ...]:
    """As many hits as were asked for, or all that the question names."""
    request = final.query.request
    count = max(request.depth, final.names) if request.whole_lists else request.depth
    return tuple(_hit(snapshot, final, at, rank) for rank, at in enumerate(final.order[:count], 1))


def _hit(snapshot: Snapshot, final: Candidates, at: int, rank: int) -> Hit:
    row = int(final.rows[at])
    stages = {name: float(given[at]) for name, given in final.scores.items() if not np.isnan(given[at])}
    matched = _matched(snapshot, final.query, row)
    return Hit(snapshot.passages[row], float(final.score[at]), rank, row, stages, matched, final.is_named(at))


def _matched(snapshot: Snapshot, query: Query, row: int) -> tuple[str, ...]:
    """The question's words that a passage holds, the most telling first, and the synonyms of others that it holds."""
    tokens = snapshot.lexical.tokens(row)
    own = {token.rstrip(TERM_MARK) for token in query.terms.tokens if token in tokens and is_telling(token)}
    others = {token for token in query.terms.added if token in tokens and is_telling(token)}
    return tuple(sorted(own | others, key=lambda word: (-snapshot.lexical.idf(word), word)))
