"""Whether the collection answers a question: the signals, their weights and where answering begins, in this one place.

Another model of refusal replaces `WEIGHTS`, `BIAS` and `confidence`, or adds a signal to `Signals` and `features`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.index.snapshot import Snapshot
from rag.search.expecting import expected, pointing
from rag.search.gazetteer import places_named
from rag.search.query import Query
from rag.search.records import Ranking
from rag.search.stages import dense
from rag.text.tokenizing import holds_word, is_telling, tokenize

SIGNALS = "centred-4"  # changes whenever the same index would give the same question other signals, or other bounds
LOOKED_AT = 3  # best passages, as searched, that the question's words and facts are looked for in
# Logistic weights of the features. Ratio and offset from the development questions (benchmarks/results/seeds.md), not
# from single ones. Lacking: the fact asked for, or the town it is asked about, is not there, which hardly ever answers.
WEIGHTS: Mapping[str, float] = {"above": 2.0, "coverage": 3.2, "lacking": -5.0}
BIAS = -4.2
ADDRESSED = 0.99  # the question names a place and the place exists


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
class Calibration:
    """What questions that have nothing to do with the collection score here, and where answering begins.

    mean: of their best window cosines. spread: standard deviation of their cosines with all windows. cutoff: confidence
    below which the service refuses. false_answer: share of foreign questions above the cutoff. false_refusal: share of
    own questions below it.
    """

    mean: float
    spread: float
    cutoff: float
    false_answer: float
    false_refusal: float


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """A ranking with what it is worth: the signals, the probability in (0, 1) made of them, and the decision."""

    ranking: Ranking
    signals: Signals
    confidence: float
    answerable: bool


def weigh(snapshot: Snapshot, ranking: Ranking, calibration: Calibration) -> Evidence:
    """Decide whether the ranking answers its query (promise 3)."""
    signals = signals_of(snapshot, ranking)
    sure = confidence(signals, calibration.mean, calibration.spread)
    return Evidence(ranking, signals, sure, bool(ranking.hits) and sure >= calibration.cutoff)


def signals_of(snapshot: Snapshot, ranking: Ranking) -> Signals:
    """The signals of a ranking; reranking does not change them."""
    found, query = ranking.candidates, ranking.query
    first = [int(found.rows[at]) for at in found.order[:LOOKED_AT]]
    best = float(found.scores[dense.WINDOW].max(initial=-1.0))
    return Signals(best, coverage(snapshot, query, first), lacking(snapshot, query.asked, first), found.names > 0)


def features(signals: Signals, mean: float, spread: float) -> dict[str, float]:
    """What is weighed: the best cosine in spreads above foreign questions' best, the coverage, whether a fact is lacking."""
    above = (signals.best_window - mean) / max(spread, 1e-6)
    return {"above": above, "coverage": signals.coverage, "lacking": float(bool(signals.lacking))}


def confidence(signals: Signals, mean: float, spread: float) -> float:
    """The probability that the collection answers the question, in (0, 1). mean, spread: as in `Calibration`."""
    if signals.addressed:
        return ADDRESSED
    evidence = sum(WEIGHTS[name] * value for name, value in features(signals, mean, spread).items()) + BIAS
    return 1 / (1 + math.exp(-evidence))


def coverage(snapshot: Snapshot, query: Query, rows: Sequence[int]) -> float:
    """The best share, by idf, of the question's words and numbers that one of the passages holds, or a synonym of."""
    terms = query.terms
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


def lacking(snapshot: Snapshot, asked: str, rows: Sequence[int]) -> tuple[str, ...]:
    """The kind of fact asked for, where none of the passages holds one, and the places that none of their documents names."""
    fact = expected(asked)
    missing = fact is not None and not any(fact.pattern.search(snapshot.passages[row].text) for row in rows)
    unknown = (place for place in places_named(asked) if not any(_mentions(snapshot, row, place) for row in rows))
    return (*([fact.name] if fact is not None and missing else []), *unknown)


def _mentions(snapshot: Snapshot, row: int, name: str) -> bool:
    """Whether the document of a passage holds a name."""
    return any(holds_word(snapshot.lexical.tokens(other), name) for other in snapshot.of_document(row))
