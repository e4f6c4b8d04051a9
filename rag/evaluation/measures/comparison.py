"""Compare two runs question by question: win/tie/loss, a paired randomisation test, bootstrap intervals.

The test flips the sign of each question's difference at random (Fisher's paired randomisation test; Smucker, Allan &
Carterette 2007, doi:10.1145/1321440.1321528); the interval is the percentile bootstrap of the mean difference (Efron).
Both with scipy, from a fixed seed, so that the same runs give the same figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.evaluation.measures.evaluate import Evaluation, per_question

RESAMPLES = 9999
NUMBERS = 4_000_000  # held in memory at once while resampling: 32 MB
CONFIDENCE = 0.95
SEED = 20240229
CHANGED = 20  # questions listed


@dataclass(frozen=True, slots=True)
class Comparison:
    """A measure on the questions that both runs answered; differences are ours minus the baseline's.

    p: two-sided probability of so large a mean difference by chance. low, high: 95 % interval of it.
    """

    measure: str
    questions: int
    ours: float
    baseline: float
    wins: int
    ties: int
    losses: int
    p: float
    low: float
    high: float

    @property
    def difference(self) -> float:
        """Of the means, ours minus the baseline's."""
        return self.ours - self.baseline


@dataclass(frozen=True, slots=True)
class Change:
    """A question on which the two runs differ."""

    question_id: str
    ours: float
    baseline: float


@dataclass(frozen=True, slots=True)
class Compared:
    """Two scored runs of one test set. measure: the one by which `changes` are ordered."""

    ours: Evaluation
    baseline: Evaluation
    table: tuple[Comparison, ...]
    measure: str
    changes: tuple[Change, ...]


PRIMARY = ("MRR", "nDCG@10")  # finer than a hit, so that a change of rank shows


def compared(ours: Evaluation, baseline: Evaluation) -> Compared:
    """Compare two runs on every measure that both have, over the questions that both asked in the same words."""
    same = {question for question, text in ours.texts.items() if baseline.texts.get(question) == text}
    mine, theirs = ({name: _only(own, same) for name, own in per_question(run).items()} for run in (ours, baseline))
    measure = next((name for name in PRIMARY if name in mine and name in theirs), "")
    changes = changed(mine[measure], theirs[measure]) if measure else ()
    return Compared(ours, baseline, compare_all(mine, theirs), measure, changes)


def _only(values: Mapping[str, float], wanted: set[str]) -> dict[str, float]:
    return {question: value for question, value in values.items() if question in wanted}


def compare(measure: str, ours: Mapping[str, float], baseline: Mapping[str, float]) -> Comparison:
    """Compare one measure, question by question; questions that only one run has are left out."""
    common = [question for question in ours if question in baseline]
    differences = [ours[question] - baseline[question] for question in common]
    p, low, high = _tested(differences)
    count = max(1, len(common))
    return Comparison(
        measure, len(common),
        sum(ours[question] for question in common) / count,
        sum(baseline[question] for question in common) / count,
        sum(difference > 0 for difference in differences),
        sum(difference == 0 for difference in differences),
        sum(difference < 0 for difference in differences),
        p, low, high,
    )  # fmt: skip


def compare_all(
    ours: Mapping[str, Mapping[str, float]], baseline: Mapping[str, Mapping[str, float]]
) -> tuple[Comparison, ...]:
    """Every measure that both runs have."""
    return tuple(compare(name, ours[name], baseline[name]) for name in ours if ours[name] and baseline.get(name))


def changed(ours: Mapping[str, float], baseline: Mapping[str, float], count: int = CHANGED) -> tuple[Change, ...]:
    """The questions that changed most, losses first among equals."""
    found = [Change(question, ours[question], baseline[question]) for question in ours if question in baseline]
    found = [change for change in found if change.ours != change.baseline]
    return tuple(sorted(found, key=lambda change: (-abs(change.ours - change.baseline), change.ours))[:count])


def _tested(differences: Sequence[float]) -> tuple[float, float, float]:
    """(p, low, high); a run against itself gives (1, 0, 0)."""
    import numpy as np
    from scipy import stats

    values = np.asarray(differences, float)
    if len(values) < 2 or not values.any():
        mean = float(values.mean()) if len(values) else 0.0
        return 1.0, mean, mean
    batch = max(1, NUMBERS // len(values))
    test = stats.permutation_test(
        (values,), _mean, permutation_type="samples", n_resamples=RESAMPLES, batch=batch, vectorized=True,
        rng=np.random.default_rng(SEED),
    )  # fmt: skip
    if np.ptp(values) == 0:
        return float(test.pvalue), float(values[0]), float(values[0])
    interval = stats.bootstrap(
        (values,), _mean, n_resamples=RESAMPLES, batch=batch, method="percentile", confidence_level=CONFIDENCE,
        vectorized=True, rng=np.random.default_rng(SEED),
    ).confidence_interval  # fmt: skip
    return float(test.pvalue), float(interval.low), float(interval.high)


def _mean(values, axis: int = -1):
    """The mean along an axis, as scipy's resampling calls it."""
    return values.mean(axis=axis)
