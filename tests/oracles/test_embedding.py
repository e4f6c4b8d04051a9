"""The embedder around a real but tiny model with random weights, against the model's own token vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rag.models.embedding import TransformerEmbedder
from rag.models.reranking import LateReranker, load_reranker

TEXTS = ["工会是职工之家", "困难职工由街道工会登记造册并且每季度核对一次", "救助金", "读书班每季度举办"]
LETTERS = sorted({*"".join(TEXTS), *"query:passage?怎么登记"})


@pytest.fixture(scope="module")
def embedder(tmp_path_factory) -> TransformerEmbedder:
    """One layer of 32 dimensions over single characters, mean pooling, nothing that normalises."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder: Path = tmp_path_factory.mktemp("tiny")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    import torch

    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(words), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        initializer_range=1.0,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder / "bert")
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder / "bert")
    transformer = modules.Transformer(str(folder / "bert"))
    model = SentenceTransformer(
        modules=[transformer, modules.Pooling(32)], prompts={"query": "query: ", "document": "passage: "}, device="cpu"
    )
    model.save(str(folder / "model"))
    return TransformerEmbedder(str(folder / "model"), batch_size=2)


def token_vectors(embedder: TransformerEmbedder, text: str) -> np.ndarray:
    """(tokens, dim) of one text by itself."""
    import torch

    inputs = embedder.model.tokenizer(text, return_tensors="pt")
    with torch.inference_mode():
        return embedder.model[0].auto_model(**inputs).last_hidden_state[0].float().numpy()


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def expected(embedder: TransformerEmbedder, prompt: str, text: str) -> np.ndarray:
    return unit(token_vectors(embedder, prompt + text).mean(axis=0))


def test_vectors_are_of_length_one(embedder):
    for vectors in (embedder.encode_queries(TEXTS), embedder.encode_passages(TEXTS)):
        assert vectors.shape == (4, 32) and vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_questions_and_passages_are_read_behind_their_prompts(embedder):
    for found, prompt in ((embedder.encode_queries(TEXTS), "query: "), (embedder.encode_passages(TEXTS), "passage: ")):
        own = [expected(embedder, prompt, text) @ vector for text, vector in zip(TEXTS, found, strict=True)]
        assert min(own) > 0.99  # bfloat16, where the machine has it, is not exact
    both = (embedder.encode_queries(TEXTS) * embedder.encode_passages(TEXTS)).sum(axis=1)
    assert max(both) < 0.98  # the prompt does tell, so that the wrong one would be seen


def test_vectors_come_in_the_order_of_the_texts(embedder):
    many = [text[:at] for text in TEXTS for at in range(1, 8)]
    together = embedder.encode_passages(many)
    alone = np.stack([embedder.encode_passages([text])[0] for text in many])
    assert (together * alone).sum(axis=1).min() > 0.99


def test_the_reranker_is_the_mean_of_the_best_cosines(embedder):
    """Of the question's tokens among the text's, both without <s> and the prompt."""
    reranker = load_reranker(embedder)
    assert isinstance(reranker, LateReranker)
    question = "怎么登记"
    skipped = {side: len(token_vectors(embedder, side)) - 1 for side in ("query:", "passage:")}
    asked = unit(token_vectors(embedder, f"query: {question}")[skipped["query:"] :])
    told = [unit(token_vectors(embedder, f"passage: {text}")[skipped["passage:"] :]) for text in TEXTS]
    by_hand = [(asked @ text.T).max(axis=1).mean() for text in told]
    np.testing.assert_allclose(reranker.scores(question, TEXTS), by_hand, atol=0.02)
