"""Lists whose items are the answer: sibling headings (一是…八是, 一、…五、) found whole for “which N points” questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag.datamodels import Passage
from rag.text.headings import LIST_ITEM, LIST_LENGTH, marker_at
from rag.text.numerals import to_number
from rag.text.tokenizing import tokenize

MAX_ITEMS = 15
SHARED = 0.8  # share of a list's headings that must hold a word for it to name the list: 对标, 深刻领会, 做到更加
TELLING = 1.0  # idf below which a word is in a third of all passages and names nothing


@dataclass(frozen=True, slots=True)
class Outline:
    """Sibling units of one document. rows: the passage that opens each, in order. labels: what they are called."""

    doc_id: str
    labels: tuple[str, ...]
    rows: tuple[int, ...]


def outlines_of(passages: Sequence[Passage]) -> tuple[Outline, ...]:
    """Every run of at least two sibling headings, in document order."""
    groups: dict[tuple[str, tuple[str, ...], int], dict[str, int]] = {}
    for row, passage in enumerate(passages):
        for depth, label in enumerate(passage.headings):
            marker = marker_at(label, 0, len(label))
            if marker is not None:
                siblings = groups.setdefault((passage.doc_id, passage.headings[:depth], marker.rank), {})
                siblings.setdefault(label, row)
    return tuple(
        Outline(doc_id, tuple(found), tuple(found.values()))
        for (doc_id, _, _), found in groups.items()
        if 2 <= len(found) <= MAX_ITEMS
    )


def asked_rows(question: str, outlines: Sequence[Outline], idf: Callable[[str], float]) -> tuple[int, ...]:
    """The rows of the list that a question asks for (八个对标), or of the one item it points at (第三点); none otherwise.

    idf: how telling a token is in the collection. A list is known by the words its items have in common and, where the
    question says it, by their number; many lists have as many items, so the number alone decides nothing.
    """
    ordinal = LIST_ITEM.search(question)
    place = (to_number(ordinal[1]) or 0) if ordinal else 0
    left = LIST_ITEM.sub(" ", question)
    counts = {to_number(match[1]) or 0 for match in LIST_LENGTH.finditer(left)}
    fitting = [
        outline for outline in outlines
        if (len(outline.labels) in counts if counts else ordinal) and place <= len(outline.labels)
    ]  # fmt: skip
    if not fitting:
        return ()
    # bigrams beside words: 对标的 is cut 对/标的, and the list would go by another name
    asked = {token for token in tokenize(LIST_LENGTH.sub(" ", left)) if len(token) > 1}

    def named(outline: Outline) -> float:
        found = [set(tokenize(label)) for label in outline.labels]
        common = {word for word in asked if sum(word in tokens for tokens in found) >= SHARED * len(found)}
        return sum(weight for word in common if (weight := idf(word)) >= TELLING)

    best = max(fitting, key=named)
    if not named(best):
        return ()
    return (best.rows[place - 1],) if place else best.rows
