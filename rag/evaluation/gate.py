"""Whether a new index may be published, and how earlier evaluations went."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from rag.evaluation.comparison import Comparison, compared
from rag.evaluation.evaluate import Evaluation

MEASURES = ("hit@5", "Success@5")  # of a gold set, of a BEIR folder
ALLOWED = 0.02


@dataclass(frozen=True, slots=True)
class Verdict:
    """passed: the new run may be published. reason: one sentence. comparison: what it rests on, if anything."""

    passed: bool
    reason: str
    comparison: Comparison | None


@dataclass(frozen=True, slots=True)
class Entry:
    """An earlier evaluation: its folder, data set, index generation and main figures by name."""

    folder: str
    dataset: str
    generation: int
    documents: int
    figures: dict[str, float]


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


def history(folder: Path) -> tuple[Entry, ...]:
    """Evaluations kept in the subfolders of a folder, by index generation, then name; unreadable ones are skipped."""
    found = []
    for path in sorted(folder.glob("*/figures.json")):
        try:
            own = json.loads(path.read_text(encoding="utf-8"))
            spans, honest, index = own.get("spans", {}), own.get("refusal", {}), own["index"]
            values = {name: spans.get(name) for name in ("hit@1", "hit@5", "MRR", "full@5")}
            values |= {name: honest.get(name) for name in ("false_answer", "false_refusal", "ece")}
            values |= {"nDCG@10": own["documents"]["nDCG@10"]}
            kept = {name: float(value) for name, value in values.items() if value is not None}
            found.append(Entry(path.parent.name, own["dataset"], index["generation"], index["documents"], kept))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return tuple(sorted(found, key=lambda entry: (entry.generation, entry.folder)))
