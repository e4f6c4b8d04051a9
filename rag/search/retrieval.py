"""A question to ranked passages: the whole query path on one screen.

dense = mean of the passage's cosine and the best cosine of its windows; lexical = BM25 over words and bigrams;
fused = w·z(lexical) + (1 − w)·z(dense), z-scores over the collection; the first few are read again by the reranker
and blended in (all measured in benchmarks/).
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rag.datamodels import Hit, QueryTerms
from rag.index.outlines import MAX_ITEMS, asked_rows
from rag.index.snapshot import Snapshot
from rag.index.vocabulary import TERM_MARK
from rag.models.embedding import Embedder
from rag.models.reranking import Reranker
from rag.search.addressing import read_address, resolve
from rag.search.english import in_chinese
from rag.search.expecting import expected, pointing
from rag.search.gazetteer import places_named
from rag.search.scoring import blended, candidates, dense_scores, distinct, read_again, sampled, standard
from rag.text.tokenizing import fold, holds_word, is_telling, tokenize

SIGNALS = "centred-4"  # changes whenever the same index would give the same question other signals, or other bounds
CENTRING = 0.7  # of what all questions have in common, taken out, or passages near to any question float up
SYNONYM = 0.5  # of a synonym's BM25 against that of the question's own words


@dataclass(frozen=True, slots=True)
class Signals:
    """What tells whether the collection holds an answer.

    best_window: the highest cosine of any window. coverage: share, by idf, of the question's words that the best
    hits hold, in [0, 1]. lacking: the kind of fact asked for (所问的数目) that none of them holds, and the towns named that
    none of their documents knows. addressed: the question names a place in the text (第三条,
    〔2023〕12号) or a list (八个对标) that exists here.
    """

    best_window: float
    coverage: float
    lacking: tuple[str, ...] = ()
    addressed: bool = False


@dataclass(frozen=True, slots=True)
class Knobs:
    """How to search. candidates: taken from each search. rerank: best passages that are read again with the question.

    budget_ms: time for one question, from its arrival; reranking does with what is left of it. 0: no limit. waited_ms: how
    much of it had gone by before.
    """

    top_k: int
    candidates: int
    lexical_weight: float
    rerank: int = 0
    budget_ms: float = 0.0
    waited_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Ranking:
    """Hits, best first, with the signals, and milliseconds for encoding, searching and reranking.

    vector: (dim,) the question's. query: (dim,) the same, centred: what was searched with. rows: the hits' passage rows.
    """

    terms: QueryTerms
    vector: np.ndarray
    query: np.ndarray
    hits: tuple[Hit, ...]
    rows: tuple[int, ...]
    signals: Signals
    embed_ms: float
    search_ms: float
    rerank_ms: float


def retrieve(
    snapshot: Snapshot,
    embedder: Embedder,
    reranker: Reranker | None,
    question: str,
    knobs: Knobs,
    *,
    rows: np.ndarray | None = None,
    whole_lists: bool = False,
    vector: np.ndarray | None = None,
) -> Ranking:
    """Rank passages for a question.

    rows: search only these (a document filter). whole_lists: give more than `top_k` where the question asks for a list
    that is longer. vector: the question's, where it is known already. Ties go to the earlier passage.
    """
    started = time.perf_counter()
    terms = read(snapshot, question)
    asked = terms.translated or question
    if vector is None:
        vector = embedder.encode_queries([asked])[0]
    embedded = time.perf_counter()

    query = vector - CENTRING * snapshot.background
    lexical = snapshot.lexical.scores(terms.tokens) + SYNONYM * snapshot.lexical.scores(list(terms.added))
    named = _addressed(snapshot, question, rows)
    pool = np.union1d(candidates(snapshot, query, lexical, knobs.candidates, rows), np.array(named, np.int64))
    dense, windows = dense_scores(snapshot, query, pool)
    fused = knobs.lexical_weight * standard(lexical[pool], lexical if rows is None else lexical[rows])
    fused += (1 - knobs.lexical_weight) * standard(dense, sampled(snapshot, query, rows, pool, dense))
    place = np.array([named.index(row) if row in named else len(named) for row in pool])
    order = distinct(snapshot, pool, np.lexsort((pool, -fused, place)))
    first = [int(pool[at]) for at in order[:3]]
    searched = time.perf_counter()

    gone_ms = knobs.waited_ms + (searched - started) * 1e3
    left_ms = knobs.budget_ms - gone_ms if knobs.budget_ms else math.inf
    found_by_search = [at for at in order if place[at] == len(named)]
    again = [int(pool[at]) for at in found_by_search[: knobs.rerank]]
    score, seen = blended(fused, found_by_search, read_again(snapshot, reranker, asked, query, again, left_ms))
    order = sorted(order, key=lambda at: (place[at], -score[at], pool[at]))
    order = order[: max(knobs.top_k, len(named)) if whole_lists else knobs.top_k]
    done = time.perf_counter()

    stages = {"lexical": lexical[pool], "dense": dense, "window": windows, "fused": fused}
    hits = tuple(
        Hit(
            snapshot.passages[pool[at]], float(score[at]), rank,
            {name: float(values[at]) for name, values in stages.items()} | ({"rerank": seen[at]} if at in seen else {}),
            _matched(snapshot, terms, int(pool[at])), bool(place[at] < len(named)),
        )
        for rank, at in enumerate(order, 1)
    )  # fmt: skip
    found = tuple(int(pool[at]) for at in order)
    signals = Signals(
        float(windows.max(initial=-1.0)),
        _coverage(snapshot, terms, first),
        _lacks(snapshot, asked, first),
        len(named) > 0,
    )
    times = (embedded - started, searched - embedded, done - searched if seen else 0.0)
    return Ranking(terms, vector, query, hits, found, signals, *(seconds * 1e3 for seconds in times))


def read(snapshot: Snapshot, question: str) -> QueryTerms:
    """What the words of a question are, to this collection."""
    translated = in_chinese(question, snapshot.lexical.frequency)
    asked = translated or question
    tokens = (*tokenize(asked), *snapshot.vocabulary.terms_in(asked))
    return QueryTerms(fold(question), tokens, snapshot.vocabulary.tokens_of(asked), translated)


def _coverage(snapshot: Snapshot, terms: QueryTerms, rows: Sequence[int]) -> float:
    """The best share, by idf, of the question's words and numbers that one of the passages holds, or a synonym of."""
    idle = {token for phrase in pointing(terms.folded) for token in tokenize(phrase)}
    wanted = {token: snapshot.lexical.idf(token) for token in terms.tokens if is_telling(token) and token not in idle}
    total = sum(wanted.values())
    if not total:
        return 0.0
    stands_for = {token: tokenize(word) for token, word in terms.added.items()}

    def held(row: int) -> float:
        own = snapshot.lexical.tokens(row)
        through = (meant for token, means in stands_for.items() if token in own for meant in means)
        return sum(wanted[token] for token in own.union(through) & wanted.keys())

    return max(map(held, rows), default=0.0) / total


