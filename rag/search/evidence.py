"""Whether the collection answers a question: the signals, their weights and where answering begins, in this one place.

With a reader the decision is the fitted one of its card; without one it is `UNREAD`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from rag.models.reader import Decision
from rag.search.records import Ranking
from rag.search.stages import dense, reading

SIGNALS = "read-3"  # changes whenever the same index would give the same question other signals, or other bounds
# Without a reader only what is far can be told from what is near: the same sense as `Bounds.near`. On documents that nobody
# tuned for, words held and facts found told no more than that (benchmarks/results/reader.md).
UNREAD = Decision({"beyond": 2.0}, 0.0, 0.5)
ADDRESSED = 0.99  # the question names a place and the place exists


@dataclass(frozen=True, slots=True)
class Signals:
    """What tells whether the collection holds an answer.

    best_window: the highest cosine of any window. addressed: the question names a place in the text (第三条,
    〔2023〕12号) or a list (八个对标) that exists here. answer, margin: the highest logits of the first passages read: that
    one answers, and of a span in it over that of none; None where nothing was read.
    """

    best_window: float
    addressed: bool = False
    answer: float | None = None
    margin: float | None = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """What questions that have nothing to do with the collection score here, and where answering begins.

    near: the best window cosine that one foreign question in twenty exceeds; below it nothing here is near a question.
    spread: standard deviation of their cosines with all windows. decision: the weights of the signals, and the confidence
    below which the service refuses.
    """

    near: float
    spread: float
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


def weigh(ranking: Ranking, bounds: Bounds) -> Evidence:
    """Decide whether the ranking answers its query (promise 3)."""
    signals = signals_of(ranking)
    sure, near = confidence(signals, bounds), beyond(signals, bounds) >= 0
    # a reader knows answers, not what a collection is about: a foreign question must not pass it by chance
    known = near or signals.addressed or signals.answer is None
    answerable = bool(ranking.hits) and known and sure >= bounds.decision.cutoff
    return Evidence(ranking, signals, sure, answerable, near)


def signals_of(ranking: Ranking) -> Signals:
    """The signals of a ranking; reranking does not change them."""
    found = ranking.candidates
    decides = [read.finding for read in ranking.reads[: reading.DECIDES]]
    return Signals(
        float(found.scores[dense.WINDOW].max(initial=-1.0)),
        found.names > 0,
        max((finding.answer for finding in decides), default=None),
        max((finding.margin for finding in decides), default=None),
    )


def beyond(signals: Signals, bounds: Bounds) -> float:
    """How far the best window's cosine lies above what foreign questions reach, in spreads."""
    return (signals.best_window - bounds.near) / max(bounds.spread, 1e-6)


def confidence(signals: Signals, bounds: Bounds) -> float:
    """The probability that the collection answers the question, in (0, 1), by the logistic of `bounds.decision`."""
    if signals.addressed:
        return ADDRESSED
    found = {"beyond": beyond(signals, bounds), "answer": signals.answer or 0.0, "margin": signals.margin or 0.0}
    evidence = sum(weight * found[name] for name, weight in bounds.decision.weights.items()) + bounds.decision.bias
    return 1 / (1 + math.exp(-max(min(evidence, 500.0), -500.0)))
