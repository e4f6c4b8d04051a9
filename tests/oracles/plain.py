"""The formulas of search in plain Python and numpy, over passages and a toy embedder."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from rag.datamodels import Passage
from tests.conftest import ToyEmbedder

FOREIGN = Path(__file__).parents[2] / "rag" / "data" / "foreign_questions.txt"
LONG_SENTENCE = 100  # characters; a longer sentence is cut at commas, which these oracles leave to tests of chunking


@lru_cache(maxsize=1)
def foreign() -> tuple[str, ...]:
    """The questions that no collection answers, as the data file has them."""
    return tuple(line for line in FOREIGN.read_text(encoding="utf-8").splitlines() if line)


def read_without_cuts(passage: Passage, start: int, end: int) -> str:
    """The passage's own characters between two offsets of its source, character by character."""
    shown = [at for at in range(passage.start, passage.end) if not any(a <= at < b for a, b in passage.cuts)]
    assert len(shown) == len(passage.text)
    return "".join(char for at, char in zip(shown, passage.text, strict=True) if start <= at < end)


def window_spans(passage: Passage) -> list[tuple[int, int]]:
    """Each sentence, then each two neighbouring sentences; none twice."""
    single = list(passage.sentences)
    assert all(end - start <= LONG_SENTENCE for start, end in single)
    double = [(single[at][0], single[at + 1][1]) for at in range(len(single) - 1)]
    return single + [span for span in double if span not in single]


def under_headings(passage: Passage) -> str:
    """The passage below its headings, outermost first, without those that it opens with itself."""
    lines = [heading for heading in passage.headings if passage.text[: len(heading[:10])] != heading[:10]]
    return "\n".join([*lines, passage.text])


def centred(embedder: ToyEmbedder, question: str) -> np.ndarray:
    """(dim,) the question's vector less 0.7 of the mean vector of foreign questions."""
    vectors = [embedder.encode_queries([text])[0] for text in foreign()]
    return embedder.encode_queries([question])[0] - 0.7 * np.mean(vectors, axis=0)


def cosines(embedder: ToyEmbedder, query: np.ndarray, passage: Passage) -> tuple[float, dict[tuple[int, int], float]]:
    """The cosine of the passage under its headings, and that of each of its windows."""
    texts = {span: read_without_cuts(passage, *span) for span in window_spans(passage)}
    whole = float(embedder.encode_queries([under_headings(passage)])[0] @ query)
    return whole, {span: float(embedder.encode_queries([text])[0] @ query) for span, text in texts.items()}


def dense(embedder: ToyEmbedder, query: np.ndarray, passage: Passage) -> tuple[float, float]:
    """The mean of the passage's cosine and of its best window's, and the latter."""
    whole, windows = cosines(embedder, query, passage)
    best = max(windows.values())
    return (whole + best) / 2, best


def code_words(text: str) -> list[str]:
    """The words of a text made of codes (`k7a m2c`), which no dictionary cuts and no language has."""
    return re.findall(r"[a-z]\d[a-z]", text)


def idf(frequency: int, size: int) -> float:
    """Lucene's: ln(1 + (N − df + ½)/(df + ½))."""
    return math.log(1 + (size - frequency + 0.5) / (frequency + 0.5))


def bm25(query: Sequence[str], documents: Sequence[Sequence[str]]) -> np.ndarray:
    """BM25 with k1 = 1.5 and b = 0.75 of each document; a repeated word of the query counts as often."""
    average = sum(map(len, documents)) / len(documents)
    sets = [set(document) for document in documents]
    scores = np.zeros(len(documents))
    for word in query:
        weight = idf(sum(word in own for own in sets), len(documents))
        for at, document in enumerate(documents):
            if word in sets[at]:
                count = document.count(word)
                scores[at] += weight * count / (count + 1.5 * (1 - 0.75 + 0.75 * len(document) / average))
    return scores


def standard(values: np.ndarray, population: np.ndarray) -> np.ndarray:
    """z-scores."""
    return (values - np.mean(population)) / np.std(population)


def even_sample(values: Sequence[float], most: int = 2000) -> list[float]:
    """Every second, every third, … so that no more than `most` are left."""
    step = 1
    while len(values[::step]) > most:
        step += 1
    return list(values[::step])


def confidence(best_window: float, near: float, spread: float) -> float:
    """The logistic of 2 · spreads above what one foreign question in twenty exceeds."""
    return 1 / (1 + math.exp(-2.0 * (best_window - near) / spread))
