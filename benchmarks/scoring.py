"""A test set asked at each stage of the search, and as it is served: what `scoreboard` puts into its tables.

A stage is the search with some of it turned off, by settings alone, so that a new stage is one line in STAGES. Nothing is
refused at a stage; its confidence in a question is the highest score that it gave to any passage. `SERVED` is
the answer as people get it: a refusal is a miss.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from rag.config import Settings
from rag.evaluation.measures.evaluate import limited
from rag.evaluation.measures.indexing import collection_service
from rag.evaluation.measures.ranking import measure, strictly_falling
from rag.evaluation.measures.runner import (
    StoredLine,
    Task,
    ask_lines,
    passage_lines,
    responses,
    run_of,
    search_lines,
)  # fmt: skip
from rag.evaluation.measures.selective import answered_where, auc
from rag.evaluation.measures.spans import hits
from rag.evaluation.measures.tuning import remembering
from rag.evaluation.sets.beir import read_collection
from rag.evaluation.sets.library import library_of
from rag.evaluation.sets.records import HARD, NEAR, OFF, Evidence, Qrels, Question, Run, Shown
from rag.evaluation.sets.testset import read_gold
from rag.models.embedding import Embedder
from rag.service import Service

DEPTH = 100  # passages or documents a question
REFUSED = (0.02, 0.05, 0.10)  # shares of the answerable at which false answers are given
SERVED = "as served"
Bar = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of the search. settings: that leave out what comes after it. score: its name among a hit's stage scores."""

    name: str
    settings: Mapping[str, object]
    score: str


SEARCHED = {"rerank_candidates": 0, "reader_candidates": 0}
STAGES = (
    Stage("BM25", SEARCHED | {"lexical_weight": 1.0}, "lexical"),
    Stage("dense", SEARCHED | {"lexical_weight": 0.0}, "dense"),
    Stage("fused", SEARCHED, "fused"),
    Stage("reranked", {"reader_candidates": 0}, ""),
    Stage("read", {}, "reader"),
)


@dataclass(frozen=True, slots=True)
class Scores:
    """One stage on one set, by question id.

    measures: hit@1, hit@5 and nDCG@10 of the answerable questions (a measure that the stage has not is left out).
    confidence: of every question. answered: whether it was, for SERVED alone.
    """

    stage: str
    measures: Mapping[str, Mapping[str, float]]
    confidence: Mapping[str, float] = field(default_factory=dict)
    answered: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SetScores:
    """All stages on one set. kinds: of the unanswerable questions, by id; the other questions are answerable."""

    name: str
    documents: int
    passages: int
    questions: tuple[str, ...]
    kinds: Mapping[str, str]
    stages: tuple[Scores, ...]


def quoted_set(
    name: str, corpus: Path, questions: Path, cache: Path, bar: Bar, embedder: Embedder | None = None
) -> SetScores:
    """A set with quotes over a folder of files. Relevant passages are those that cover 60 % of an expected quote.

    embedder: instead of the model the settings name.
    """
    service = Service(Settings(index=cache / name / "index"), embedder)
    with bar(f"{name}: 编码 / encoding") as update:
        service.ingest([corpus], mirror=True, progress=update)
    test_set = read_gold(questions, library_of(service))
    if test_set.problems:
        raise ValueError(f"{questions}: {test_set.problems[0]}")
    asked = test_set.questions
    answerable = [question for question in asked if question.answerable]
    tasks = [Task(question.question_id, question.text) for question in asked]
    current = service.current()
    places = [Shown(passage.doc_id, passage.start, passage.end) for passage in current.passages]
    qrels = {question.question_id: _relevant(question, places) for question in answerable}
    encoder = remembering(service.embedder)  # a question is encoded once for all stages
    found = []
    for stage in STAGES:
        own = Service(service.settings.model_copy(update=dict(stage.settings)), encoder, service.reader)
        with bar(f"{name}: {stage.name}") as update:
            lines, _ = passage_lines(own, tasks, cache / name / f"{stage.name}.jsonl", DEPTH, update)
        by_id = {str(line["id"]): line for line in lines}
        run = {question.question_id: _ranked(by_id[question.question_id]) for question in answerable}
        shown = {question: [_shown(key) for key in own_run] for question, own_run in run.items()}
        ndcg = measure(qrels, run).by_query
        confidence = {question: _confidence(line, stage) for question, line in by_id.items()}
        found.append(Scores(stage.name, _hits(answerable, shown) | {"nDCG@10": _of(ndcg, "nDCG@10")}, confidence))
    with bar(f"{name}: {SERVED}") as update:
        lines, _ = ask_lines(service, tasks, cache / name / "served.jsonl", progress=update)
    answers = responses(lines)
    shown = {question: list(answer.excerpts) for question, answer in answers.items()}
    sure = {question: answer.confidence for question, answer in answers.items()}
    answered = {question: bool(answer.excerpts) for question, answer in answers.items()}
    found.append(Scores(SERVED, _hits(answerable, shown), sure, answered))
    kinds = {question.question_id: question.kind for question in asked if question.answerable is False}
    ids = tuple(question.question_id for question in asked)
    return SetScores(name, len(current.titles), len(current.passages), ids, kinds, tuple(found))


