"""A question to ranked passages: the whole query path on one screen.

dense = mean of the passage's cosine and the best cosine of its windows; lexical = BM25 over words and bigrams;
fused = w·z(lexical) + (1 − w)·z(dense), z-scores over the collection (measured in benchmarks/).
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from rag.addressing import read_address, resolve
from rag.datamodels import Hit
from rag.embedding import Embedder
from rag.index import Snapshot
from rag.outlines import MAX_ITEMS, asked_list
from rag.tokenizing import is_telling, tokenize

SAMPLE = 2000  # passages whose scores give the mean and deviation of a z-score; all, in smaller collections


@dataclass(frozen=True, slots=True)
class Signals:
    """What tells whether the collection holds an answer.

    best_window: the highest cosine of any window. coverage: share, by idf, of the question's words that the best
    hits hold, in [0, 1]. addressed: the question names a place (第三条, 〔2023〕12号) or a list (八个对标) that exists here.
    """

    best_window: float
    coverage: float
    addressed: bool = False


@dataclass(frozen=True, slots=True)
class Ranking:
    """Hits, best first, with the signals, and milliseconds for encoding and for searching.

    query: (dim,) the question's vector. rows: the hits' passage rows.
    """

    query: np.ndarray
    hits: tuple[Hit, ...]
    rows: tuple[int, ...]
    signals: Signals
    embed_ms: float
    search_ms: float


def retrieve(
    snapshot: Snapshot,
    embedder: Embedder,
    question: str,
    *,
    top_k: int,
    candidates: int,
    lexical_weight: float,
    rows: np.ndarray | None = None,
    whole_lists: bool = False,
    query: np.ndarray | None = None,
) -> Ranking:
    """Rank passages for a question.

    rows: search only these (a document filter). candidates: taken from each search. whole_lists: give more than `top_k`
    where the question asks for a list that is longer. query: the question's vector where it is known already. Ties go to the earlier passage.
    """
    started = time.perf_counter()
    if query is None:
        query = embedder.encode_queries([question])[0]
    embedded = time.perf_counter()
    tokens = tokenize(question)

    lexical = snapshot.lexical.scores(tokens)
    named = _addressed(snapshot, question, rows)
    pool = np.union1d(_candidates(snapshot, query, lexical, candidates, rows), np.array(named, np.int64))
    dense, windows = dense_scores(snapshot, query, pool)
    sample = _sample(snapshot, rows)
    sampled, _ = (dense, windows) if np.array_equal(sample, pool) else dense_scores(snapshot, query, sample)
    fused = lexical_weight * _z(lexical[pool], lexical if rows is None else lexical[rows]) + (
        1 - lexical_weight
    ) * _z(dense, sampled)
    place = np.array([named.index(row) if row in named else len(named) for row in pool])
    wanted = max(top_k, len(named)) if whole_lists else top_k
    order = _distinct(snapshot, pool, np.lexsort((pool, -fused, place)))[:wanted]

    hits = tuple(
        Hit(snapshot.passages[pool[at]], float(fused[at]), rank,
            {"lexical": float(lexical[pool[at]]), "dense": float(dense[at]), "window": float(windows[at])})
        for rank, at in enumerate(order, 1)
    )  # fmt: skip
    signals = Signals(float(windows.max(initial=0.0)), _coverage(snapshot, tokens, [int(pool[at]) for at in order[:3]]), len(named) > 0)
    done = time.perf_counter()
    return Ranking(
        query, hits, tuple(int(pool[at]) for at in order), signals, (embedded - started) * 1e3, (done - embedded) * 1e3
    )


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


def _candidates(
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


def _addressed(snapshot: Snapshot, question: str, rows: np.ndarray | None) -> list[int]:
    """Rows that the question names exactly, in order, among those searched; they go before all others."""
    found = resolve(read_address(question), question, snapshot.passages, snapshot.titles)
    if not found:
        outline = asked_list(question, snapshot.outlines, snapshot.lexical.idf)
        found = outline.rows if outline else ()
    allowed = None if rows is None else set(rows.tolist())
    return [row for row in dict.fromkeys(found) if allowed is None or row in allowed][:MAX_ITEMS]


def _sample(snapshot: Snapshot, rows: np.ndarray | None) -> np.ndarray:
    """An even sample of the rows searched."""
    allowed = np.arange(len(snapshot.passages)) if rows is None else rows
    return allowed[:: max(1, -(-len(allowed) // SAMPLE))]


def _z(values: np.ndarray, population: np.ndarray) -> np.ndarray:
    """Standard scores; all 0 where the population does not vary."""
    deviation = float(population.std()) if len(population) else 0.0
    if deviation < 1e-9:
        return np.zeros(len(values), np.float32)
    return (values - population.mean()) / deviation


def _distinct(snapshot: Snapshot, pool: np.ndarray, order: np.ndarray) -> list[int]:
    """The order without passages that say the same as a better one."""
    kept, shown = [], set()
    for at in order:
        row = int(pool[at])
        if shown.isdisjoint(snapshot.twins.get(row, ())):
            kept.append(int(at))
            shown.add(row)
    return kept


def _coverage(snapshot: Snapshot, tokens: list[str], rows: list[int]) -> float:
    """The best share, by idf, of the question's words and numbers that one of the passages holds."""
    wanted = {token: snapshot.lexical.idf(token) for token in tokens if is_telling(token)}
    total = sum(wanted.values())
    if not total:
        return 0.0
    held = (sum(wanted[token] for token in snapshot.lexical.tokens(row) & wanted.keys()) for row in rows)
    return max(held, default=0.0) / total
