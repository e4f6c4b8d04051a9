"""Cut a document along its own structure into passages that end where sentences end.

Every passage keeps its exact source span; the spans that mending takes out of it are recorded as `cuts`.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.datamodels import Document, Passage, Removal
from rag.errors import CoverageError
from rag.ingest.cleaning import text_lines
from rag.ingest.outlining import Block, outlined, sentence_spans
from rag.text.headings import ARTICLE_RANK
from rag.text.spans import SENTENCE_MAX, Span, mend, uncovered

CHUNKER = "structure-6"  # changes whenever the same document would be cut differently
PASSAGE_SIZE = 250  # characters a passage aims at; measured best with the default model, see benchmarks/
SHORT = 60  # characters; a numbered item this short shares a passage with its neighbours
UNIT_MAX = 100  # characters of a clause window inside a long sentence


@dataclass(frozen=True, slots=True)
class _Piece:
    """A sentence, or a heading line, on its way into a passage; `headings` includes its own."""

    start: int
    end: int
    headings: tuple[str, ...]
    is_heading: bool = False


def cut(document: Document, removals: Sequence[Removal], size: int = PASSAGE_SIZE) -> tuple[Passage, ...]:
    """Return the document's passages in order.

    removals: from `cleaning.find_removals`. size: characters aimed at. Raises CoverageError when a non-blank character
    would be lost (promise 2).
    """
    text = document.text
    cuts = tuple((removal.start, removal.end) for removal in removals)
    groups = _grouped(text, list(_blocks(text, removals)), size)
    passages = tuple(
        _passage(document, ordinal, group, _within(cuts, group[0].start, group[-1].end))
        for ordinal, group in enumerate(groups)
    )
    lost = uncovered(text, [(p.start, p.end) for p in passages], cuts)
    if lost:
        at = lost[0][0]
        raise CoverageError(
            f"《{document.doc_id}》第 {at} 字起的内容未进入任何段落，已停止入库。/ Text would be lost at {at}."
        )
    return passages


def windows(text: str, passage: Passage) -> list[Span]:
    """Source spans of one and two neighbouring clauses of a passage, the evidence that search compares.

    Sentences longer than UNIT_MAX count as several clauses, cut at commas.
    """
    units: list[Span] = []
    for start, end in passage.sentences:
        units += _subdivide(text, start, end, UNIT_MAX)
    pairs = [(a[0], b[1]) for a, b in itertools.pairwise(units)]
    return list(dict.fromkeys(units + pairs))


def _within(cuts: Sequence[Span], start: int, end: int) -> tuple[Span, ...]:
    """The cuts that lie inside `[start, end)`; `cuts` is sorted."""
    first = bisect_right(cuts, (start, start))
    found = []
    for a, b in cuts[first:]:
        if a >= end:
            break
        found.append((a, b))
    return tuple(found)


def _blocks(text: str, removals: Sequence[Removal]) -> Iterator[Block]:
    """Paragraphs: lines, glued where a join lies between them, without the removed spans at their edges."""
    removed = [(removal.start, removal.end) for removal in removals]
    starts = [a for a, _ in removed]
    join_starts = {removal.start for removal in removals if removal.joins and text[removal.start].isspace()}
    open_start = open_end = -1
    gap = False

    def finish() -> Iterator[Block]:
        if open_start >= 0:
            yield Block(open_start, open_end, _within(removed, open_start, open_end), gap_before)

    gap_before = False
    for line in text_lines(text):
        start, end = line
        if removed:
            start, end = _trim(text, start, end, removed, starts)
            if start >= end:
                gap = True
                continue
        if open_start >= 0 and open_end in join_starts:
            open_end = end
            continue
        yield from finish()
        open_start, open_end, gap_before, gap = start, end, gap, False
    yield from finish()


def _trim(text: str, start: int, end: int, removed: Sequence[Span], starts: Sequence[int]) -> Span:
    """Move `start` and `end` inwards past removed spans and white space at the edges."""
    index = max(bisect_right(starts, start) - 1, 0)
    for a, b in removed[index:]:
        if a > start or a >= end:
            break
        if b > start:
            start = b
            while start < end and text[start].isspace():
                start += 1
    index = bisect_right(starts, end - 1) - 1
    while index >= 0 and start < end and removed[index][0] < end <= removed[index][1]:
        end = removed[index][0]
        while start < end and text[end - 1].isspace():
            end -= 1
        index -= 1
    return start, end


def _grouped(text: str, blocks: Sequence[Block], size: int) -> Iterator[list[_Piece]]:
    """Pack sentences into passages: a heading goes with what follows it, a numbered clause begins another passage."""
    group: list[_Piece] = []
    length = 0
    heading_only = True
    for block, marker, is_heading, headings, leaves_items in outlined(text, blocks):
        pieces = [_Piece(block.start, block.end, headings, True)] if is_heading else _pieces(text, block, headings)
        own = sum(piece.end - piece.start for piece in pieces)
        fits = length + own <= size or (own < SHORT and length + own <= 1.3 * size)  # no tail of one line
        starts_anew = block.after_gap or (
            not heading_only
            and (
                is_heading
                or not fits
                or (marker is not None and (marker.rank <= ARTICLE_RANK or own >= SHORT))
                or (leaves_items and _is_above(headings, group))
            )
        )
        if group and starts_anew:
            yield group
            group, length, heading_only = [], 0, True
        if is_heading:
            group += pieces
            length += own
            continue
        for share in _shares(pieces, size, length):
            if group and not heading_only and not fits and length + share[-1].end - share[0].start > size:
                yield group
                group, length = [], 0
            group = group + share
            length += share[-1].end - share[0].start
            heading_only = False
    if group:
        yield group


def _is_above(headings: tuple[str, ...], group: Sequence[_Piece]) -> bool:
    """Whether the passage being packed begins under more headings than these: what follows is no part of its item."""
    first = next((piece.headings for piece in group if not piece.is_heading), ())
    return len(first) > len(headings)


def _pieces(text: str, block: Block, headings: tuple[str, ...]) -> list[_Piece]:
    """The block's sentences as source spans."""
    return [
        _Piece(*span, headings)
        for start, end in sentence_spans(text, block)
        for span in ([(start, end)] if end - start <= SENTENCE_MAX else _subdivide(text, start, end, SENTENCE_MAX))
    ]


