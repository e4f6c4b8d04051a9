"""What is around a passage: its neighbours, and the section that it is a part of."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import attrgetter

from rag.datamodels import Context, Passage
from rag.index.snapshot import Snapshot

SECTION_MAX = 3000  # characters; a longer section is no context but the document itself


def context_of(snapshot: Snapshot, doc_id: str, start: int, end: int, around: int) -> Context:
    """The span of a document widened, as `widen` does it; the span itself where the document has no passages."""
    passages = [snapshot.passages[row] for row in snapshot.rows_of(doc_id.__eq__)]
    return widen(passages, start, end, around) if passages else Context(start, end, start, end, ())


def widen(passages: Sequence[Passage], start: int, end: int, around: int) -> Context:
    """The span with `around` passages on each side.

    passages: of one document, in order. The section is the smallest headed unit of at most SECTION_MAX characters that
    holds more than the passages at the span; without one it is the widened span itself.
    """
    first = min(bisect_right(passages, start, key=attrgetter("end")), len(passages) - 1)
    last = max(bisect_left(passages, end, key=attrgetter("start")) - 1, first)
    low, high = passages[max(0, first - around)], passages[min(len(passages) - 1, last + around)]
    widened = min(low.start, start), max(high.end, end)
    headings = passages[first].headings
    for depth in range(len(headings), 0, -1):
        shared = headings[:depth]
        a, b = first, last
        while a > 0 and passages[a - 1].headings[:depth] == shared:
            a -= 1
        while b + 1 < len(passages) and passages[b + 1].headings[:depth] == shared:
            b += 1
        section = passages[a].start, passages[b].end
        if section[1] - section[0] > SECTION_MAX:
            break
        if (a, b) != (first, last):
            return Context(*widened, *section, shared)
    return Context(*widened, *widened, headings)
