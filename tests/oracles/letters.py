"""A toy transformer for the real reranker: every word is an axis of its own, and what it was given is written down."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np

from rag.models.embedding import TransformerEmbedder
from tests.conftest import ToyEmbedder

AXES = 1024
_TOKEN = re.compile(r"query:|passage:|[a-z]\d[a-z]|[^\W\s]")


class Words:
    """A tokenizer that cuts at codes and characters and remembers the texts."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {"<s>": 0, "</s>": 1, "<pad>": 2}
        self.texts: list[str] = []

    def __call__(self, texts, padding=False, truncation=False, max_length=512, return_tensors=None):
        import torch

        if isinstance(texts, str):
            return {"input_ids": self._ids(texts)}
        self.texts += texts
        rows = [self._ids(text)[:max_length] for text in texts]
        longest = max(map(len, rows))
        return {
            "input_ids": torch.tensor([row + [2] * (longest - len(row)) for row in rows]),
            "attention_mask": torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows]),
        }

    def _ids(self, text: str) -> list[int]:
        found = [self.numbers.setdefault(token, len(self.numbers)) for token in _TOKEN.findall(text)]
        return [0, *found, 1]


class Axes:
    """An encoder: token n points along axis n, at a length that only normalising takes away."""

    def __call__(self, input_ids, attention_mask):
        import torch

        return SimpleNamespace(last_hidden_state=torch.nn.functional.one_hot(input_ids, AXES).float() * 3.0)


class Letters:
    """What the reranker asks of a sentence-transformers model."""

    def __init__(self) -> None:
        self.tokenizer = Words()

    def __getitem__(self, index: int) -> SimpleNamespace:
        return SimpleNamespace(auto_model=Axes())


class LettersEmbedder(TransformerEmbedder):
    """The toy embedder's vectors, with a model behind it that can rerank."""

    def __init__(self) -> None:
        self._toy = ToyEmbedder()
        self.model = Letters()
        self.query_prompt, self.passage_prompt = "query: ", "passage: "
        self.identity, self.dim, self.revision = self._toy.identity, self._toy.dim, "letters"

    def encode_queries(self, texts) -> np.ndarray:
        return self._toy.encode_queries(texts)

    def encode_passages(self, texts, progress=None) -> np.ndarray:
        return self._toy.encode_passages(texts, progress)


def shared(question: list[str], text: list[str]) -> float:
    """The share of the question's tokens, its end mark included, that a text holds; every text has the end mark."""
    return (sum(token in text for token in question) + 1) / (len(question) + 1)