def _subdivide(text: str, start: int, end: int, limit: int) -> list[Span]:
    """Cut a long sentence at commas into stretches of at most `limit` characters where commas allow it."""
    if end - start <= limit:
        return [(start, end)]
    spans, at, last = [], start, start
    for match in re.finditer(r"[，,、：:]|(?<=”)(?=“)|(?<=」)(?=「)", text[start:end]):
        stop = start + match.end()
        if stop - at > limit and last > at:
            spans.append((at, last))
            at = last
        last = stop
    if end - at > limit and last > at:
        spans.append((at, last))
        at = last
    spans.append((at, end))
    return [piece for span in spans for piece in _chopped(*span, limit)]


def _chopped(start: int, end: int, limit: int) -> list[Span]:
    """Equal cuts of a stretch without any comma, the last resort."""
    if end - start <= 2 * limit:
        return [(start, end)]
    return [(at, min(at + limit, end)) for at in range(start, end, limit)]


def _shares(pieces: list[_Piece], size: int, used: int) -> Iterator[list[_Piece]]:
    """Deal a block's sentences into evenly long runs of about `size` characters.

    used: characters that a heading already takes in the first run.
    """
    total = used + pieces[-1].end - pieces[0].start
    runs = max(1, round(total / size + 0.2))
    target = total / runs
    share: list[_Piece] = []
    goal, done = target, used
    for piece in pieces:
        length = piece.end - piece.start
        if share and done + length / 2 > goal:
            yield share
            share = []
            goal = max(goal + target, done + target * 0.6)
        share.append(piece)
        done += length
    if share:
        yield share


def _passage(document: Document, ordinal: int, group: list[_Piece], cuts: tuple[Span, ...]) -> Passage:
    start, end = group[0].start, group[-1].end
    return Passage(
        passage_id=f"{document.doc_id}#{start}-{end}",
        doc_id=document.doc_id,
        ordinal=ordinal,
        start=start,
        end=end,
        text=mend(document.text, start, end, cuts) if cuts else document.text[start:end],
        headings=next((piece.headings for piece in group if not piece.is_heading), group[-1].headings),
        cuts=cuts,
        sentences=tuple((piece.start, piece.end) for piece in group),
    )
