"""The evaluations of an index, kept in its folder: test sets, runs with their reports, and the gate's choice.

    <index>/evaluation/sets/<name>          an .xlsx, a .jsonl, or a folder in BEIR's layout
    <index>/evaluation/runs/<time>/         run.json, and the report folder that `yuanwen eval --report` writes
    <index>/evaluation/gate.json            which set guards publication

A run is asked, scored and reported by the same functions as on the command line.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from rag.errors import EvaluationError, NotFoundError, UsageError
from rag.evaluation.desk.ordering import Bar, Order, carry_out, corpus_texts, indexed_texts
from rag.evaluation.measures.comparison import compared
from rag.evaluation.measures.evaluate import Evaluation
from rag.evaluation.measures.runner import shaping, write_atomically
from rag.evaluation.reports.report import PAGE, page, write_report
from rag.evaluation.reports.saved import is_kept, questions_of, read_report
from rag.evaluation.sets.beir import has_corpus
from rag.service import Service

RUN = "run.json"
NAME_MAX = 200  # bytes; file systems stop at 255
_NAME = re.compile(r"[^\s/\\<>:\"|?*\x00-\x1f\x7f.][^/\\<>:\"|?*\x00-\x1f\x7f]*")


@dataclass(frozen=True, slots=True)
class RunNote:
    """What a run is of.

    at: UTC, ISO 8601. label: said in the history. previous: folder of the run that it was compared with. published:
    false for the trial of an index that was not published; other runs are not compared with it. settings: those that
    answers depend on. documents: a fingerprint of all documents that were searched.
    """

    test_set: str
    at: str
    label: str = ""
    previous: str = ""
    published: bool = True
    settings: Mapping[str, object] = field(default_factory=dict)
    documents: str = ""


@dataclass(frozen=True, slots=True)
class ReleaseGate:
    """The set that guards publication, and how far hit@5 may fall."""

    test_set: str
    allowed: float


def home(index: Path) -> Path:
    """Where an index's evaluations lie."""
    return index / "evaluation"


# -- test sets ---------------------------------------------------------------------------------------------------


def sets(index: Path) -> tuple[str, ...]:
    """The names of the test sets."""
    folder = home(index) / "sets"
    found = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    return tuple(name for name in found if not name.startswith("."))


def set_path(index: Path, name: str) -> Path:
    """A test set's file or folder. Raises NotFoundError."""
    if name not in sets(index):
        raise NotFoundError(f"没有题集“{name[:80]}”。/ No such test set.")
    return home(index) / "sets" / name


def new_set_path(index: Path, name: str) -> Path:
    """Where a test set of a name goes. Raises UsageError for a name that no file may have."""
    if not _NAME.fullmatch(name) or len(name.encode("utf-8", "replace")) > NAME_MAX:
        raise UsageError(f"题集的文件名“{name[:80]}”不能用，请换一个。/ Bad name.", code="file-name")
    folder = home(index) / "sets"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name


def remove_set(index: Path, name: str) -> None:
    """Forget a test set; its runs stay. Raises NotFoundError, UsageError while it guards publication."""
    set_path(index, name)
    gate = read_gate(index)
    if gate is not None and gate.test_set == name:
        raise UsageError(f"题集“{name}”正用来把关发布，请先取消把关。/ The gate uses it.", code="set-in-use")
    forget(index, name)


def forget(index: Path, name: str) -> None:
    """Remove what is kept under a test set's name, if anything: the set itself and the index of its corpus."""
    shutil.rmtree(home(index) / "indexes" / name, ignore_errors=True)
    path = home(index) / "sets" / name
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


# -- runs --------------------------------------------------------------------------------------------------------


def new_run(index: Path, test_set: str, guarded: bool = False) -> Path:
    """The folder of a new run. guarded: of an index that is not published yet, of a set that may lie elsewhere.

    Raises NotFoundError when there is no such set.
    """
    if not guarded:
        set_path(index, test_set)
    now = time.gmtime()
    stamp, at = time.strftime("%Y%m%d-%H%M%S", now), time.strftime("%Y-%m-%dT%H:%M:%SZ", now)
    folder = home(index) / "runs"
    number = next(n for n in range(1, 10_000) if not (folder / f"{stamp}-{n}").exists())
    path = folder / f"{stamp}-{number}"
    _write_note(path, RunNote(test_set, at, published=not guarded))
    return path


def run_path(index: Path, name: str) -> Path:
    """A run's folder. Raises NotFoundError."""
    folder = home(index) / "runs"
    if not folder.is_dir() or name not in {path.name for path in folder.iterdir()}:
        raise NotFoundError(f"没有评测“{name[:80]}”。/ No such run.")
    return folder / name


