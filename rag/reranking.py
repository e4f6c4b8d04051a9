"""Rerank evidence windows by late interaction over the retriever's own token vectors.

Score of (question, text): the mean over the question's tokens of the best cosine among the text's tokens (ColBERT,
Khattab & Zaharia 2020, arXiv:2004.12832), turned into a probability by a logistic curve. The retriever adapter is
trained for this score beside its dense one, so reranking needs no second model in memory. Figures and what was
measured against it: benchmarks/results/adapters.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rag.tokenizing import simplify

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

MAX_TOKENS = 128  # a window has one or two clauses, about 60 tokens; what is longer is cut
QUESTION_TOKENS = 64
SLOPE, MIDDLE = 30.0, 0.62  # of the logistic curve; fitted by benchmarks/train_adapters.py measure


class LateReranker:
    """Scores texts for a question in one padded batch."""

    def __init__(self, model: SentenceTransformer, query_prompt: str, passage_prompt: str) -> None:
        """Share the embedder's model. Prompts: as the embedder's, e.g. `query: ` and `passage: `."""
        self._encoder = model[0].auto_model
        self._tokenizer = model.tokenizer
        self._prompts = (query_prompt, passage_prompt)
        # <s> and the prompt's own tokens take no part.
        self._skip = tuple(len(self._tokenizer(prompt.rstrip())["input_ids"]) - 1 for prompt in self._prompts)

    def score(self, question: str, texts: Sequence[str]) -> np.ndarray:
        """(texts,) float32 probabilities that a text answers the question, in the order given."""
        return 1 / (1 + np.exp(-SLOPE * (self.cosines(question, texts) - MIDDLE)))

    def cosines(self, question: str, texts: Sequence[str]) -> np.ndarray:
        """(texts,) float32 mean-of-best cosines in [-1, 1]: what `score` is a curve of."""
        import torch

        if not texts:
            return np.empty(0, np.float32)
        with torch.inference_mode():
            query, query_mask = self._tokens([question], 0, QUESTION_TOKENS)
            found, mask = self._tokens(texts, 1, MAX_TOKENS)
            pairs = torch.einsum("qh,tkh->tqk", query[0][query_mask[0].bool()], found)
            pairs = pairs.masked_fill(mask[:, None, :] == 0, -1.0)
            return pairs.amax(dim=2).float().mean(dim=1).numpy()

    def _tokens(self, texts: Sequence[str], side: int, limit: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Unit token vectors (texts, tokens, hidden) behind the prompt, and their mask."""
        import torch

        inputs = self._tokenizer(
            [self._prompts[side] + simplify(text) for text in texts],
            padding=True, truncation=True, max_length=limit, return_tensors="pt",
        )  # fmt: skip
        states = self._encoder(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]).last_hidden_state
        skip = self._skip[side]
        return torch.nn.functional.normalize(states[:, skip:], dim=-1), inputs["attention_mask"][:, skip:]
