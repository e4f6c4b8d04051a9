"""Stretches of a text: what one reads as without its cuts, and what none of them covers."""

from __future__ import annotations

from collections.abc import Iterable

from rag.datamodels import Passage

SENTENCE_MAX = 700  # characters; longer sentences are cut at commas, for the model reads 512 tokens
Span = tuple[int, int]


def mend(text: str, start: int, end: int, cuts: Iterable[Span]) -> str:
    """The source at `[start, end)` as it reads without the cuts."""
    parts, at = [], start
    for a, b in cuts:
        if b <= at or a >= end:
            continue
        parts.append(text[at : max(a, at)])
        at = b
    parts.append(text[at:end] if at < end else "")
    return "".join(parts)


def reads_as(passage: Passage, start: int, end: int) -> str:
    """What the passage's own text, without its cuts, has at the source span `[start, end)`."""

    def place(offset: int) -> int:
        return offset - passage.start - sum(max(0, min(b, offset) - max(a, passage.start)) for a, b in passage.cuts)

    return passage.text[place(start) : place(end)]


def source_span(passage: Passage, start: int, end: int) -> Span:
    """The source span of `passage.text[start:end]`, cuts inside it included."""

    def place(offset: int) -> int:
        at = passage.start
        for a, b in passage.cuts:
            if offset < a - at:
                break
            offset, at = offset - (a - at), b
        return at + offset

    return place(start), place(end - 1) + 1 if end > start else place(start)


def uncovered(text: str, spans: Iterable[Span], removed: Iterable[Span]) -> list[Span]:
    """Spans of `text` that hold non-blank characters and lie in neither `spans` nor `removed`."""
    gaps, at = [], 0
    for start, end in sorted([*spans, *removed]):
        if start > at and not text[at:start].isspace():
            gaps.append((at, start))
        at = max(at, end)
    if at < len(text) and not text[at:].isspace():
        gaps.append((at, len(text)))
    return gaps
