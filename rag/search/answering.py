"""Ranked passages to an answer: exact excerpts with highlights, or an honest refusal."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from rag.datamodels import FACTS, Answer, Context, Document, Excerpt, Hit, LineBox, Location, Passage, Timings
from rag.errors import CitationError
from rag.index.snapshot import Snapshot
from rag.search.explaining import place_json, terms_json
from rag.search.retrieval import Ranking, Signals
from rag.text.spans import SENTENCE_MAX, mend

HIGHLIGHT_MAX = 160  # characters; a longer sentence is highlighted by its best clauses only
# Logistic weights of the signals, the cosine counted in spreads above the best of foreign questions.
# Ratio and offset from the development questions (benchmarks/results/seeds.md), not from single ones.
WEIGHT_COSINE, WEIGHT_COVERAGE, BIAS = 2.0, 3.2, -4.2
LACKING = 5.0  # what it costs that the fact asked for, or the town it is asked about, is not there: it hardly ever is an answer
TOGETHER_MAX = SENTENCE_MAX  # characters of two neighbours shown as one excerpt: no more than a sentence may have
TOGETHER_GAP = 1.0  # deviations of the fused score that the second may lie under the first
SPARE = 2  # hits looked at beyond those wanted, for the places that come free
ADDRESSED = 0.99  # the question names a place and the place exists


@dataclass(frozen=True, slots=True)
class Calibration:
    """What questions that have nothing to do with the collection score here, and where answering begins.

    mean: of their best window cosines. spread: standard deviation of their cosines with all windows. cutoff: confidence
    below which the service refuses. false_answer: share of foreign questions above the cutoff. false_refusal: share of
    own questions below it.
    """

    mean: float
    spread: float
    cutoff: float
    false_answer: float
    false_refusal: float


def confidence(signals: Signals, calibration: Calibration) -> float:
    """The probability that the collection answers the question, in (0, 1)."""
    if signals.addressed:
        return ADDRESSED
    above = (signals.best_window - calibration.mean) / max(calibration.spread, 1e-6)
    evidence = WEIGHT_COSINE * above + WEIGHT_COVERAGE * signals.coverage - LACKING * bool(signals.lacking) + BIAS
    return 1 / (1 + math.exp(-evidence))


def first_of(ranking: Ranking, calibration: Calibration) -> Passage | None:
    """What would be answered with first; None where the service refuses."""
    refused = not ranking.hits or confidence(ranking.signals, calibration) < calibration.cutoff
    return None if refused else ranking.hits[0].passage


def compose(
    question: str,
    ranking: Ranking,
    calibration: Calibration,
    snapshot: Snapshot,
    document_of: Callable[[str], Document],
    highlight: Callable[[int], Sequence[tuple[tuple[int, int], float]]],
    timings: Timings,
    top_k: int,
    whole_lists: bool,
    allowed: Callable[[str], bool] | None = None,
) -> Answer:
    """Build the answer; below the cut-off it has no excerpts (promise 3).

    top_k: excerpts to show, or all that the question names with `whole_lists`; the ranking may hold a few more, for two
    neighbours are shown as one. highlight: a passage row's windows with scores, best first. allowed: documents that may
    be named as holding the same words; by default all. Raises CitationError when a quote has come loose.
    """
    sure = confidence(ranking.signals, calibration)
    if first_of(ranking, calibration) is None:
        return Answer(question, False, sure, (), timings, ranking.terms, ranking.signals.lacking)
    found = list(zip(ranking.hits, ranking.rows, strict=True))
    wanted = max(top_k, sum(hit.named for hit in ranking.hits)) if whole_lists else top_k
    excerpts = tuple(
        _excerpt(
            marker, parts, snapshot, document_of(parts[0][0].passage.doc_id),
            sorted(span for hit, row in parts for span in _evidence(hit.passage, highlight(row))), allowed,
        )
        for marker, parts in enumerate(_together(found, wanted, document_of), 1)
    )  # fmt: skip
    return Answer(question, True, sure, excerpts, timings, ranking.terms)


def verify(excerpt: Excerpt, document: Document) -> None:
    """Raise CitationError unless the excerpt equals the source at its span (promise 1)."""
    if document.text[excerpt.start : excerpt.end] != excerpt.text:
        raise CitationError(
            f"引文与《{excerpt.doc_id}》{excerpt.start}–{excerpt.end} 的原文不一致，已停止显示。请运行 yuanwen doctor。"
            " / A citation does not equal its source."
        )


def _together(
    found: Sequence[tuple[Hit, int]], top_k: int, document_of: Callable[[str], Document]
) -> list[list[tuple[Hit, int]]]:
    """The hits to show, each with the neighbour that is read with it where both are among the best and nearly as good.

    What a question names stays as it is. Places that come free go to the next hits.
    """
    groups: list[list[tuple[Hit, int]]] = []
    for hit, row in found[:top_k]:
        group = next((group for group in groups if _neighbours(group, hit, document_of)), None)
        if group is None:
            groups.append([(hit, row)])
        else:
            group.append((hit, row))
    return (groups + [[one] for one in found[top_k:]])[:top_k]


def _neighbours(group: Sequence[tuple[Hit, int]], hit: Hit, document_of: Callable[[str], Document]) -> bool:
    """Whether a hit reads on from the only one of a group: nothing but blanks between, not too long, hardly worse."""
    first = group[0][0]
    one, other = sorted((first.passage, hit.passage), key=lambda passage: passage.start)
    if len(group) > 1 or first.named or one.doc_id != other.doc_id or first.score - hit.score > TOGETHER_GAP:
        return False
    between = document_of(one.doc_id).text[one.end : other.start]
    return one.end <= other.start and not between.strip() and other.end - one.start <= TOGETHER_MAX


def _excerpt(
    marker: int,
    parts: Sequence[tuple[Hit, int]],
    snapshot: Snapshot,
    document: Document,
    highlights: Sequence[tuple[int, int]],
    allowed: Callable[[str], bool] | None,
) -> Excerpt:
    hit = parts[0][0]
    for part, _ in parts:
        passage = part.passage
        if mend(document.text, passage.start, passage.end, passage.cuts) != passage.text:
            raise CitationError(
                f"《{passage.doc_id}》的段落与原文不再一致，请重新运行 yuanwen index。/ A passage has come loose."
            )
    passages = sorted((part.passage for part, _ in parts), key=lambda passage: passage.start)
    start, end = passages[0].start, passages[-1].end
    twins = (snapshot.passages[other] for _, row in parts for other in snapshot.twins.get(row, ()))
    excerpt = Excerpt(
        marker=marker,
        doc_id=hit.passage.doc_id,
        title=document.title,
        headings=hit.passage.headings,
        start=start,
        end=end,
        text=document.text[start:end],
        mended=mend(document.text, start, end, [cut for passage in passages for cut in passage.cuts]),
        score=hit.score,
        highlights=tuple(highlights),
        also_in=tuple(
            Location(twin.doc_id, twin.start, twin.end) for twin in twins if allowed is None or allowed(twin.doc_id)
        ),
        page=page_label(document, start),
        stages=hit.stages,
        matched=tuple(dict.fromkeys(word for part, _ in parts for word in part.matched)),
        named=hit.named,
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


def to_json(answer: Answer, *, explain: bool = False) -> dict[str, object]:
    """The contracted JSON of an answer; `mended` stands beside `text` where the two differ.

    explain: also how the question was read and why each excerpt stands where it does.
    """
    found: dict[str, object] = {
        "question": answer.question,
        "answerable": answer.answerable,
        "confidence": round(answer.confidence, 4),
        "excerpts": [excerpt_json(excerpt) for excerpt in answer.excerpts],
        "timings_ms": {name: round(value, 2) for name, value in asdict(answer.timings).items()},
    }
    if explain:
        found["explain"] = terms_json(answer.terms) | ({"lacking": list(answer.lacking)} if answer.lacking else {})
        for shown, excerpt in zip(found["excerpts"], answer.excerpts, strict=True):
            shown["explain"] = place_json(excerpt)
    return found


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
