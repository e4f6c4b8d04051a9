"""Measures of cited spans: hit@k, MRR and full coverage@5, as the development gold set defines them.

An excerpt hits a quote when it is of the same document and covers at least 60 % of the quote's span. A question is a
hit at k when one of the first k excerpts hits an evidence entry or an alternative; it is full at 5 when every entry is
hit by the first five.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.evaluation.sets.records import Evidence, Outcome, Question, Response, Shown
from rag.text.spans import Span

OVERLAP = 0.6
MRR_DEPTH = 10
FULL_DEPTH = 5
CURVE = 10


@dataclass(frozen=True, slots=True)
class SpanFigures:
    """Over the `questions` that name quotes.

    hit: share with a hit among the first k, by k. mrr: mean of 1/rank within ten. full: share with every entry covered
    by the first five. refused: share answered with no excerpt. mean_characters: of the first five excerpts. lead: share
    of the hits at 1 whose highlighted words cover the quote themselves. lead_characters: mean of the first excerpts' highlights.
    """

    questions: int
    hit: Mapping[int, float]
    mrr: float
    full: float
    refused: float
    mean_characters: float
    lead: float
    lead_characters: float


def hits(excerpt: Shown, evidence: Evidence) -> bool:
    """Whether an excerpt covers 60 % of one of the places of a quote."""
    return _covered(excerpt, [(excerpt.start, excerpt.end)], evidence)


def leads(excerpt: Shown, evidence: Evidence) -> bool:
    """Whether what is highlighted in an excerpt covers as much."""
    return _covered(excerpt, excerpt.highlights, evidence)


def _covered(excerpt: Shown, shown: Sequence[Span], evidence: Evidence) -> bool:
    """Whether spans of an excerpt, which do not overlap, cover enough of one of the places of a quote."""
    return excerpt.doc_id == evidence.doc_id and any(
        sum(max(0, min(b, end) - max(a, start)) for a, b in shown) >= OVERLAP * (end - start)
        for start, end in evidence.spans
    )


def score(question: Question, response: Response) -> Outcome:
    """Judge one answer."""
    excerpts = response.excerpts
    documents = {evidence.doc_id for evidence in (*question.evidence, *question.alternatives)}
    document_rank = next((rank for rank, shown in enumerate(excerpts, 1) if shown.doc_id in documents), None)
    if question.answerable is None:
        return Outcome(question, response, None, None, None, "unscored")
    if not question.answerable:
        return Outcome(question, response, None, None, None, "false-answer" if excerpts else "correct-refusal")
    quoted = [evidence for evidence in question.evidence if evidence.quote]
    if not quoted:
        verdict = "hit" if document_rank else "miss" if excerpts else "refused"
        return Outcome(question, response, None, None, document_rank, verdict)
    accepted = [*quoted, *question.alternatives]
    rank = next((at for at, shown in enumerate(excerpts, 1) if any(hits(shown, entry) for entry in accepted)), None)
    full = all(any(hits(shown, entry) for shown in excerpts[:FULL_DEPTH]) for entry in quoted)
    verdict = "hit" if rank else "miss" if excerpts else "refused"
    lead = any(leads(excerpts[0], entry) for entry in accepted) if rank == 1 else None
    return Outcome(question, response, rank, full, document_rank, verdict, lead)


def span_figures(outcomes: Sequence[Outcome]) -> SpanFigures:
    """Figures over the answerable questions with quotes; others are passed over."""
    scored = [outcome for outcome in outcomes if outcome.full is not None]
    lengths = [shown.end - shown.start for outcome in scored for shown in outcome.response.excerpts[:FULL_DEPTH]]
    return SpanFigures(
        len(scored),
        {k: _mean([outcome.rank is not None and outcome.rank <= k for outcome in scored]) for k in range(1, CURVE + 1)},
        _mean([reciprocal(outcome) for outcome in scored]),
        _mean([bool(outcome.full) for outcome in scored]),
        _mean([not outcome.response.excerpts for outcome in scored]),
        _mean(lengths),
        _mean([outcome.lead for outcome in scored if outcome.lead is not None]),
        _mean([_highlighted(outcome.response.excerpts[0]) for outcome in scored if outcome.response.excerpts]),
    )


def _highlighted(excerpt: Shown) -> int:
    """Characters of an excerpt that are highlighted."""
    return sum(end - start for start, end in excerpt.highlights)


def reciprocal(outcome: Outcome) -> float:
    """1/rank of the first hit within ten, else 0."""
    return 1 / outcome.rank if outcome.rank is not None and outcome.rank <= MRR_DEPTH else 0.0


def by_type(outcomes: Sequence[Outcome]) -> dict[str, SpanFigures]:
    """Figures by question type, types in order of name."""
    types = sorted({outcome.question.type for outcome in outcomes if outcome.full is not None})
    return {name: span_figures([outcome for outcome in outcomes if outcome.question.type == name]) for name in types}


def _mean(values: Sequence[float]) -> float:
    return sum(map(float, values)) / len(values) if values else 0.0
