"""Publish a changed index only when it answers no worse: change a copy, ask both the same, then swap in one transaction.

Questions asked meanwhile are answered from the present generation. Removing documents is not guarded: it holds at once.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rag.errors import EvaluationError, IndexMismatch
from rag.evaluation.desk import desk
from rag.evaluation.desk.gate import Verdict, gate
from rag.evaluation.desk.ordering import Bar
from rag.evaluation.measures.comparison import compared
from rag.evaluation.measures.evaluate import Evaluation, evaluate_gold
from rag.evaluation.measures.runner import ANSWERS, Progress
from rag.evaluation.reports.report import write_report
from rag.evaluation.reports.saved import read_report, read_test_set
from rag.evaluation.sets.library import library_of
from rag.evaluation.sets.records import Question, TestSet
from rag.ingest.pipeline import IngestReport
from rag.service import Service

REFUSED = "gate-refused"
STAGING = ".staging-"
DAY = 86_400  # seconds
LABELS = {True: "发布前把关：已发布", False: "发布前把关：没有发布"}
_one_at_a_time = threading.Lock()  # the second of two uploads begins with what the first has published


@dataclass(frozen=True, slots=True)
class ReleaseCheck:
    """The test set that a new index has to pass, and how far hit@5 may fall."""

    test_set: Path
    allowed: float


@contextmanager
def silently(label: str) -> Iterator[Progress]:
    """A bar that shows nothing."""
    yield lambda done, total: None


def guard_of(index: Path) -> ReleaseCheck | None:
    """The guard that an administrator set for an index, if any."""
    chosen = desk.read_gate(index)
    return ReleaseCheck(desk.set_path(index, chosen.test_set), chosen.allowed) if chosen else None


def publish(
    service: Service, change: Callable[[Service], IngestReport], guard: ReleaseCheck | None, bar: Bar = silently
) -> tuple[IngestReport, Verdict | None]:
    """Apply a change to the index, past the guard where there is one.

    change: takes documents into the service given to it. The verdict is None when there was nothing to judge by: no
    guard, no index before, nothing changed. Raises EvaluationError (code gate-refused) when the new index is too much
    worse, and what `change` raises; the index is then as before.
    """
    if guard is None or not service.catalog.sources():
        return change(service), None
    home = desk.home(service.settings.index)
    home.mkdir(parents=True, exist_ok=True)
    for left in home.glob(f"{STAGING}*"):  # by a process that was killed: two publications last no day
        if time.time() - left.stat().st_mtime > DAY:
            shutil.rmtree(left, ignore_errors=True)
    with _one_at_a_time, tempfile.TemporaryDirectory(dir=home, prefix=STAGING) as folder:
        return _published(service, change, guard, bar, Path(folder))


def _published(
    service: Service, change: Callable[[Service], IngestReport], guard: ReleaseCheck, bar: Bar, scratch: Path
) -> tuple[IngestReport, Verdict | None]:
    """Try the change in `scratch`, then take it over."""
    generation = service.catalog.generation
    service.catalog.copy_to(scratch / "catalog.sqlite3")
    fresh = Service(service.settings.model_copy(update={"index": scratch}), service.embedder)
    try:
        report = change(fresh)
        if fresh.catalog.generation == generation:
            return report, None
        verdict = _judged(service, fresh, guard, bar)
    finally:
        fresh.catalog.close()
    if not service.catalog.take_over(scratch / "catalog.sqlite3", generation):
        raise EvaluationError("把关期间索引又有了别的变动，这次没有发布，请重做一次。/ The index changed meanwhile.")
    service.current()  # what is derived is written now, not while the next question waits
    return report, verdict


def _judged(service: Service, fresh: Service, guard: ReleaseCheck, bar: Bar) -> Verdict:
    """The verdict on the changed index, kept as a run with its report. Raises EvaluationError when it does not pass."""
    index = service.settings.index
    folder = desk.new_run(index, guard.test_set.name, guarded=True)
    with ExitStack() as undo:
        undo.callback(shutil.rmtree, folder, ignore_errors=True)  # half a verdict is none
        before = _before(service, folder, guard, bar)
        after = _after(fresh, before, folder, guard, bar)
        verdict = gate(after, before, guard.allowed)
        write_report(after, compared(after, before), folder)
        last = desk.last_done(index, guard.test_set.name, before=folder.name)
        desk.finish(folder, LABELS[verdict.passed], verdict.passed, last, fresh)
        undo.pop_all()
    if not verdict.passed:
        raise EvaluationError(f"{verdict.reason}报告见评测页（{folder.name}）。", code=REFUSED)
    return verdict


def _before(service: Service, folder: Path, guard: ReleaseCheck, bar: Bar) -> Evaluation:
    """How the present index does; answers that an earlier run kept and that still hold are not asked again."""
    last = desk.last_done(service.settings.index, guard.test_set.name)
    store = folder / "before" / ANSWERS
    if last is not None:
        store.parent.mkdir(parents=True)
        shutil.copy(last / ANSWERS, store)
    try:
        test_set = read_test_set(guard.test_set, library_of(service))
        with bar("把关：现有索引 / before") as update:
            return evaluate_gold(service, test_set, store, progress=update)
    except IndexMismatch as error:  # another model or chunker: its last measure serves
        if last is None:
            raise EvaluationError(
                "现有索引是用别的配置建的，也没有用这套题评测过，没有可比的结果。请先在原配置下评测一次，或不把关。"
                " / Nothing to compare with."
            ) from error
        return read_report(last)
    finally:
        shutil.rmtree(store.parent, ignore_errors=True)


def _after(fresh: Service, before: Evaluation, folder: Path, guard: ReleaseCheck, bar: Bar) -> Evaluation:
    """How the changed index does; a question whose quote has gone from the documents counts as missed."""
    try:
        test_set = read_test_set(guard.test_set, library_of(fresh))
    except EvaluationError:  # it could be read before: not one of its quotes is left
        test_set = TestSet(before.name, (), before.problems, before.rows)
    kept = {question.question_id for question in test_set.questions}
    lost = tuple(_hopeless(own.question) for own in before.outcomes if own.question.question_id not in kept)
    whole = TestSet(test_set.name, (*test_set.questions, *lost), test_set.problems, test_set.rows)
    with bar("把关：新的索引 / after") as update:
        return evaluate_gold(fresh, whole, folder / ANSWERS, progress=update)


def _hopeless(question: Question) -> Question:
    """The question with its expected places gone."""
    return replace(question, evidence=tuple(replace(one, spans=()) for one in question.evidence), alternatives=())
