"""Confidence as a separator of answerable from unanswerable: against scikit-learn, and cases counted by hand."""

from __future__ import annotations

import random

import pytest
from sklearn.metrics import roc_auc_score

from rag.evaluation.measures.selective import answered_where, auc, risk_coverage


@pytest.mark.parametrize("seed", range(5))
def test_auc_is_that_of_scikit_learn_with_many_ties(seed):
    chance = random.Random(seed)
    good = [round(chance.random() + 0.2, 1) for _ in range(60)]
    bad = [round(chance.random(), 1) for _ in range(40)]
    assert auc(good, bad) == pytest.approx(roc_auc_score([1] * 60 + [0] * 40, good + bad), abs=1e-12)
    assert auc([], bad) is None and auc(good, []) is None


def test_answered_where_some_of_the_answerable_are_refused():
    good = [at / 100 for at in range(100)]  # 0.00 … 0.99
    assert answered_where(0.05, good, [0.04, 0.05, 0.5, 0.01]) == 0.5  # the cut-off is .05: five lie below it
    assert answered_where(0.0, good, [0.0, -1.0]) == 0.5
    assert answered_where(0.1, [0.3] * 10, [0.3, 0.2]) == 0.5  # all alike: none of the answerable can be refused
    assert answered_where(0.1, [], [0.3]) is None


def test_risk_and_coverage_by_hand():
    curve = risk_coverage([0.9, 0.8, 0.8, 0.1], [True, False, True, False])
    assert curve == ((0.25, 0.0), (0.75, pytest.approx(1 / 3)), (1.0, 0.5))
    assert risk_coverage([], []) == ()