def _lacks(snapshot: Snapshot, question: str, rows: Sequence[int]) -> tuple[str, ...]:
    """The kind of fact asked for, where none of the passages holds one, and the places that none of their documents names."""
    fact = expected(question)
    held = fact is None or any(fact.pattern.search(snapshot.passages[row].text) for row in rows)
    unknown = (place for place in places_named(question) if not any(_mentions(snapshot, row, place) for row in rows))
    return (*([] if held else [fact.name]), *unknown)


def _mentions(snapshot: Snapshot, row: int, name: str) -> bool:
    """Whether the document of a passage holds a name."""
    return any(holds_word(snapshot.lexical.tokens(other), name) for other in snapshot.of_document(row))


def _matched(snapshot: Snapshot, terms: QueryTerms, row: int) -> tuple[str, ...]:
    """The question's words that a passage holds, the most telling first, and the synonyms of others that it holds."""
    tokens = snapshot.lexical.tokens(row)
    own = {token.rstrip(TERM_MARK) for token in terms.tokens if token in tokens and is_telling(token)}
    others = {token for token in terms.added if token in tokens and is_telling(token)}
    return tuple(sorted(own | others, key=lambda word: (-snapshot.lexical.idf(word), word)))


def _addressed(snapshot: Snapshot, question: str, rows: np.ndarray | None) -> list[int]:
    """Rows that the question names exactly, in order, among those searched; they go before all others."""
    found = resolve(read_address(question), question, snapshot.passages, snapshot.titles)
    if not found:
        found = asked_rows(question, snapshot.outlines, snapshot.lexical.idf)
    allowed = None if rows is None else set(rows.tolist())
    return [row for row in dict.fromkeys(found) if allowed is None or row in allowed][:MAX_ITEMS]
