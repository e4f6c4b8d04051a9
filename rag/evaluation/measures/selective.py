"""How well a confidence tells questions that have an answer from those that have none, wherever the cut-off may lie.

AUC is the probability that an answerable question has the higher confidence (Mann–Whitney; ties count half). Risk and
coverage are those of selective prediction (El-Yaniv & Wiener 2010, JMLR 11:1605–1641).
"""

from __future__ import annotations

from collections.abc import Sequence


def auc(answerable: Sequence[float], unanswerable: Sequence[float]) -> float | None:
    """The area under the ROC curve, in [0, 1]; .5 is a coin's. None when either side is empty."""
    if not answerable or not unanswerable:
        return None
    from scipy.stats import rankdata

    ranks = rankdata([*answerable, *unanswerable])
    count, others = len(answerable), len(unanswerable)
    return float((ranks[:count].sum() - count * (count + 1) / 2) / (count * others))


def answered_where(refused: float, answerable: Sequence[float], unanswerable: Sequence[float]) -> float | None:
    """The share of the unanswerable that is answered at the cut-off that refuses this share of the answerable.

    refused: in [0, 1); the cut-off is the confidence of an answerable question, and what reaches it is answered, so that
    not more than this share is refused. None when either side is empty.
    """
    if not answerable or not unanswerable:
        return None
    cutoff = sorted(answerable)[int(refused * len(answerable))]
    return sum(confidence >= cutoff for confidence in unanswerable) / len(unanswerable)


def risk_coverage(confidences: Sequence[float], right: Sequence[bool]) -> tuple[tuple[float, float], ...]:
    """(coverage, risk) at every cut-off from the strictest: share of questions answered, share of these that is wrong.

    right: whether answering the question would be right; false for whatever has no answer. Questions of one confidence
    are answered together.
    """
    ordered = sorted(zip(confidences, right, strict=True), key=lambda pair: -pair[0])
    curve: list[tuple[float, float]] = []
    wrong = 0
    for number, (confidence, good) in enumerate(ordered, 1):
        wrong += not good
        if number == len(ordered) or ordered[number][0] != confidence:
            curve.append((number / len(ordered), wrong / number))
    return tuple(curve)
