"""BM25 over tokens, with bm25s. Lucene's variant: idf = ln(1 + (N − df + ½)/(df + ½)), never negative.

Robertson & Zaragoza 2009 for the formula; k1 and b as in most Chinese baselines.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

K1 = 1.5
B = 0.75


class LexicalIndex:
    """Token lists of passages; scores are BM25 sums, 0 where no token is shared."""

    def __init__(self, token_lists: Sequence[Sequence[str]]) -> None:
        """token_lists: one list a passage, in row order."""
        import bm25s

        self._size = len(token_lists)
        self._index = None
        if any(token_lists):
            self._index = bm25s.BM25(k1=K1, b=B, method="lucene")
            self._index.index([list(tokens) for tokens in token_lists], show_progress=False)
        self._tokens = [frozenset(tokens) for tokens in token_lists]
        self._frequency: dict[str, int] = {}
        for tokens in self._tokens:
            for token in tokens:
                self._frequency[token] = self._frequency.get(token, 0) + 1

    def scores(self, tokens: Sequence[str]) -> np.ndarray:
        """BM25 of every passage for the query's tokens, (n_passages,) float32."""
        known = [token for token in tokens if token in self._frequency]
        if self._index is None or not known:
            return np.zeros(self._size, np.float32)
        return np.asarray(self._index.get_scores(known), dtype=np.float32)

    def tokens(self, row: int) -> frozenset[str]:
        """The distinct tokens of a passage."""
        return self._tokens[row]

    def frequency(self, token: str) -> int:
        """The number of passages that hold a token."""
        return self._frequency.get(token, 0)

    def idf(self, token: str) -> float:
        """How telling a token is in this collection; unknown tokens are the most telling."""
        frequency = self.frequency(token)
        return math.log(1 + (self._size - frequency + 0.5) / (frequency + 0.5))