def judged_set(folder: Path, queries: int, cache: Path, bar: Bar, embedder: Embedder | None = None) -> SetScores:
    """A BEIR folder: documents are ranked, every query is answerable. queries: the first so many of them, 0 for all."""
    name = folder.name
    with bar(f"{name}: 编码 / encoding") as update:
        index = cache / name / "index"
        service = collection_service(Settings(index=index), folder, index, embedder, update)
    collection = limited(read_collection(folder), queries or None)
    qrels = collection.qrels
    tasks = [Task(query, collection.queries[query]) for query in qrels]
    encoder = remembering(service.embedder)  # a question is encoded once for all stages
    found = []
    for stage in STAGES:
        own = Service(service.settings.model_copy(update=dict(stage.settings)), encoder, service.reader)
        with bar(f"{name}: {stage.name}") as update:
            lines, _ = search_lines(own, tasks, cache / name / f"{stage.name}.jsonl", DEPTH, update)
        found.append(Scores(stage.name, _by_measure(qrels, run_of(lines))))
    with bar(f"{name}: {SERVED}") as update:
        answers = responses(ask_lines(service, tasks, cache / name / "served.jsonl", progress=update)[0])
    run = {
        query: strictly_falling([(doc_id, 0.0) for doc_id in dict.fromkeys(one.doc_id for one in answer.excerpts)])
        for query, answer in answers.items()
        if answer.excerpts
    }
    by_measure = _by_measure(qrels, run)
    by_measure.pop("nDCG@10")  # of five excerpts
    answered = {query: bool(answer.excerpts) for query, answer in answers.items()}
    sure = {query: answer.confidence for query, answer in answers.items()}
    found.append(Scores(SERVED, by_measure, sure, answered))
    current = service.current()
    return SetScores(name, len(current.titles), len(current.passages), tuple(qrels), {}, tuple(found))


def figures(scores: Scores, kinds: Mapping[str, str]) -> dict[str, float]:
    """The figures of one stage on one set, in the order of the tables. kinds: of the unanswerable questions."""
    found = {name: _mean(own.values()) for name, own in scores.measures.items()}
    sure = [own for question, own in scores.confidence.items() if question not in kinds]
    near = [own for question, own in scores.confidence.items() if kinds.get(question) in (NEAR, HARD)]
    off = [own for question, own in scores.confidence.items() if kinds.get(question) == OFF]
    for name, value in (("AUC near", auc(sure, near)), ("AUC off", auc(sure, off))):
        found |= {} if value is None else {name: value}
    for share in REFUSED:
        value = answered_where(share, sure, near)
        found |= {} if value is None else {f"near answered at {share:.0%} refused": value}
    if scores.answered:
        found["refused"] = _mean(not own for question, own in scores.answered.items() if question not in kinds)
        for name, wanted in (("near answered", (NEAR, HARD)), ("off answered", (OFF,))):
            chosen = [own for question, own in scores.answered.items() if kinds.get(question) in wanted]
            found |= {name: _mean(chosen)} if chosen else {}
    return found


def first_is_right(found: SetScores) -> tuple[list[float], list[bool]]:
    """Each question's confidence as served, and whether the first passage of the last stage answers it."""
    served, last = found.stages[-1], found.stages[-2].measures["hit@1"]
    return (
        [served.confidence[question] for question in found.questions],
        [bool(last.get(question, 0.0)) for question in found.questions],
    )


def _relevant(question: Question, places: Iterable[Shown]) -> dict[str, int]:
    """Judgements of the passages; one that none covers gets a judgement that nothing can meet, so that it counts as 0."""
    expected = _expected(question)
    found = {_key(one): 1 for one in places if any(hits(one, evidence) for evidence in expected)}
    return found or {"no passage covers it": 1}


def _expected(question: Question) -> tuple[Evidence, ...]:
    return (*question.evidence, *question.alternatives)


def _ranked(line: StoredLine) -> dict[str, float]:
    rows = [(_key(Shown(str(doc), int(start), int(end))), float(score)) for doc, start, end, score in line["passages"]]
    return strictly_falling(rows)


def _confidence(line: StoredLine, stage: Stage) -> float:
    """The highest score of the stage, or what the ranking itself goes by where the stage gave none."""
    own = line["best"].get(stage.score)
    return float(max((row[3] for row in line["passages"]), default=0.0) if own is None else own)


def _key(shown: Shown) -> str:
    return f"{shown.start}-{shown.end} {shown.doc_id}"


def _shown(key: str) -> Shown:
    span, doc_id = key.split(" ", 1)
    start, end = span.split("-")
    return Shown(doc_id, int(start), int(end))


def _hits(questions: Sequence[Question], shown: Mapping[str, Sequence[Shown]]) -> dict[str, dict[str, float]]:
    def hit(question: Question, depth: int) -> float:
        first = shown[question.question_id][:depth]
        return float(any(hits(one, evidence) for one in first for evidence in _expected(question)))

    return {f"hit@{depth}": {own.question_id: hit(own, depth) for own in questions} for depth in (1, 5)}


def _by_measure(qrels: Qrels, run: Run) -> dict[str, dict[str, float]]:
    by_query = measure(qrels, run).by_query
    names = {"hit@1": "Success@1", "hit@5": "Success@5", "nDCG@10": "nDCG@10"}
    return {own: _of(by_query, name) for own, name in names.items()}


def _of(by_query: Mapping[str, Mapping[str, float]], name: str) -> dict[str, float]:
    return {query: own[name] for query, own in by_query.items()}


def _mean(values: Iterable[float]) -> float:
    found = [float(value) for value in values]
    return sum(found) / len(found) if found else 0.0
