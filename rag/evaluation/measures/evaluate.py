"""Score the answers to a test set: one frozen `Evaluation` that comparison, report and exports read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rag.evaluation.measures.honesty import HonestyFigures, honesty_figures, percentiles
from rag.evaluation.measures.ranking import RankingFigures, measure, strictly_falling
from rag.evaluation.measures.runner import (
    Progress,
    StoredLine,
    Task,
    ask_lines,
    responses,
    run_of,
    search_lines,
    spans_of,
    totals_of,
)
from rag.evaluation.measures.spans import SpanFigures, by_type, reciprocal, score, span_figures
from rag.evaluation.sets.records import Collection, Outcome, Problem, Qrels, Question, Response, Run, TestSet
from rag.service import Service
from rag.text.spans import Span

PARTS = ("total", "embed", "search", "rerank")
PRECISION = 6  # digits of a figure as written
NO_ANSWER = Response("", False, 0.0, ())


@dataclass(frozen=True, slots=True)
class IndexState:
    """What was searched. make: model, chunker and tokenizer, as JSON."""

    generation: int
    documents: int
    passages: int
    make: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A scored run. outcomes: one a question of a gold set, empty for a BEIR folder, which has `ranking` alone.

    texts: question by id. found_spans: for a BEIR folder, the best passage's span of the first documents, by query and
    document. latency_ms: percentiles by part; waiting times differ from run to run, figures do not.
    """

    name: str
    kind: str  # "gold" or "beir"
    index: IndexState
    rows: int
    problems: tuple[Problem, ...]
    texts: Mapping[str, str]
    qrels: Qrels
    run: Run
    ranking: RankingFigures
    outcomes: tuple[Outcome, ...]
    spans: SpanFigures | None
    types: Mapping[str, SpanFigures]
    honesty: HonestyFigures | None
    latency_ms: Mapping[str, Mapping[str, float]]
    total_ms: tuple[float, ...]
    found_spans: Mapping[str, Mapping[str, Span]] = field(default_factory=dict)


def index_state(service: Service) -> IndexState:
    """What a service searches at present."""
    current = service.current()
    return IndexState(
        current.generation, len(current.titles), len(current.passages), service.catalog.fact("make") or ""
    )


