"""The headings that each paragraph of a document is under: parts, articles and their items, and lead-ins of lists."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from rag.text.headings import (
    ARTICLE_RANK,
    BRACKET_RANK,
    RUN_IN_MAX,
    RUN_IN_RANK,
    Marker,
    is_heading_line,
    marker_at,
    number_of,
    sentence_ends,
)  # fmt: skip
from rag.text.spans import Span, mend

LIST_REACH = 60  # blocks within which the next item of a list is looked for
_ITEM_ENDS = tuple("。；！？;”）)")


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph: a source span whose `cuts` are left out when it is read."""

    start: int
    end: int
    cuts: tuple[Span, ...]
    after_gap: bool  # removed text comes right before it


@dataclass(frozen=True, slots=True)
class _Open:
    """A unit that what follows is part of. number: of an item, None where it has none. is_title: a line of its own."""

    rank: float
    label: str
    number: int | None
    is_title: bool


class Placed(NamedTuple):
    """A block under its headings, outermost first, its own included."""

    block: Block
    marker: Marker | None
    is_heading: bool
    headings: tuple[str, ...]
    leaves_items: bool  # a paragraph of an article, after its items


def outlined(text: str, blocks: Sequence[Block]) -> Iterator[Placed]:
    """Each block with its mark and the headings it is under, its own included."""
    marks = [marker_at(text, block.start, block.end) for block in blocks]
    path: list[_Open] = []
    for index, (block, marker) in enumerate(zip(blocks, marks, strict=True)):
        is_heading = is_heading_line(text, block.start, block.end)
        if marker is not None:
            while path and path[-1].rank >= marker.rank:
                path.pop()
            number = number_of(text[block.start : marker.end])
            is_title = is_heading and text[block.end - 1] not in "：:"  # such an item has its text or items below it
            path.append(_Open(marker.rank, _label(text, block, marker, whole=is_heading), number, is_title))
        elif path and path[-1].rank == RUN_IN_RANK:
            path.pop()  # an item 一是…, 一要… is one paragraph; what follows unmarked is no part of it
        depth = len(path)
        if marker is None and any(one.rank == ARTICLE_RANK for one in path):
            _close_items(text, blocks, marks, index, path)
        yield Placed(block, marker, is_heading, tuple(one.label for one in path), len(path) < depth)
        after = marks[index + 1] if index + 1 < len(blocks) else None
        if after is not None and after.rank > ARTICLE_RANK and path and path[-1].rank == ARTICLE_RANK:
            lead = _lead_in(text, block, marker)
            if lead:
                path.append(_Open(after.rank - 0.5, lead, None, is_title=False))


def _close_items(
    text: str, blocks: Sequence[Block], marks: Sequence[Marker | None], index: int, path: list[_Open]
) -> None:
    """Leave the items of an article whose list is over: the unmarked block at `index` is a paragraph of the article.

    It is part of an item that is a heading line, of one whose text goes on, and of one whose next item is still to come.
    """
    before = blocks[index - 1]
    while path[-1].rank > ARTICLE_RANK and not path[-1].is_title:
        item = path[-1]
        if item.number is not None:
            if not text.endswith(_ITEM_ENDS, before.start, before.end):
                return
            following = next((m for m in _marked(blocks, marks, index) if m[1].rank <= item.rank), None)
            if following and following[1].rank == item.rank:
                number = number_of(text[following[0].start : following[1].end])
                if number == item.number + 1:
                    return
        path.pop()


def _marked(blocks: Sequence[Block], marks: Sequence[Marker | None], index: int) -> Iterator[tuple[Block, Marker]]:
    """The marked blocks from `index` on, as far as a list is looked for."""
    for at in range(index, min(index + LIST_REACH, len(blocks))):
        marker = marks[at]
        if marker is not None:
            yield blocks[at], marker


def _lead_in(text: str, block: Block, marker: Marker | None) -> str:
    """The words that an article's items are read after (…享受以下待遇：); "" where the block does not lead to any."""
    if text[block.end - 1] not in "：:":
        return ""
    own = block if marker is None else replace(block, start=marker.end)
    start, end = sentence_spans(text, own)[-1]
    lead = re.sub(r"\s+", " ", mend(text, start, end, block.cuts)).strip()
    if len(lead) <= RUN_IN_MAX:
        return lead
    pauses = [match.end() for match in re.finditer("[，、]", lead) if len(lead) - match.end() < RUN_IN_MAX]
    return "…" + lead[pauses[0] if pauses else 1 - RUN_IN_MAX :]


def _label(text: str, block: Block, marker: Marker, *, whole: bool) -> str:
    """What a numbered unit is called: the heading line, a short opening sentence, or just the mark."""
    if not whole and marker.rank in (ARTICLE_RANK, BRACKET_RANK):
        return text[block.start : marker.end].strip()
    span = (block.start, block.end) if whole else sentence_spans(text, block, limit=RUN_IN_MAX + 20)[0]
    label = re.sub(r"\s+", " ", mend(text, *span, block.cuts)).lstrip("#").strip()
    return label if whole or len(label) <= RUN_IN_MAX else label[:24] + "…"


def sentence_spans(text: str, block: Block, limit: int | None = None) -> list[Span]:
    """Source spans of the block's sentences, read without its cuts, together covering the block.

    limit: look only at so many characters (for a label).
    """
    if not block.cuts:
        end = block.end if limit is None else min(block.end, block.start + limit)
        bounds = [block.start + offset for offset in sentence_ends(text[block.start : end])]
        return _tight(text, block.start, bounds)
    read = mend(text, block.start, block.end, block.cuts)
    if limit is not None:
        read = read[:limit]
    return _tight(text, block.start, [_to_source(block, offset) for offset in sentence_ends(read)])


def _tight(text: str, start: int, bounds: list[int]) -> list[Span]:
    """Spans between bounds without the white space at their edges."""
    spans = []
    for end in bounds:
        while start < end and text[start].isspace():
            start += 1
        stop = end
        while stop > start and text[stop - 1].isspace():
            stop -= 1
        if start < stop:
            spans.append((start, stop))
        start = end
    return spans


def _to_source(block: Block, offset: int) -> int:
    """The source offset just after the `offset` characters that are read."""
    at = block.start
    for a, b in block.cuts:
        if offset <= a - at:
            break
        offset -= a - at
        at = b
    return at + offset
