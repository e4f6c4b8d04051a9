"""Rerank evidence windows by late interaction over the retriever's own token vectors.

Score of (question, text): the mean over the question's tokens of the best cosine among the text's tokens (ColBERT,
Khattab & Zaharia 2020, arXiv:2004.12832), turned into a probability by a logistic curve. It needs no training and no
second model in memory; figures, with and without the retriever adapter: benchmarks/results/adapters.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rag.tokenizing import simplify

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

MAX_TOKENS = 96  # a window has one or two clauses, about 60 tokens; what is longer is cut
QUESTION_TOKENS = 64
BATCH = 7  # texts of like length encoded together: less padding, and 20 windows make three batches
# (slope, middle) of the logistic curve, by `benchmarks/train_adapters.py measure` on the development sets, where a
# window counts as right when its document is: an upper bound on the chance that the window itself answers.
BASE_CURVE = (51.6, 0.904)
ADAPTED_CURVE = (23.6, 0.803)  # with embeddings/retriever-lora merged in


class LateReranker:
    """Scores texts for a question, texts of like length together."""

    def __init__(
        self,
        model: SentenceTransformer,
        query_prompt: str,
        passage_prompt: str,
        curve: tuple[float, float] = BASE_CURVE,
    ) -> None:
        """Share the embedder's model. Prompts: as the embedder's, e.g. `query: ` and `passage: `.

        curve: (slope, middle) from cosine to probability; each model has its own.
        """
        self._slope, self._middle = curve
        self._encoder = model[0].auto_model
        self._tokenizer = model.tokenizer
        self._prompts = (query_prompt, passage_prompt)
        # <s> and the prompt's own tokens take no part.
        self._skip = tuple(len(self._tokenizer(prompt.rstrip())["input_ids"]) - 1 for prompt in self._prompts)

    def score(self, question: str, texts: Sequence[str]) -> np.ndarray:
        """(texts,) float32 probabilities that a text answers the question, in the order given."""
        return 1 / (1 + np.exp(-self._slope * (self.cosines(question, texts) - self._middle)))

    def cosines(self, question: str, texts: Sequence[str]) -> np.ndarray:
        """(texts,) float32 mean-of-best cosines in [-1, 1]: what `score` is a curve of."""
        import torch

        scores = np.empty(len(texts), np.float32)
        if not texts:
            return scores
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        with torch.inference_mode():
            query, query_mask = self._tokens([question], 0, QUESTION_TOKENS)
            for at in range(0, len(order), BATCH):
                part = order[at : at + BATCH]
                found, mask = self._tokens([texts[index] for index in part], 1, MAX_TOKENS)
                pairs = torch.einsum("qh,tkh->tqk", query[0][query_mask[0].bool()], found)
                pairs = pairs.masked_fill(mask[:, None, :] == 0, -1.0)
                scores[part] = pairs.amax(dim=2).float().mean(dim=1).numpy()
        return scores

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
