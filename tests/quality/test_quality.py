"""A floor under ranking and refusal, with the real model: no figure may fall below `baseline.json` by more than its margin.

Asked are the seeds, a slice of gov-dev and parts of two public sets (`slices`). The same code gives the same answers on one
machine, so that a difference has two causes: a change of the code, or another processor's rounding, which turns a
few questions either way. Three tests tell them apart:

- Each figure of each set: its margin is Z standard errors of the mean paired difference where a share FLIPS of the
  questions turns by chance, as many for the better as for the worse: Z · sqrt(FLIPS / n), rounded up to whole questions.
- All answerable questions together, which see a small harm done everywhere: those ranked lower than in the baseline against
  those ranked higher, by the exact sign test (one-sided, LEVEL). Rounding has no direction, a fault has one.
- The cosines that the stages gave to each first excerpt, and the confidence: a fault may turn no question of so few
  and still move every score (the reranker's prompts exchanged: no figure of gov-dev, but .005 of the median). float32
  instead of bfloat16 moved 24 pairs by .0002 (cosine) and .0005 (reranker) in the median, .0018 at most: DRIFT is above. The
  confidence multiplies a cosine's change by up to 20 (2 / .027 spreads, times the logistic's slope): CONFIDENCE.

A change of the baseline is a commit of its own that says why (`python -m tests.quality.baseline "why"` writes it);
it is never part of the change that needs it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping

import pytest
from scipy.stats import binomtest

from tests.quality import slices
from tests.quality.baseline import measured, read_baseline
from tests.quality.measuring import SCORES, Result, figures

SETS = ("seeds", "gov", *slices.PUBLIC)
Z = 1.645  # one-sided 95 %
FLIPS = 0.03
LEVEL = 0.01
DRIFT = 0.002
CONFIDENCE = 0.01

pytestmark = [pytest.mark.model, pytest.mark.timeout(900)]
Results = Mapping[str, Mapping[str, Result]]


def margin(name: str, results: Mapping[str, Result]) -> float:
    """How far a figure may fall, in questions' worth (see the module)."""
    kinds = {"near refused": "near", "off refused": "off", "AUC near": "near"}
    count = sum(own.kind == kinds.get(name, "answerable") for own in results.values())
    if name == "AUC near":  # no share of questions
        return Z * math.sqrt(FLIPS / count)
    return math.ceil(Z * math.sqrt(FLIPS / count) * count) / count


@pytest.fixture(scope="module")
def now(tmp_path_factory) -> Results:
    """All sets, asked with the code as it is."""
    if not slices.SHARED.is_dir():
        pytest.fail(
            f"the quality test asks questions of {slices.SHARED}, which is not there: put it beside the project"
        )
    return measured(tmp_path_factory.mktemp("quality"))


@pytest.fixture(scope="module")
def before() -> Results:
    """What the baseline keeps."""
    return read_baseline()


@pytest.mark.parametrize("name", SETS)
def test_no_figure_falls_below_the_baseline(name, now, before):
    assert now[name].keys() == before[name].keys(), "other questions than those of the baseline"
    mine, kept = figures(now[name]), figures(before[name])
    assert mine.keys() == kept.keys()
    low = {
        figure: f"{mine[figure]:.3f}, baseline {kept[figure]:.3f}, margin {margin(figure, before[name]):.3f}"
        for figure in mine
        if mine[figure] < kept[figure] - margin(figure, before[name]) - 1e-9
    }
    assert not low, f"{name}: {low}"


def test_not_more_questions_are_ranked_lower_than_higher(now, before):
    pairs = [
        (now[name][question].ndcg, old.ndcg)
        for name, rows in before.items()
        for question, old in rows.items()
        if old.kind == "answerable"
    ]
    worse, better = sum(new < old - 1e-6 for new, old in pairs), sum(new > old + 1e-6 for new, old in pairs)
    if worse > better:
        p = binomtest(worse, worse + better, 0.5, alternative="greater").pvalue
        assert p >= LEVEL, f"{worse} questions ranked lower and {better} higher than in the baseline, p = {p:.4f}"


@pytest.mark.parametrize("name", ("seeds", "gov"))
def test_every_stage_gives_the_scores_that_it_gave(name, now, before):
    pairs = [(now[name][question], old) for question, old in before[name].items()]
    both = [(new.scores, old.scores) for new, old in pairs if new.scores and old.scores]
    assert len(both) > len(pairs) / 2, "most questions are refused"
    moved = {stage: statistics.median(abs(new[stage] - old[stage]) for new, old in both) for stage in SCORES}
    sure = statistics.mean(abs(new.confidence - old.confidence) for new, old in pairs)
    assert max(moved.values()) <= DRIFT, f"{name}: cosines moved by {moved}"
    assert sure <= CONFIDENCE, f"{name}: confidences moved by {sure:.4f}"
