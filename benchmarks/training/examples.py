"""Training examples from question sets: a query, the text that answers it, and where that text stood."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from benchmarks.training.variants import vary
from rag.datamodels import Document, Passage
from rag.ingest.chunking import cut, windows
from rag.ingest.cleaning import find_removals
from rag.text.spans import mend


@dataclass(frozen=True, slots=True)
class Example:
    """A pseudo or real question with one positive text.

    form: `window` (one or two clauses) or `passage`. group: the document it comes from; in-batch negatives of the
    same group are wanted (they are the hard ones) but for those in the same `passage` (an index into the pool).
    answers: strings that no negative may contain; empty for pseudo-questions.
    """

    query: str
    positive: str
    form: str
    source: str
    group: str
    passage: int
    answers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pooled:
    """A passage that can be a negative: its text, the texts of its clause windows, its document."""

    text: str
    context: str
    windows: tuple[str, ...]
    group: str


def pooled(document: Document, passage: Passage) -> Pooled:
    """The passage with headings (as the service encodes it) and the windows the service compares."""
    above = [heading for heading in passage.headings if not passage.text.startswith(heading[:10])]
    found = tuple(mend(document.text, a, b, passage.cuts) for a, b in windows(document.text, passage))
    context = "".join(f"{heading}\n" for heading in above) + passage.text
    return Pooled(passage.text, context, found, document.doc_id)


def cut_text(name: str, text: str) -> Iterator[Pooled]:
    """Passages of a text by the service's own rules."""
    document = Document(name, name, text, "", "text/plain")
    for passage in cut(document, find_removals(document)):
        yield pooled(document, passage)


def bigrams(text: str) -> frozenset[str]:
    """The set of neighbouring character pairs."""
    return frozenset(a + b for a, b in pairwise(text))


def question_examples(paths: Sequence[Path], seed: int) -> tuple[list[Example], list[Pooled]]:
    """Examples and passage pool of `{"query", "positive", "title", "answers"}` JSON Lines files.

    Each question gives its original wording once with a window and once with a passage, and a variant with either.
    """
    rng = random.Random(seed)
    pool: list[Pooled] = []
    where: dict[str, list[int]] = {}
    examples = []
    for path in paths:
        source = path.stem
        for line in path.read_text(encoding="utf-8").splitlines():
            pair = json.loads(line)
            key = f"{source}/{pair['title']}"
            if pair["positive"] not in where:
                passages = list(cut_text(key, pair["positive"]))
                where[pair["positive"]] = list(range(len(pool), len(pool) + len(passages)))
                pool += passages
            examples += _of_pair(pair, key, source, where[pair["positive"]], pool, rng)
    return examples, pool


def _of_pair(
    pair: dict, group: str, source: str, indexes: Sequence[int], pool: Sequence[Pooled], rng: random.Random
) -> Iterator[Example]:
    answers = tuple(dict.fromkeys(answer for answer in pair["answers"] if len(answer.strip()) > 0))
    asked = bigrams(pair["query"])
    best: tuple[float, int, str] | None = None
    for index in indexes:
        for window in pool[index].windows:
            if not any(answer in window for answer in answers) or len(window) > 160:
                continue
            # The sentence that shares most with the question; the shorter of two equal ones.
            value = len(asked & bigrams(window)) - len(window) / 200
            if best is None or value > best[0]:
                best = (value, index, window)
    if best is None:
        return
    _, index, window = best
    title = pair["title"]
    passage = f"{title}\n{pool[index].text}" if title and rng.random() < 0.5 else pool[index].text
    texts = {"window": window, "passage": passage}
    forms = [("window", False), ("passage", False), (rng.choice(("window", "passage")), True)]
    for form, varied in forms:
        query = vary(pair["query"], title, rng) if varied else pair["query"]
        yield Example(query, texts[form], form, source, group, index, answers)
