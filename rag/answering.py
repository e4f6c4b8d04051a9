"""Ranked passages to an answer: exact excerpts with highlights, or an honest refusal."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from rag.chunking import mend
from rag.datamodels import FACTS, Answer, Context, Document, Excerpt, Hit, LineBox, Location, Passage, Timings
from rag.errors import CitationError
from rag.index import Snapshot
from rag.retrieval import Ranking, Signals

HIGHLIGHT_MAX = 160  # characters; a longer sentence is highlighted by its best clauses only
# Logistic weights of the two signals, the cosine counted in deviations above that of foreign questions.
# Ratio and offset from the development questions (benchmarks/results/seeds.md), not from single ones.
WEIGHT_COSINE, WEIGHT_COVERAGE, BIAS = 1.6, 2.4, -3.7

ADDRESSED = 0.99  # the question names a place and the place exists


@dataclass(frozen=True, slots=True)
class Calibration:
    """What questions that have nothing to do with the collection score here, and where answering begins.

    mean, deviation: of their best window cosine. cutoff: confidence below which the service refuses.
    false_answer: share of foreign questions above the cutoff. false_refusal: share of own questions below it.
    """

    mean: float
    deviation: float
    cutoff: float
    false_answer: float
    false_refusal: float


def confidence(signals: Signals, calibration: Calibration) -> float:
    """The probability that the collection answers the question, in (0, 1)."""
    if signals.addressed:
        return ADDRESSED
    above = (signals.best_window - calibration.mean) / max(calibration.deviation, 1e-6)
    return 1 / (1 + math.exp(-(WEIGHT_COSINE * above + WEIGHT_COVERAGE * signals.coverage + BIAS)))


def compose(
    question: str,
    ranking: Ranking,
    calibration: Calibration,
    snapshot: Snapshot,
    document_of: Callable[[str], Document],
    highlight: Callable[[int], Sequence[tuple[tuple[int, int], float]]],
    timings: Timings,
    allowed: Callable[[str], bool] | None = None,
) -> Answer:
    """Build the answer; below the cut-off it has no excerpts (promise 3).

    highlight: a passage row's windows with scores, best first. allowed: documents that may be named as holding the
    same words; by default all. Raises CitationError when a quote has come loose.
    """
    sure = confidence(ranking.signals, calibration)
    if not ranking.hits or sure < calibration.cutoff:
        return Answer(question, False, sure, (), timings)
    excerpts = tuple(
        _excerpt(hit, row, snapshot, document_of(hit.passage.doc_id), _evidence(hit.passage, highlight(row)), allowed)
        for hit, row in zip(ranking.hits, ranking.rows, strict=True)
    )
    return Answer(question, True, sure, excerpts, timings)


def verify(excerpt: Excerpt, document: Document) -> None:
    """Raise CitationError unless the excerpt equals the source at its span (promise 1)."""
    if document.text[excerpt.start : excerpt.end] != excerpt.text:
        raise CitationError(
            f"引文与《{excerpt.doc_id}》{excerpt.start}–{excerpt.end} 的原文不一致，已停止显示。请运行 yuanwen doctor。"
            " / A citation does not equal its source."
        )


def _excerpt(
    hit: Hit,
    row: int,
    snapshot: Snapshot,
    document: Document,
    highlights: tuple[tuple[int, int], ...],
    allowed: Callable[[str], bool] | None,
) -> Excerpt:
    passage = hit.passage
    mended = mend(document.text, passage.start, passage.end, passage.cuts)
    if mended != passage.text:
        raise CitationError(
            f"《{passage.doc_id}》的段落与原文不再一致，请重新运行 yuanwen index。/ A passage has come loose."
        )
    twins = (snapshot.passages[other] for other in snapshot.twins.get(row, ()))
    excerpt = Excerpt(
        marker=hit.rank,
        doc_id=passage.doc_id,
        title=document.title,
        headings=passage.headings,
        start=passage.start,
        end=passage.end,
        text=document.text[passage.start : passage.end],
        mended=mended,
        score=hit.score,
        highlights=highlights,
        also_in=tuple(
            Location(twin.doc_id, twin.start, twin.end) for twin in twins if allowed is None or allowed(twin.doc_id)
        ),
        page=page_label(document, passage.start),
        stages=hit.stages,
        facts={name: document.metadata[name] for name in FACTS if document.metadata.get(name)},
    )
    verify(excerpt, document)
    return excerpt


def page_label(document: Document, offset: int) -> str:
    """What a reader calls the page, slide or sheet at an offset; empty for formats without pages."""
    return next((page.label for page in reversed(document.pages) if page.start <= offset), "")


def _evidence(passage: Passage, scored: Sequence[tuple[tuple[int, int], float]]) -> tuple[tuple[int, int], ...]:
    """The sentences that answer: those the best window touches, or the window itself in a very long sentence."""
    if not scored:
        return ()
    start, end = scored[0][0]
    found = []
    for a, b in passage.sentences:
        if a < end and b > start:
            found.append((a, b) if b - a <= HIGHLIGHT_MAX else (max(a, start), min(b, end)))
    return tuple(found)


def to_json(answer: Answer) -> dict[str, object]:
    """The contracted JSON of an answer; `mended` stands beside `text` where the two differ."""
    return {
        "question": answer.question,
        "answerable": answer.answerable,
        "confidence": round(answer.confidence, 4),
        "excerpts": [excerpt_json(excerpt) for excerpt in answer.excerpts],
        "timings_ms": {name: round(value, 2) for name, value in asdict(answer.timings).items()},
    }


def excerpt_json(excerpt: Excerpt) -> dict[str, object]:
    """One excerpt as the contract has it."""
    found: dict[str, object] = {
        "marker": excerpt.marker,
        "doc": excerpt.doc_id,
        "title": excerpt.title,
        "headings": list(excerpt.headings),
        "start": excerpt.start,
        "end": excerpt.end,
        "text": excerpt.text,
        "score": round(excerpt.score, 4),
        "highlights": [list(span) for span in excerpt.highlights],
        "also_in": [{"doc": place.doc_id, "start": place.start, "end": place.end} for place in excerpt.also_in],
    }
    if excerpt.mended != excerpt.text:
        found["mended"] = excerpt.mended
    if excerpt.page:
        found["page"] = excerpt.page
    if excerpt.boxes:
        found["boxes"] = [box_json(box) for box in excerpt.boxes]
    if excerpt.facts:
        found["metadata"] = dict(excerpt.facts)
    if excerpt.context:
        found["context"] = context_json(excerpt.context)
    return found


def box_json(box: LineBox) -> dict[str, float]:
    """A box on a page, as fractions of the page from its upper left corner."""
    place = {"x0": box.x0, "y0": box.top, "x1": box.x1, "y1": box.bottom}
    return {"page": box.page} | {name: round(value, 4) for name, value in place.items()}


def context_json(context: Context) -> dict[str, object]:
    """What stands around an excerpt, as spans of its document."""
    section = {"start": context.section_start, "end": context.section_end, "headings": list(context.headings)}
    return {"start": context.start, "end": context.end, "section": section}
