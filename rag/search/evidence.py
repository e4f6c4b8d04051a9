"""Whether the collection answers a question: the signals, their weights and where answering begins, in this one place.

With a reader the decision is the fitted one of its card; without one it is `UNREAD`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rag.index.snapshot import Snapshot
from rag.models.reader import Decision
from rag.search.expecting import expected, pointing
from rag.search.gazetteer import places_named
from rag.search.query import Query
from rag.search.records import Ranking
from rag.search.stages import dense, reading
from rag.text.tokenizing import holds_word, is_telling, tokenize

SIGNALS = "read-2"  # changes whenever the same index would give the same question other signals, or other bounds
LOOKED_AT = 3  # best passages, as searched, that the question's words and facts are looked for in
# Logistic weights of the features. Ratio and offset from the development questions (benchmarks/results/seeds.md), not
# from single ones. Lacking: the fact asked for, or the town it is asked about, is not there, which hardly ever answers.
UNREAD = Decision({"above": 2.0, "coverage": 3.2, "lacking": -5.0}, -4.2, 0.5)
ADDRESSED = 0.99  # the question names a place and the place exists


@dataclass(frozen=True, slots=True)
class Signals:
    """What tells whether the collection holds an answer.

    best_window: the highest cosine of any window. coverage: share, by idf, of the question's words that the best
    hits hold, in [0, 1]. lacking: the kind of fact asked for (所问的数目) that none of them holds, and the towns named that
    none of their documents knows. addressed: the question names a place in the text (第三条,
    〔2023〕12号) or a list (八个对标) that exists here. answer, margin: the highest logits of the first passages read: that
    one answers, and of a span in it over that of none; None where nothing was read.
    """

    best_window: float
    coverage: float
    lacking: tuple[str, ...] = ()
    addressed: bool = False
    answer: float | None = None
    margin: float | None = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """What questions that have nothing to do with the collection score here, and where answering begins.

    mean: of their best window cosines. spread: standard deviation of their cosines with all windows. near: spreads above
    the mean, which one foreign question in twenty exceeds: below it nothing here is near the question. decision: the
    weights of the signals, and the confidence below which the service refuses.
    """

    mean: float
    spread: float
    near: float
    decision: Decision


@dataclass(frozen=True, slots=True)
class Calibration(Bounds):
    """The bounds of an index with what they make of questions that nobody needs to write.

    false_answer: share of foreign questions that are answered. own: questions made of the collection's own sentences.
    false_refusal: share of those that are refused. refusal_bound: what that share does not exceed, at 95 %.
    """

    false_answer: float
    own: int
    false_refusal: float
    refusal_bound: float


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """A ranking with what it is worth: the signals, the probability in (0, 1) made of them, and the decision.

    near: the best passages are about what is asked, though they may not answer it.
    """

    ranking: Ranking
    signals: Signals
    confidence: float
    answerable: bool
    near: bool


def weigh(snapshot: Snapshot, ranking: Ranking, bounds: Bounds) -> Evidence:
    """Decide whether the ranking answers its query (promise 3)."""
    signals = signals_of(snapshot, ranking)
    sure = confidence(signals, bounds.mean, bounds.spread, bounds.decision)
    near = above(signals, bounds.mean, bounds.spread) >= bounds.near
    # a reader knows answers, not what a collection is about: a foreign question must not pass it by chance
    known = near or signals.addressed or signals.answer is None
    answerable = bool(ranking.hits) and known and sure >= bounds.decision.cutoff
    return Evidence(ranking, signals, sure, answerable, near)


def signals_of(snapshot: Snapshot, ranking: Ranking) -> Signals:
    """The signals of a ranking; reranking does not change them."""
    found, query = ranking.candidates, ranking.query
    first = [int(found.rows[at]) for at in found.order[:LOOKED_AT]]
    best = float(found.scores[dense.WINDOW].max(initial=-1.0))
    decides = [read.finding for read in ranking.reads[: reading.DECIDES]]
    return Signals(
        best,
        coverage(snapshot, query, first),
        lacking(snapshot, query.asked, first),
        found.names > 0,
        max((finding.answer for finding in decides), default=None),
        max((finding.margin for finding in decides), default=None),
    )


def features(signals: Signals, mean: float, spread: float) -> dict[str, float]:
    """What can be weighed, by the names that a `Decision` has weights for."""
    read = {
        name: value for name, value in (("answer", signals.answer), ("margin", signals.margin)) if value is not None
    }
    return read | {
        "above": above(signals, mean, spread),
        "coverage": signals.coverage,
        "lacking": float(bool(signals.lacking)),
    }


def above(signals: Signals, mean: float, spread: float) -> float:
    """The best window's cosine, in spreads above foreign questions' best."""
    return (signals.best_window - mean) / max(spread, 1e-6)


def confidence(signals: Signals, mean: float, spread: float, decision: Decision = UNREAD) -> float:
    """The probability that the collection answers the question, in (0, 1). mean, spread: as in `Bounds`."""
    if signals.addressed:
        return ADDRESSED
    found = features(signals, mean, spread)
    evidence = sum(weight * found[name] for name, weight in decision.weights.items()) + decision.bias
    return 1 / (1 + math.exp(-max(min(evidence, 500.0), -500.0)))


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
