"""What the report shows, as frozen records: questions with their excerpts cut into pieces, cards, plots and tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from rag.evaluation.measures.comparison import Change, Compared
from rag.evaluation.measures.evaluate import Evaluation
from rag.evaluation.measures.spans import hits
from rag.evaluation.reports.exports import VERDICTS
from rag.evaluation.sets.records import KINDS, Evidence, Outcome, Question, Shown
from rag.evaluation.sets.trec import ordered
from rag.text.spans import Span

QUESTIONS_MAX = 2000  # shown in the page; a browser gets slow beyond it
DOCUMENTS_SHOWN = 5
SNIPPET = 160  # characters
BEIR_FILTERS = {"hit": "第一名", "unscored": "二至十名", "miss": "十名之外"}


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of an excerpt: inside the expected quote, inside the service's highlight, both or neither."""

    text: str
    expected: bool
    evidence: bool


@dataclass(frozen=True, slots=True)
class ExcerptView:
    """An excerpt as the page shows it; `ok`: it hits."""

    shown: Shown
    pieces: tuple[Piece, ...]
    ok: bool


@dataclass(frozen=True, slots=True)
class Card:
    """A headline figure."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing with its key: (colour, label) pairs."""

    name: str
    svg: Markup
    key: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the page."""

    name: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class RankedRow:
    """A document found for a query. text: its best passage, or the document's beginning where that was not kept."""

    rank: int
    doc_id: str
    text: str
    where: str
    relevant: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A question of the page."""

    id: str
    text: str
    verdict: str
    label: str
    detail: str
    note: str = ""
    confidence: float | None = None
    expected: tuple[Evidence, ...] = ()
    excerpts: tuple[ExcerptView, ...] = ()
    documents: tuple[RankedRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Side:
    """One run's answer to a question that changed."""

    name: str
    excerpts: tuple[ExcerptView, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """A question that changed, with both answers."""

    text: str
    ours: float
    baseline: float
    expected: tuple[str, ...]
    sides: tuple[Side, ...]


def gold_rows(evaluation: Evaluation) -> Iterator[Row]:
    """Questions, the failed first."""
    order = {"false-answer": 0, "miss": 1, "refused": 2, "hit": 3, "correct-refusal": 4, "unscored": 5}
    ranked = sorted(evaluation.outcomes, key=lambda own: (order[own.verdict], -(own.rank or 0)))
    for outcome in ranked[:QUESTIONS_MAX]:
        question = outcome.question
        detail = f"第 {outcome.rank} 条" if outcome.rank else ""
        if outcome.verdict == "hit" and outcome.full is False:
            detail += "，未全中"
        if question.kind:
            detail = KINDS[question.kind]
        yield Row(
            question.question_id, question.text, outcome.verdict, VERDICTS[outcome.verdict], detail,
            question.note, outcome.response.confidence, question.evidence, _excerpts(outcome),
        )  # fmt: skip


def beir_rows(evaluation: Evaluation, text_of: Callable[[str], str]) -> Iterator[Row]:
    """Queries, those whose relevant document has the lowest rank first."""

    def rank_of(query: str) -> int:
        ranked = ordered(evaluation.run.get(query, {}))
        grades = evaluation.qrels[query]
        return next((at for at, (doc_id, _) in enumerate(ranked, 1) if grades.get(doc_id, 0) > 0), 0)

    ranks = {query: rank_of(query) for query in evaluation.ranking.by_query}
    for query in sorted(ranks, key=lambda query: -(ranks[query] or 10**9))[:QUESTIONS_MAX]:
        rank = ranks[query]
        verdict = "hit" if rank == 1 else "unscored" if 0 < rank <= 10 else "miss"
        detail = f"第 {rank} 名" if rank else "未找到"
        yield Row(
            query, evaluation.texts[query], verdict, BEIR_FILTERS[verdict], detail,
            documents=tuple(_ranked(evaluation, query, rank, text_of)),
        )  # fmt: skip


def pieces(shown: Shown, expected: Sequence[Span]) -> tuple[Piece, ...]:
    """An excerpt cut where expected quotes and highlights begin and end; spans count from the document's start."""
    if not shown.text:
        return ()
    stops = {shown.start, shown.end}
    for start, end in (*expected, *shown.highlights):
        stops |= {min(max(at, shown.start), shown.end) for at in (start, end)}
    ordered_stops = sorted(stops)
    return tuple(
        Piece(
            shown.text[a - shown.start : b - shown.start],
            any(start <= a and b <= end for start, end in expected),
            any(start <= a and b <= end for start, end in shown.highlights),
        )
        for a, b in pairwise(ordered_stops)
    )


def changed_rows(compared: Compared | None, text_of: Callable[[str], str]) -> tuple[Changed, ...]:
    if compared is None:
        return ()
    runs = (("本次", compared.ours), ("基线", compared.baseline))
    answered = [(name, run, {own.question.question_id: own for own in run.outcomes}) for name, run in runs]
    found = []
    for change in compared.changes:
        sides = tuple(Side(name, _side(run, own, change, text_of)) for name, run, own in answered)
        question = answered[0][2].get(change.question_id)
        quotes = tuple(entry.quote for entry in question.question.evidence if entry.quote) if question else ()
        text = compared.ours.texts[change.question_id]
        found.append(Changed(text, change.ours, change.baseline, quotes, sides))
    return tuple(found)


def _excerpts(outcome: Outcome) -> tuple[ExcerptView, ...]:
    return tuple(_excerpt(outcome.question, shown) for shown in outcome.response.excerpts)


def _excerpt(question: Question, shown: Shown) -> ExcerptView:
    accepted = (*question.evidence, *question.alternatives)
    spans = [span for evidence in accepted if evidence.doc_id == shown.doc_id for span in evidence.spans]
    return ExcerptView(shown, pieces(shown, spans), any(hits(shown, evidence) for evidence in accepted))


def _ranked(evaluation: Evaluation, query: str, rank: int, text_of: Callable[[str], str]) -> Iterator[RankedRow]:
    """The first few documents, then the relevant one at whatever rank."""
    grades = evaluation.qrels[query]
    ranked = [doc_id for doc_id, _ in ordered(evaluation.run.get(query, {}))]
    for at, doc_id in enumerate(ranked, 1):
        if at <= DOCUMENTS_SHOWN or at == rank:
            text, where = _found(evaluation, query, doc_id, text_of)
            yield RankedRow(at, doc_id, text, where, grades.get(doc_id, 0) > 0)
    if not rank:
        for doc_id in [doc_id for doc_id, grade in grades.items() if grade > 0][:DOCUMENTS_SHOWN]:
            yield RankedRow(0, doc_id, text_of(doc_id)[:SNIPPET], "未找到，这是开头", True)


def _found(evaluation: Evaluation, query: str, doc_id: str, text_of: Callable[[str], str]) -> tuple[str, str]:
    """What to show of a document found for a query, and what it is."""
    span = evaluation.found_spans.get(query, {}).get(doc_id)
    if span is None:
        return text_of(doc_id)[:SNIPPET], "文档开头"
    return text_of(doc_id)[span[0] : span[1]], f"第 {span[0] + 1}–{span[1]} 字"


def _side(
    run: Evaluation, outcomes: Mapping[str, Outcome], change: Change, text_of: Callable[[str], str]
) -> tuple[ExcerptView, ...]:
    outcome = outcomes.get(change.question_id)
    if outcome is not None:
        return _excerpts(outcome)
    grades = run.qrels[change.question_id]
    ranked = ordered(run.run.get(change.question_id, {}))[:DOCUMENTS_SHOWN]
    places = run.found_spans.get(change.question_id, {})
    spans = [(doc_id, *places.get(doc_id, (0, min(SNIPPET, len(text_of(doc_id)))))) for doc_id, _ in ranked]
    shown = [Shown(doc_id, start, end, text_of(doc_id)[start:end]) for doc_id, start, end in spans]
    return tuple(ExcerptView(own, pieces(own, ()), grades.get(own.doc_id, 0) > 0) for own in shown)