def note_of(folder: Path) -> RunNote:
    """What a run is of. Raises EvaluationError when that cannot be read."""
    try:
        return RunNote(**json.loads((folder / RUN).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise EvaluationError(f"{folder / RUN} 读不出来。/ That run cannot be read.") from error


def perform(service: Service, name: str, bar: Bar) -> Evaluation:
    """Ask, score and report a run; one that was interrupted goes on. bar: shows the work, and may raise to stop it.

    Where the same set was run before, the report compares with the last time. Raises YuanwenError.
    """
    index, folder = service.settings.index, run_path(service.settings.index, name)
    note = note_of(folder)
    path, previous = set_path(index, note.test_set), last_done(index, note.test_set, before=name)
    own_index = home(index) / "indexes" / note.test_set if has_corpus(path) else None
    done = carry_out(Order(path, report=folder, baseline=previous, index=own_index), bar, service)
    both = compared(done.ours, done.theirs) if done.theirs else None
    comparable = both is not None and bool(both.table)
    write_report(done.ours, both if comparable else None, folder, done.text_of)
    before = previous.name if previous and comparable else ""
    _write_note(
        folder, replace(note, previous=before, settings=shaping(service.settings), documents=_documents(service))
    )
    return done.ours


def finish(folder: Path, label: str, published: bool, previous: Path | None, fresh: Service) -> None:
    """Say how a guarded run ended. previous: the run that holds the figures it was compared with. fresh: what was asked."""
    before = previous.name if previous else ""
    note = replace(note_of(folder), label=label, published=published, previous=before)
    _write_note(folder, replace(note, settings=shaping(fresh.settings), documents=_documents(fresh)))


def _documents(service: Service) -> str:
    sources = sorted(service.catalog.sources().items())
    return hashlib.sha256(json.dumps(sources, ensure_ascii=False).encode()).hexdigest()[:16]


def is_done(folder: Path) -> bool:
    """Whether a run has its report."""
    return (folder / PAGE).is_file() and is_kept(folder)


def last_done(index: Path, test_set: str, before: str = "~") -> Path | None:
    """The latest finished run of a set over a published index, or the latest before a folder's name."""
    folder = home(index) / "runs"
    for path in sorted(folder.iterdir(), reverse=True) if folder.is_dir() else ():
        if path.name < before and is_done(path):
            note = note_of(path)
            if note.published and note.test_set == test_set:
                return path
    return None


def reported(index: Path) -> frozenset[str]:
    """The texts of all questions that a kept run has reported on. Raises EvaluationError when one cannot be read."""
    folder = home(index) / "runs"
    done = [path for path in folder.iterdir() if is_done(path)] if folder.is_dir() else []
    return frozenset().union(*map(questions_of, done))


def remove_run(index: Path, name: str) -> None:
    """Forget a run and its report. Raises NotFoundError."""
    shutil.rmtree(run_path(index, name))


def compared_page(service: Service, ours: str, baseline: str) -> str:
    """The report of one run against another. Raises NotFoundError, EvaluationError when they have nothing in common."""
    index = service.settings.index
    folder = run_path(index, ours)
    both = compared(read_report(folder), read_report(run_path(index, baseline)))
    if not both.table:
        raise EvaluationError("两次评测没有相同的、可打分的题，无法比较。/ Nothing in common to compare.")
    path = home(index) / "sets" / note_of(folder).test_set
    return page(both.ours, both, corpus_texts(path) if has_corpus(path) else indexed_texts(service))


def _write_note(folder: Path, note: RunNote) -> None:
    write_atomically(folder / RUN, json.dumps(asdict(note), ensure_ascii=False))


# -- the gate ----------------------------------------------------------------------------------------------------


def read_gate(index: Path) -> ReleaseGate | None:
    """The gate that guards an index, if one does. Raises EvaluationError when its file is damaged."""
    path = home(index) / "gate.json"
    if not path.is_file():
        return None
    try:
        return ReleaseGate(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise EvaluationError(f"{path} 已损坏，请在评测页重新设定把关。/ The gate's file is damaged.") from error


def write_gate(index: Path, gate: ReleaseGate | None) -> None:
    """Set the gate, or none. Raises NotFoundError, UsageError."""
    path = home(index) / "gate.json"
    if gate is None:
        path.unlink(missing_ok=True)
        return
    if set_path(index, gate.test_set).is_dir():
        raise UsageError(
            "把关要用在当前文档上提问的题集（Excel 或 .jsonl）。/ A set over these documents, please.", code="gate-set"
        )
    if not 0 <= gate.allowed <= 1:
        raise UsageError("容许下降应在 0 到 1 之间。/ Between 0 and 1, please.", code="gate-allowed")
    write_atomically(path, json.dumps(asdict(gate), ensure_ascii=False))
