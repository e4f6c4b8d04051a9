"""Rerank the best windows by late interaction over the retriever's own token vectors.

Score of (question, text): the mean over the question's tokens of the best cosine among the text's tokens (ColBERT,
Khattab & Zaharia 2020, arXiv:2004.12832). It needs no training and no second model in memory, and works with whatever
transformer embeds; what was trained and measured against it is in benchmarks/results/adapters.md.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from rag.models.embedding import Embedder, TransformerEmbedder
from rag.text.tokenizing import simplify

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

MAX_TOKENS = 96  # a window has one or two clauses, about 60 tokens; what is longer is cut
QUESTION_TOKENS = 64
BATCH = 7  # texts of like length encoded together: less padding, and 20 windows make three batches
FIRST_GUESS_MS = 8.0  # a window on two cores; the time that calls really take replaces it
SMOOTHING = 0.3  # of the latest call in the running mean of its cost


class Reranker(Protocol):
    """What scores texts with the question. cost_ms: what one text takes here, a running mean."""

    cost_ms: float

    def scores(self, question: str, texts: Sequence[str]) -> np.ndarray:
        """(texts,) float32, higher is better, in the order given; only order and distances count."""
        ...


class LateReranker:
    """Scores texts for a question, texts of like length together."""

    def __init__(self, model: SentenceTransformer, query_prompt: str, passage_prompt: str) -> None:
        """Share the embedder's model. Prompts: as the embedder's, e.g. `query: ` and `passage: `."""
        self.cost_ms = FIRST_GUESS_MS
        self._encoder = cast("torch.nn.Module", model[0].auto_model)
        self._tokenizer = model.tokenizer
        self._prompts = (query_prompt, passage_prompt)
        # <s> and the prompt's own tokens take no part.
        self._skip = tuple(len(self._tokenizer(prompt.rstrip())["input_ids"]) - 1 for prompt in self._prompts)

    def scores(self, question: str, texts: Sequence[str]) -> np.ndarray:
        """(texts,) float32 mean-of-best cosines in [-1, 1], in the order given."""
        import torch

        found = np.empty(len(texts), np.float32)
        if not texts:
            return found
        started = time.perf_counter()
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        with torch.inference_mode():
            query, query_mask = self._tokens([question], 0, QUESTION_TOKENS)
            for at in range(0, len(order), BATCH):
                part = order[at : at + BATCH]
                states, mask = self._tokens([texts[index] for index in part], 1, MAX_TOKENS)
                pairs = torch.einsum("qh,tkh->tqk", query[0][query_mask[0].bool()], states)
                pairs = pairs.masked_fill(mask[:, None, :] == 0, -1.0)
                found[part] = pairs.amax(dim=2).float().mean(dim=1).numpy()
        self.cost_ms += SMOOTHING * ((time.perf_counter() - started) * 1e3 / len(texts) - self.cost_ms)
        return found

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


def load_reranker(embedder: Embedder) -> Reranker | None:
    """What reranks with this embedder's model; None where it is no transformer."""
    if not isinstance(embedder, TransformerEmbedder) or not hasattr(embedder.model[0], "auto_model"):
        return None
    return LateReranker(embedder.model, embedder.query_prompt, embedder.passage_prompt)
