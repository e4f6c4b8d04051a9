"""Measures of refusal and confidence, and of waiting time.

ECE is the expected calibration error of Naeini et al. 2015 / Guo et al. 2017 (arXiv:1706.04599): over ten equal bins of
confidence, the mean gap between confidence and the share of questions that the documents do answer, weighted by size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.evaluation.sets.records import KINDS, Outcome

BINS = 10
PERCENTILES = (50, 90, 95, 99)


@dataclass(frozen=True, slots=True)
class Bin:
    """Questions with confidence in [low, high): how many, their mean confidence, the share that is answerable."""

    low: float
    high: float
    count: int
    confidence: float
    answerable: float


@dataclass(frozen=True, slots=True)
class HonestyFigures:
    """Over the questions that say whether they are answerable; None where there is nothing to divide by.

    precision: share of the refusals that were right. recall: share of the unanswerable that was refused.
    false_refusal: share of the answerable that was refused. false_answer: share of the unanswerable that was answered,
    by kind and in all. counts: unanswerable questions by kind. ece: see the module.
    """

    answerable: int
    unanswerable: int
    precision: float | None
    recall: float | None
    false_refusal: float | None
    false_answer: float | None
    false_answer_by_kind: Mapping[str, float]
    counts: Mapping[str, int]
    ece: float | None
    bins: tuple[Bin, ...]


def honesty_figures(outcomes: Sequence[Outcome]) -> HonestyFigures:
    """Score refusals and confidence."""
    scored = [outcome for outcome in outcomes if outcome.question.answerable is not None]
    good = [outcome for outcome in scored if outcome.question.answerable]
    bad = [outcome for outcome in scored if not outcome.question.answerable]
    refused = [outcome for outcome in scored if not outcome.response.excerpts]
    groups = {kind: [outcome for outcome in bad if outcome.question.kind == kind] for kind in KINDS}
    bins = reliability(
        [outcome.response.confidence for outcome in scored], [bool(outcome.question.answerable) for outcome in scored]
    )
    gap = sum(found.count * abs(found.confidence - found.answerable) for found in bins)
    return HonestyFigures(
        len(good),
        len(bad),
        _share([not outcome.question.answerable for outcome in refused]),
        _share([not outcome.response.excerpts for outcome in bad]),
        _share([not outcome.response.excerpts for outcome in good]),
        _share([bool(outcome.response.excerpts) for outcome in bad]),
        {kind: _share([bool(o.response.excerpts) for o in group]) or 0.0 for kind, group in groups.items() if group},
        {kind: len(group) for kind, group in groups.items() if group},
        gap / len(scored) if scored else None,
        bins,
    )


def reliability(confidences: Sequence[float], truths: Sequence[bool]) -> tuple[Bin, ...]:
    """Ten equal bins over [0, 1]; the last one holds 1. Empty bins are kept with count 0."""
    groups: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for confidence, truth in zip(confidences, truths, strict=True):
        groups[min(BINS - 1, max(0, int(confidence * BINS)))].append((confidence, truth))
    return tuple(
        Bin(
            at / BINS, (at + 1) / BINS, len(group),
            sum(confidence for confidence, _ in group) / max(1, len(group)),
            sum(truth for _, truth in group) / max(1, len(group)),
        )
        for at, group in enumerate(groups)
    )  # fmt: skip


def percentiles(milliseconds: Sequence[float]) -> dict[str, float]:
    """Waiting time at the 50th, 90th, 95th and 99th of a hundred (linear between ranks), mean and maximum, in ms."""
    import numpy as np

    if not milliseconds:
        return {}
    values = np.asarray(milliseconds, float)
    found = {f"p{at}": float(np.percentile(values, at)) for at in PERCENTILES}
    return found | {"mean": float(values.mean()), "max": float(values.max())}


def _share(flags: Sequence[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None
