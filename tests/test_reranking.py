"""Late interaction: the score is the mean of best token cosines; padding, prompts and order do not count."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from rag.models.reranking import LateReranker

WORDS = {"<s>": 0, "</s>": 1, "<pad>": 2, "query:": 3, "passage:": 4}


class Tokenizer:
    """Splits at spaces and numbers words as they come."""

    def __call__(self, texts, padding=False, truncation=False, max_length=512, return_tensors=None):
        if isinstance(texts, str):
            return {"input_ids": self._ids(texts)}
        rows = [self._ids(text)[:max_length] for text in texts]
        longest = max(map(len, rows))
        return {
            "input_ids": torch.tensor([row + [2] * (longest - len(row)) for row in rows]),
            "attention_mask": torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows]),
        }

    def _ids(self, text: str) -> list[int]:
        return [0, *(WORDS.setdefault(word, len(WORDS)) for word in text.split()), 1]


class Encoder:
    """Every token is its own axis: a best cosine is 1 where the text holds the token and 0 where it does not."""

    def __call__(self, input_ids, attention_mask):
        return SimpleNamespace(last_hidden_state=torch.nn.functional.one_hot(input_ids, 64).float() * 3.0)


class Model:
    """What LateReranker asks of a SentenceTransformer."""

    tokenizer = Tokenizer()

    def __getitem__(self, index):
        return SimpleNamespace(auto_model=Encoder())


@pytest.fixture
def reranker() -> LateReranker:
    return LateReranker(Model(), "query: ", "passage: ")


def test_cosines_are_the_share_of_tokens_found(reranker: LateReranker) -> None:
    found = reranker.scores("a b c", ["c b a x y z", "a x", "q"])
    # four query tokens count: three words and </s>, which every text has
    np.testing.assert_allclose(found, [1.0, 0.5, 0.25], atol=1e-6)


def test_padding_and_company_do_not_change_a_score(reranker: LateReranker) -> None:
    alone = reranker.scores("a b", ["a"])
    together = reranker.scores("a b", ["x y z u v w a", "a", "b b b b"])
    assert together[1] == pytest.approx(alone[0], abs=1e-6)


def test_scores_come_in_the_order_given_and_the_cost_is_learnt(reranker: LateReranker) -> None:
    before = reranker.cost_ms
    found = reranker.scores("a b c", ["q", "a b c"])
    assert found.shape == (2,) and found[0] < found[1]
    assert reranker.cost_ms != before


def test_nothing_to_rerank(reranker: LateReranker) -> None:
    assert reranker.scores("a", []).shape == (0,)
