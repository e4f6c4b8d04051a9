"""The last station: weighed evidence becomes an answer of exact excerpts with highlights, or an honest refusal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict

from rag.datamodels import FACTS, Answer, Context, Document, Excerpt, Hit, LineBox, Location, Passage, Timings
from rag.errors import CitationError
from rag.index.snapshot import Snapshot
from rag.search.evidence import Evidence
from rag.search.explaining import place_json, terms_json
from rag.search.highlighting import marked, span_of
from rag.search.query import Query
from rag.search.records import Ranking
from rag.search.sources import Sources
from rag.search.stages.dense import best_windows
from rag.search.surroundings import context_of
from rag.text.spans import SENTENCE_MAX, Span, mend, source_span

TOGETHER_MAX = SENTENCE_MAX  # characters of two neighbours shown as one excerpt: no more than a sentence may have
TOGETHER_GAP = 1.0  # deviations of the fused score that the second may lie under the first
NEAREST = 3  # excerpts shown where nothing answers
SPARE = 2  # hits ranked beyond those wanted, for the places that come free


def compose(snapshot: Snapshot, sources: Sources, evidence: Evidence, sure: Sequence[float] = ()) -> Answer:
    """Build the answer; where the evidence is too weak it has no excerpts (promise 3).

    sources: of the snapshot's generation. sure: how sure the reader is of each sentence of the first hit's passage. The ranking
    may hold a few more hits than are shown, for two neighbours are shown as one. Raises CitationError when a quote has
    come loose, Superseded.
    """
    ranking, query = evidence.ranking, evidence.ranking.query
    found: tuple[Excerpt, ...] = ()
    if evidence.answerable or evidence.near:
        groups = together(ranking.hits, _wanted(query, ranking.hits) if evidence.answerable else NEAREST, sources)
        found = tuple(
            _excerpt(marker, group, snapshot, sources, ranking, sure) for marker, group in enumerate(groups, 1)
        )
    total_ms = (time.perf_counter() - query.request.arrived) * 1e3
    return Answer(
        question=query.request.question,
        answerable=evidence.answerable,
        confidence=evidence.confidence,
        excerpts=found if evidence.answerable else (),
        timings=Timings(query.embed_ms, ranking.search_ms, ranking.rerank_ms, total_ms),
        terms=query.terms,
        nearest=() if evidence.answerable else found,
    )


def verify(excerpt: Excerpt, document: Document) -> None:
    """Raise CitationError unless the excerpt equals the source at its span (promise 1)."""
    if document.text[excerpt.start : excerpt.end] != excerpt.text:
        raise CitationError(
            f"引文与《{excerpt.doc_id}》{excerpt.start}–{excerpt.end} 的原文不一致，已停止显示。请运行 yuanwen doctor。"
            " / A citation does not equal its source."
        )


def together(hits: Sequence[Hit], top_k: int, sources: Sources) -> list[list[Hit]]:
    """The hits to show, each with the neighbour that is read with it where both are among the best and nearly as good.

    What a question names stays as it is. Places that come free go to the next hits.
    """
    groups: list[list[Hit]] = []
    for hit in hits[:top_k]:
        group = next((group for group in groups if _neighbours(group, hit, sources)), None)
        if group is None:
            groups.append([hit])
        else:
            group.append(hit)
    return (groups + [[hit] for hit in hits[top_k:]])[:top_k]


def _wanted(query: Query, hits: Sequence[Hit]) -> int:
    """Excerpts to show: as many as were asked for, or all that the question names."""
    top_k = query.request.top_k
    return max(top_k, sum(hit.named for hit in hits)) if query.request.whole_lists else top_k


def _neighbours(group: Sequence[Hit], hit: Hit, sources: Sources) -> bool:
    """Whether a hit reads on from the only one of a group: nothing but blanks between, not too long, hardly worse."""
    first = group[0]
    one, other = sorted((first.passage, hit.passage), key=lambda passage: passage.start)
    if len(group) > 1 or first.named or one.doc_id != other.doc_id or first.score - hit.score > TOGETHER_GAP:
        return False
    between = sources.document(one.doc_id).text[one.end : other.start]
    return one.end <= other.start and not between.strip() and other.end - one.start <= TOGETHER_MAX


def _excerpt(
    marker: int,
    group: Sequence[Hit],
    snapshot: Snapshot,
    sources: Sources,
    ranking: Ranking,
    sure: Sequence[float],
) -> Excerpt:
    first, query = group[0], ranking.query
    scope = query.request.scope
    doc_id = first.passage.doc_id
    document = sources.document(doc_id)
    for hit in group:
        _check_passage(hit.passage, document)
    passages = sorted((hit.passage for hit in group), key=lambda passage: passage.start)
    start, end = passages[0].start, passages[-1].end
    twins = [snapshot.passages[row] for hit in group for row in snapshot.near_duplicates.get(hit.row, ())]
    page, around = page_label(document, start), query.request.around
    excerpt = Excerpt(
        marker=marker,
        doc_id=doc_id,
        title=document.title,
        headings=first.passage.headings,
        start=start,
        end=end,
        text=document.text[start:end],
        mended=mend(document.text, start, end, [cut for passage in passages for cut in passage.cuts]),
        score=first.score,
        highlights=tuple(sorted(span for hit in group for span in _highlights(snapshot, ranking, hit, document, sure))),
        also_in=tuple(Location(twin.doc_id, twin.start, twin.end) for twin in twins if scope.sees(twin.doc_id)),
        page=page,
        stages=first.stages,
        matched=tuple(dict.fromkeys(word for hit in group for word in hit.matched)),
        named=first.named,
        boxes=sources.boxes(doc_id, start, end) if page else (),
        facts={name: document.metadata[name] for name in FACTS if document.metadata.get(name)},
        context=context_of(snapshot, doc_id, start, end, around) if around else None,
    )
    verify(excerpt, document)
    return excerpt


def _check_passage(passage: Passage, document: Document) -> None:
    """Raise CitationError unless the passage is still what its document says at that place."""
    if mend(document.text, passage.start, passage.end, passage.cuts) != passage.text:
        raise CitationError(
            f"《{passage.doc_id}》的段落与原文不再一致，请重新运行 yuanwen index。/ A passage has come loose."
        )


def _highlights(
    snapshot: Snapshot, ranking: Ranking, hit: Hit, document: Document, sure: Sequence[float]
) -> list[Span]:
    """The sentences of a hit that answer."""
    query = ranking.query
    windows = [span for span, _ in best_windows(snapshot, query.centred, hit.row)]
    inside = span_of(next((read.finding for read in ranking.reads if read.row == hit.row), None))
    answer = None if inside is None else source_span(hit.passage, *inside)
    own = sure if hit is ranking.hits[0] else ()
    return marked(document.text, hit.passage.sentences, windows, answer, query.request.text, own)


def page_label(document: Document, offset: int) -> str:
    """What a reader calls the page, slide or sheet at an offset; empty for formats without pages."""
    return next((page.label for page in reversed(document.pages) if page.start <= offset), "")


def to_json(answer: Answer, *, explain: bool = False) -> dict[str, object]:
    """The contracted JSON of an answer; `mended` is given beside `text` where the two differ.

    explain: also how the question was read and what put each excerpt in its place.
    """
    excerpts = [
        excerpt_json(excerpt) | ({"explain": place_json(excerpt)} if explain else {}) for excerpt in answer.excerpts
    ]
    nearest = {} if answer.answerable else {"nearest": [excerpt_json(excerpt) for excerpt in answer.nearest]}
    found: dict[str, object] = {
        "question": answer.question,
        "answerable": answer.answerable,
        "confidence": round(answer.confidence, 4),
        "excerpts": excerpts,
        **nearest,
        "timings_ms": {name: round(value, 2) for name, value in asdict(answer.timings).items()},
    }
    if explain:
        found["explain"] = terms_json(answer.terms)
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
    """What is around an excerpt, as spans of its document."""
    section = {"start": context.section_start, "end": context.section_end, "headings": list(context.headings)}
    return {"start": context.start, "end": context.end, "section": section}
