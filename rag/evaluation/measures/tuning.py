"""A small, honest search over the settings: chosen by cross-validation, so that the figure is not of its own making.

Questions are dealt into folds by a hash of their text. For each fold the best configuration is chosen on the other
folds and scored on that one; the mean is what a new question may expect (Stone 1974). Configurations are compared by
MRR of the passages, refusal aside. Never tune on the set whose figures are reported.
"""

from __future__ import annotations

import copy
import hashlib
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rag.config import Settings
from rag.errors import EvaluationError
from rag.evaluation.measures.comparison import Comparison, compare
from rag.evaluation.measures.indexing import cache_folder
from rag.evaluation.measures.runner import write_atomically
from rag.evaluation.measures.spans import reciprocal, score
from rag.evaluation.sets.records import Problem, Question, Response, Shown, TestSet
from rag.models.embedding import Embedder
from rag.service import Service

WEIGHTS = (0.0, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 1.0)
FOLDS = 5
DEPTH = 10
ENOUGH = 30  # questions; with fewer the choice is mostly luck
TOML = "yuanwen.toml"

Values = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Row:
    """A configuration and its means over all questions."""

    values: Values
    mrr: float
    hit1: float
    hit5: float
    current: bool


@dataclass(frozen=True, slots=True)
class Tuning:
    """rows: every configuration, best first. best: of all questions. validated: chosen on other folds, against the
    current settings on the same questions; only its figures may be quoted.
    """

    questions: int
    rows: tuple[Row, ...]
    best: Row
    validated: Comparison

    @property
    def worthwhile(self) -> bool:
        """Whether the choice beats the current settings on questions that it was not chosen on, beyond chance."""
        return not self.best.current and self.validated.difference > 0 and self.validated.p < 0.05


def remembering(embedder: Embedder) -> Embedder:
    """The same embedder, sharing its model, that encodes each question once however many configurations ask it."""
    known: dict[str, np.ndarray] = {}

    def encode_queries(texts: Sequence[str]) -> np.ndarray:
        for text in texts:  # one by one, as they are served: a batch may differ in the last digit
            if text not in known:
                known[text] = embedder.encode_queries([text])[0]
        return np.stack([known[text] for text in texts])

    twin = copy.copy(embedder)  # of its own kind still, so that a reranker of its model fits it
    twin.encode_queries = encode_queries  # type: ignore[method-assign]  # on this one copy, not on the class
    return twin


def unreported(test_set: TestSet, reported: frozenset[str]) -> TestSet:
    """The questions that no evaluation has reported on; the others are named, for a choice must not be judged by itself."""
    kept = tuple(question for question in test_set.questions if question.text not in reported)
    said = [
        Problem(test_set.name, question.row, "", "这道题已在评测页的报告里用过，不用来调参")
        for question in test_set.questions
        if question.text in reported
    ]
    return replace(test_set, questions=kept).noting(said)


def tune(
    service: Service,
    test_set: TestSet,
    grid: Mapping[str, Sequence[float]],
    folds: int = FOLDS,
    progress: Callable[[int, int], None] | None = None,
) -> Tuning:
    """Score every combination of the grid. grid: values by setting name; the present values are always among them.

    Raises EvaluationError when fewer questions than folds have quotes.
    """
    questions = [question for question in test_set.questions if any(entry.quote for entry in question.evidence)]
    if len(questions) < max(2, folds):
        raise EvaluationError(f"能用来调参的题只有 {len(questions)} 道，至少要 {max(2, folds)} 道。/ Too few.")
    present = {name: getattr(service.settings, name) for name in grid}
    service = Service(service.settings, remembering(service.embedder))
    combinations = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    if present not in combinations:
        combinations.insert(0, present)
    scores: list[dict[str, tuple[float, float, float]]] = []
    for at, values in enumerate(combinations, 1):
        scores.append(_scored(configured(service, values), questions))
        if progress is not None:
            progress(at, len(combinations))
    rows = [_row(values, own, values == present) for values, own in zip(combinations, scores, strict=True)]
    now = combinations.index(present)
    chosen = _cross_validated([{q: own[0] for q, own in scored.items()} for scored in scores], now, folds)
    validated = compare("MRR", chosen, {question: own[0] for question, own in scores[now].items()})
    best = max(rows, key=lambda row: (row.mrr, row.current))
    ordered = tuple(sorted(rows, key=lambda row: (-row.mrr, not row.current)))
    return Tuning(len(questions), ordered, best, validated)


def configured(service: Service, values: Values) -> Service:
    """The same documents under other settings; a passage size of its own gets an index of its own."""
    changed = {name: value for name, value in values.items() if getattr(service.settings, name) != value}
    if not changed:
        return service
    settings = service.settings.model_copy(update=changed)
    if "passage_size" not in changed:
        return Service(settings, service.embedder)
    name = hashlib.sha256(str(service.settings.index.resolve()).encode()).hexdigest()[:8]
    folder = cache_folder(service.settings) / f"size-{int(changed['passage_size'])}-{name}"
    other = Service(settings.model_copy(update={"index": folder}), service.embedder)
    other.ingest_documents((record.document for record in service.documents()), mirror=True)
    return other


def _scored(service: Service, questions: Sequence[Question]) -> dict[str, tuple[float, float, float]]:
    """(1/rank, hit@1, hit@5) by question."""
    found = {}
    for question in questions:
        hits = service.search_passages(question.text, DEPTH)
        excerpts = tuple(Shown(hit.passage.doc_id, hit.passage.start, hit.passage.end) for hit in hits)
        outcome = score(question, Response(question.question_id, bool(excerpts), 1.0, excerpts))
        rank = outcome.rank or DEPTH + 1
        found[question.question_id] = (reciprocal(outcome), float(rank <= 1), float(rank <= 5))
    return found


def _cross_validated(scores: Sequence[Mapping[str, float]], present: int, folds: int) -> dict[str, float]:
    """Each question's score under the configuration that is best on the other folds; ties stay with the present one."""
    fold_of = {question: int(hashlib.sha256(question.encode()).hexdigest(), 16) % folds for question in scores[0]}
    found: dict[str, float] = {}
    for fold in range(folds):
        others = [question for question in fold_of if fold_of[question] != fold]
        sums = [sum(own[question] for question in others) for own in scores]
        best = max(range(len(scores)), key=lambda at: (round(sums[at], 9), at == present, -at))
        found |= {question: scores[best][question] for question in fold_of if fold_of[question] == fold}
    return {question: found[question] for question in scores[0]}


def _row(values: Values, scored: Mapping[str, tuple[float, float, float]], current: bool) -> Row:
    mrr, hit1, hit5 = (sum(own[at] for own in scored.values()) / len(scored) for at in range(3))
    return Row(values, mrr, hit1, hit5, current)


def apply(values: Values, path: Path = Path(TOML)) -> None:
    """Write settings into `yuanwen.toml`, leaving its other lines as they are.

    Raises EvaluationError when the file cannot be written or would not be valid.
    """
    import tomllib

    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for name, value in values.items():
        if name not in Settings.model_fields:
            raise EvaluationError(f"没有设置项 {name}。/ No such setting.")
        line = f"{name} = {value}"
        at = next((at for at, own in enumerate(lines) if re.match(rf"\s*{name}\s*=", own)), None)
        if at is None:
            lines.insert(0, line)  # before any [table]
        else:
            lines[at] = line
    text = "\n".join(lines) + "\n"
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise EvaluationError(f"{path} 原本就读不懂，没有改动：{error}。/ Not valid TOML.") from error
    write_atomically(path, text)