def evaluate_gold(
    service: Service,
    test_set: TestSet,
    store: Path | None = None,
    top_k: int | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Ask every question by `service.ask` and score the answers. store: where answers are kept (see `runner`)."""
    tasks = [Task(q.question_id, q.text, test_set.name, q.row) for q in test_set.questions]
    lines, problems = ask_lines(service, tasks, store, top_k, progress)
    bad = {problem.row for problem in problems}
    kept = tuple(question for question in test_set.questions if question.row not in bad)
    asked = TestSet(test_set.name, kept, (*test_set.problems, *problems), test_set.rows)
    return score_gold(asked, responses(lines), index_state(service))


def score_gold(test_set: TestSet, answers: Mapping[str, Response], index: IndexState) -> Evaluation:
    """Score answers by question id; a question without one counts as refused."""
    outcomes = tuple(score(question, answers.get(question.question_id, NO_ANSWER)) for question in test_set.questions)
    qrels = {
        outcome.question.question_id: dict.fromkeys(_expected(outcome.question), 1)
        for outcome in outcomes
        if outcome.question.answerable and outcome.question.evidence
    }
    run = {
        outcome.question.question_id: _documents(outcome.response) for outcome in outcomes if outcome.response.excerpts
    }
    timings = [outcome.response.timings_ms for outcome in outcomes if outcome.response.timings_ms]
    return Evaluation(
        test_set.name, "gold", index, test_set.rows, test_set.problems,
        {question.question_id: question.text for question in test_set.questions},
        qrels, run, measure(qrels, run), outcomes, span_figures(outcomes), by_type(outcomes), honesty_figures(outcomes),
        {part: percentiles([times[part] for times in timings if part in times]) for part in PARTS},
        tuple(times["total"] for times in timings if "total" in times),
    )  # fmt: skip


def evaluate_beir(
    service: Service, collection: Collection, store: Path | None = None, progress: Progress | None = None
) -> Evaluation:
    """Search every judged query by `service.search` and score the ranked documents."""
    tasks = [Task(query, collection.queries[query], collection.name) for query in collection.qrels]
    lines, problems = search_lines(service, tasks, store, progress=progress)
    return score_beir(collection, run_of(lines), index_state(service), lines, problems)


def score_beir(
    collection: Collection,
    run: Run,
    index: IndexState,
    lines: Sequence[StoredLine] = (),
    problems: Sequence[Problem] = (),
) -> Evaluation:
    """Score a run over a collection. lines: with the waiting times, where it was made here."""
    times = totals_of(lines)
    return Evaluation(
        collection.name, "beir", index, collection.rows, (*collection.problems, *problems),
        {query: collection.queries[query] for query in collection.qrels}, collection.qrels, run,
        measure(collection.qrels, run), (), None, {}, None, {"total": percentiles(times)}, tuple(times),
        spans_of(lines),
    )  # fmt: skip


def limited(collection: Collection, count: int | None) -> Collection:
    """The first `count` judged queries, in the order of the queries file, over the whole corpus."""
    judged = [query for query in collection.queries if query in collection.qrels][:count]
    qrels = {query: collection.qrels[query] for query in judged}
    return Collection(collection.name, collection.queries, qrels, collection.problems, collection.rows)


def per_question(evaluation: Evaluation) -> dict[str, dict[str, float]]:
    """Each question's figure by measure, what comparison and cross-validation work on; higher is better."""
    if evaluation.kind == "beir":
        names = [name for name in evaluation.ranking.means if name != "Judged@10"]
        return {name: {query: own[name] for query, own in evaluation.ranking.by_query.items()} for name in names}
    quoted = {o.question.question_id: o for o in evaluation.outcomes if o.full is not None}
    foreign = {o.question.question_id: o for o in evaluation.outcomes if o.question.answerable is False}
    found = {f"hit@{k}": {q: float((o.rank or 99) <= k) for q, o in quoted.items()} for k in (1, 3, 5)}
    found["MRR"] = {query: reciprocal(outcome) for query, outcome in quoted.items()}
    found["full@5"] = {query: float(bool(outcome.full)) for query, outcome in quoted.items()}
    found["refusal"] = {query: float(not outcome.response.excerpts) for query, outcome in foreign.items()}
    return {name: values for name, values in found.items() if values}


def figures(evaluation: Evaluation) -> dict[str, object]:
    """Everything that does not depend on the clock, as JSON: the same answers give the same bytes."""
    fatal = sum(problem.fatal for problem in evaluation.problems)
    questions = {"rows": evaluation.rows, "asked": len(evaluation.texts), "bad_rows": fatal}
    found: dict[str, object] = {
        "dataset": evaluation.name,
        "kind": evaluation.kind,
        "index": asdict(evaluation.index),
        "questions": questions,
    }
    if evaluation.spans is not None and evaluation.honesty is not None:
        unscored = sum(outcome.verdict == "unscored" for outcome in evaluation.outcomes)
        questions |= {
            "with_quotes": evaluation.spans.questions,
            "answerable": evaluation.honesty.answerable,
            "unanswerable": evaluation.honesty.unanswerable,
            "unlabelled": unscored,
        }
        found["spans"] = _span_json(evaluation.spans)
        found["by_type"] = {name: _span_json(own) for name, own in evaluation.types.items()}
        found["refusal"] = asdict(evaluation.honesty)
    found["documents"] = {"queries": evaluation.ranking.queries} | dict(evaluation.ranking.means)
    return {name: _rounded(value) for name, value in found.items()}


def _span_json(own: SpanFigures) -> dict[str, float]:
    hit = {f"hit@{k}": value for k, value in own.hit.items()}
    rest = {"MRR": own.mrr, "full@5": own.full, "refused": own.refused, "mean_excerpt_chars": own.mean_characters}
    rest |= {"lead": own.lead, "mean_lead_chars": own.lead_characters}
    return {"questions": own.questions} | hit | rest


def _rounded(value: object) -> object:
    """The same with floats cut to six digits."""
    if isinstance(value, float):
        return round(value, PRECISION)
    if isinstance(value, Mapping):
        return {str(key): _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return value


def _expected(question: Question) -> list[str]:
    return [evidence.doc_id for evidence in (*question.evidence, *question.alternatives)]


def _documents(response: Response) -> dict[str, float]:
    """The documents of an answer in order of their best excerpt."""
    best: dict[str, float] = {}
    for shown in response.excerpts:
        best.setdefault(shown.doc_id, shown.score)
    return strictly_falling(list(best.items()))
