"""What is marked in an excerpt: the sentences that answer, whole, and a list whole where it was asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.models.reader import Finding
from rag.text.headings import marker_at
from rag.text.spans import Span

HIGHLIGHT_MAX = 160  # characters; a longer sentence is marked by its best clauses only
LIST_MAX = 400  # characters; a longer list is not marked whole
# Beside the surest sentence others are marked that are nearly as sure, as long as all are no more than a sentence or two
# (benchmarks/results/reader.md).
AS_SURE, TOGETHER_MAX, SENTENCES_MAX = 2.0, 120, 3  # logits below the surest, characters, sentences
ITEM_RANK = 6  # 一、 （一） 1. （1） ①: marks of this rank and below open the items of a list
_LISTED = re.compile(r"哪些|哪几|几[种类项个条点方]|分别|包括什么|有什么|which|what (?:are|were)|list", re.IGNORECASE)


def marked(
    text: str,
    sentences: Sequence[Span],
    windows: Sequence[Span],
    answer: Span | None,
    question: str,
    sure: Sequence[float] = (),
) -> list[Span]:
    """The sentences of a passage that answer: the surest; else those of the reader's span; else those of the best window.

    text: the document. sentences, windows: spans in it, in order and best first. answer: the reader's span in it; None where
    there is none. sure: the reader's answer logit of each sentence read alone; empty where they were not. Of a very long
    sentence it is the clauses that hold the span. A sentence that leads into a list is marked with its items, and an
    item with the others where the question asks for a list.
    """
    if answer is None and not windows:
        return []
    start, end = windows[0] if answer is None else answer
    if answer is not None:
        start = max((a for a, _ in windows if a <= start), default=start)
        end = min((b for _, b in windows if b >= end), default=end)
    chosen = [at for at, (a, b) in enumerate(sentences) if a < end and b > start]
    if sure:
        chosen = _surest(sentences, sure)
    whole = _with_lists(text, sentences, chosen, bool(_LISTED.search(question)))
    return [
        (a, b) if b - a <= HIGHLIGHT_MAX or at not in chosen else _clauses((a, b), (start, end), windows)
        for at, (a, b) in ((at, sentences[at]) for at in whole)
    ]


def _surest(sentences: Sequence[Span], sure: Sequence[float]) -> list[int]:
    """The surest sentence, and the next ones as far as they go with it."""
    order = sorted(range(len(sure)), key=lambda at: -sure[at])
    chosen, length = order[:1], sentences[order[0]][1] - sentences[order[0]][0]
    for at in order[1:SENTENCES_MAX]:
        length += sentences[at][1] - sentences[at][0]
        if sure[at] < sure[order[0]] - AS_SURE or length > TOGETHER_MAX:
            break
        chosen.append(at)
    return sorted(chosen)


def _clauses(sentence: Span, answer: Span, windows: Sequence[Span]) -> Span:
    """The part of a sentence that holds the answer, or its own best window where the answer lies elsewhere."""
    for start, end in (answer, *windows):
        if start < sentence[1] and end > sentence[0]:
            return max(sentence[0], start), min(sentence[1], end)
    return sentence


def span_of(finding: Finding | None) -> Span | None:
    """Where in its passage the reader sees the answer; None where it sees none."""
    return None if finding is None or finding.end <= finding.start else (finding.start, finding.end)


def _with_lists(text: str, sentences: Sequence[Span], chosen: Sequence[int], asked: bool) -> list[int]:
    """The chosen sentences with the lists that they belong to."""
    found = set(chosen)
    for at in chosen:
        items: list[int] = []
        if text[slice(*sentences[at])].rstrip().endswith(("：", ":")):
            items = _run(text, sentences, at + 1)
        elif asked and _rank(text, sentences[at]) is not None:
            first = at
            while first > 0 and _rank(text, sentences[first - 1]) == _rank(text, sentences[at]):
                first -= 1
            leads = first > 0 and text[slice(*sentences[first - 1])].rstrip().endswith(("：", ":"))
            items = [*([first - 1] if leads else []), *_run(text, sentences, first)]
        if items and sentences[items[-1]][1] - sentences[items[0]][0] <= LIST_MAX:
            found.update(items)
    return sorted(found)


def _run(text: str, sentences: Sequence[Span], first: int) -> list[int]:
    """The items from a place on: as long as each opens with a mark of the first one's rank."""
    rank = _rank(text, sentences[first]) if first < len(sentences) else None
    last = first
    while rank is not None and last < len(sentences) and _rank(text, sentences[last]) == rank:
        last += 1
    return list(range(first, last))


def _rank(text: str, sentence: Span) -> int | None:
    """The rank of the item's mark that a sentence opens with; None where it is no item."""
    start, end = sentence
    start += len(text[start:end]) - len(text[start:end].lstrip())
    mark = marker_at(text, start, end)
    return mark.rank if mark is not None and mark.rank >= ITEM_RANK else None
