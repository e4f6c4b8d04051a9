"""Whether a new index may be published: it may not when hit@5 falls by more than a set amount."""

from __future__ import annotations

from dataclasses import dataclass

from rag.evaluation.measures.comparison import Comparison, compared
from rag.evaluation.measures.evaluate import Evaluation

MEASURES = ("hit@5", "Success@5")  # of a gold set, of a BEIR folder
ALLOWED = 0.02


@dataclass(frozen=True, slots=True)
class Verdict:
    """passed: the new run may be published. reason: one sentence. comparison: what it rests on, if anything."""

    passed: bool
    reason: str
    comparison: Comparison | None


def gate(ours: Evaluation, baseline: Evaluation, allowed: float = ALLOWED) -> Verdict:
    """Refuse publication when hit@5 falls by more than `allowed` on the questions that both runs answered."""
    table = {own.measure: own for own in compared(ours, baseline).table}
    name = next((name for name in MEASURES if name in table), "")
    found = table.get(name)
    if found is None or not found.questions:
        return Verdict(False, "两次评测没有相同的可打分的题，无法判断，不予发布。/ Nothing to compare.", found)
    change = f"{name} 由 {found.baseline:.3f} 变为 {found.ours:.3f}（{found.questions} 题，容许下降 {allowed:.3f}）"
    if found.difference < -allowed - 1e-9:
        return Verdict(False, f"{change}，降得太多，不予发布。/ Too much worse to publish.", found)
    return Verdict(True, f"{change}，可以发布。/ May be published.", found)
