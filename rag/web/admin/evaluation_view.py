"""What the evaluation pages show: what is running, test sets, history, the gate, and questions to accept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from rag.evaluation.desk import desk
from rag.evaluation.desk.drafting import Draft
from rag.evaluation.desk.gate import ALLOWED
from rag.evaluation.desk.history import BETTER, EVEN, WORSE, Entry, history
from rag.evaluation.measures.comparison import Comparison
from rag.evaluation.sets.beir import has_corpus
from rag.web.admin.admin import administers
from rag.web.admin.jobs import Jobs
from rag.web.front.language import Language, message, say
from rag.web.front.rendering import render
from rag.web.front.visible import Visible

FILES = (
    ("questions.xlsx", "Excel"), ("questions.csv", "CSV"), ("figures.json", "JSON"), ("run.trec", "TREC"),
)  # fmt: skip
OWN_SET = "核对过的题.jsonl"  # a file's name
_SHOWN = {
    "hit@1": "hit@1", "hit@5": "hit@5", "MRR": "MRR", "false_refusal": message("误拒"), "false_answer": message("误答"),
    "nDCG@10": "nDCG@10",
}  # fmt: skip
_VERDICTS = {
    BETTER: (message("变好"), "yw-better"), WORSE: (message("变差"), "yw-worse"), EVEN: (message("没有可靠的差别"), "yw-even"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SetShown:
    """A test set of the list."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class ChangeShown:
    """How a run compares with the one before. differs: what had changed meanwhile, or ""."""

    verdict: str
    style: str
    figures: str
    differs: str


@dataclass(frozen=True, slots=True)
class RunShown:
    """A run of the history. why: it ended without a report, if that is known."""

    folder: str
    test_set: str
    at: str
    when: str
    label: str
    done: bool
    running: bool
    why: str
    generation: int
    documents: int
    figures: list[tuple[str, str]]
    bad_rows: int
    change: ChangeShown | None


@dataclass(frozen=True, slots=True)
class Choice:
    """A run that can be compared."""

    folder: str
    name: str


def evaluation_page(mine: Visible, jobs: Jobs) -> Markup:
    """The evaluation page."""
    index, language = mine.service.settings.index, mine.language
    names, runs, gate = desk.sets(index), history(index), desk.read_gate(index)
    done = [_choice(own, language) for own in runs if own.done]
    return render(
        "evaluation/overview.html", language, base="", administrator=administers(mine), files=FILES,
        progress=progress_view(jobs, language), sets=[_set(index, name, language) for name in names], set_names=names,
        runs=[_run(own, jobs, language) for own in runs], choices=done if len(done) > 1 else [],
        gate_sets=[name for name in names if desk.set_path(index, name).is_file()],
        gate_set=gate.test_set if gate else "", points=f"{100 * (gate.allowed if gate else ALLOWED):g}",
    )  # fmt: skip


def progress_view(jobs: Jobs, language: Language) -> Markup:
    """What is under way, as a fragment; empty when nothing is."""
    state = jobs.state()
    return (
        render("evaluation/progress.html", language, state=state, step=say(language, state.step))
        if state.run
        else render("evaluation/idle.html", language)
    )


def questions_page(mine: Visible, drafts: Sequence[Draft], after: int) -> Markup:
    """The page on which drafted questions are accepted or corrected. after: where the next begin, or 0."""
    own = [name for name in desk.sets(mine.service.settings.index) if name.endswith(".jsonl")]
    return render(
        "evaluation/questions.html", mine.language, base="", administrator=administers(mine), drafts=drafts,
        sets=list(dict.fromkeys([OWN_SET, *own])), after=after,
    )  # fmt: skip


def _set(index: Path, name: str, language: Language) -> SetShown:
    path = desk.set_path(index, name)
    if path.is_dir():
        return SetShown(
            name, say(language, message("BEIR（自带语料）") if has_corpus(path) else message("TREC 题目与判定"))
        )
    return SetShown(name, "Excel" if path.suffix.lower() == ".xlsx" else say(language, "题库"))


def _run(own: Entry, jobs: Jobs, language: Language) -> RunShown:
    return RunShown(
        own.folder, own.note.test_set, own.note.at, _when(own), own.note.label, own.done, jobs.state().run == own.folder,
        jobs.failure(own.folder), own.generation, own.documents, _figures(own, language), own.bad_rows,
        _change(own, own.change, language) if own.change else None,
    )  # fmt: skip


def _when(own: Entry) -> str:
    return own.note.at[:16].replace("T", " ")


def _figures(own: Entry, language: Language) -> list[tuple[str, str]]:
    shown = [(say(language, "题"), str(own.questions))]
    for key, name in _SHOWN.items():
        if key in own.figures:
            value = own.figures[key]
            shares = key.startswith(("hit", "false"))
            shown.append((say(language, name), f"{value:.1%}" if shares else f"{value:.3f}"))
    return shown


def _change(own: Entry, change: Comparison, language: Language) -> ChangeShown:
    verdict, style = _VERDICTS[own.verdict]
    figures = say(
        language, "{measure} {difference}，共同的 {n} 题 {wins} 胜 {ties} 平 {losses} 负，p = {p}。", measure=change.measure,
        difference=f"{change.difference:+.3f}", n=change.questions, wins=change.wins, ties=change.ties,
        losses=change.losses, p=f"{change.p:.3f}",
    )  # fmt: skip
    return ChangeShown(say(language, verdict), style, figures, "；".join(own.differs))


def _choice(own: Entry, language: Language) -> Choice:
    name = say(
        language, "{when} {test_set}（第 {generation} 代）", when=_when(own), test_set=own.note.test_set,
        generation=own.generation,
    )  # fmt: skip
    return Choice(own.folder, name)
