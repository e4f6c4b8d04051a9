"""Hard negatives by hybrid search: what BM25 and the base model together rank high, but does not answer.

False negatives are dropped three ways: texts that hold an answer string, texts that are nearly the positive's own
passage, and texts that the base model prefers to the positive's passage by a margin (GISTEmbed, arXiv:2402.16829).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.training.examples import Example, Pooled, bigrams
from rag.text.tokenizing import tokenize

DEPTH = 40  # candidates looked at for each query
KEPT = 12  # negatives kept for each query
MARGIN = 0.02  # cosine; the base model spreads relevant and irrelevant by about .03
ALIKE = 0.5  # Jaccard of character bigrams from which two passages say the same


@dataclass(frozen=True, slots=True)
class Mined:
    """Examples with their negatives.

    negatives: per example, indexes into `pool`, hardest first. queries, passages: float16 unit vectors of the base
    model, (examples, 384) and (pool, 384): the guide for false negatives within a batch.
    """

    examples: tuple[Example, ...]
    pool: tuple[Pooled, ...]
    negatives: tuple[tuple[int, ...], ...]
    queries: np.ndarray
    passages: np.ndarray


def mine(examples: Sequence[Example], pool: Sequence[Pooled], base: Path, threads: int) -> Mined:
    """Rank the pool for every example by z(BM25) + 2·z(cosine) and keep the hard, false-negative-free part.

    base: the sentence-transformers folder that also guides the filter.
    """
    import bm25s
    from tqdm import tqdm

    queries, passages = _encoded(base, [e.query for e in examples], [p.context for p in pool], threads)
    ranker = bm25s.BM25(method="lucene")
    ranker.index([tokenize(p.context) or ["∅"] for p in tqdm(pool, desc="tokenize")], show_progress=False)
    grams = [bigrams(p.text) for p in pool]
    negatives = []
    for start in tqdm(range(0, len(examples), 256), desc="mine"):
        cosines = queries[start : start + 256].astype(np.float32) @ passages.T.astype(np.float32)
        for row, example in zip(cosines, examples[start : start + 256], strict=True):
            tokens = [token for token in tokenize(example.query) if token in ranker.vocab_dict]
            lexical = ranker.get_scores(tokens) if tokens else np.zeros(len(pool), np.float32)
            score = 2 * (row - row.mean()) / row.std() + (lexical - lexical.mean()) / (lexical.std() + 1e-6)
            top = np.argpartition(-score, DEPTH)[:DEPTH]
            ranked = top[np.argsort(-score[top], kind="stable")]
            negatives.append(tuple(_kept(example, ranked, row, pool, grams)))
    return Mined(tuple(examples), tuple(pool), tuple(negatives), queries, passages)


def _kept(
    example: Example, ranked: np.ndarray, cosines: np.ndarray, pool: Sequence[Pooled], grams: Sequence[frozenset[str]]
) -> list[int]:
    limit = cosines[example.passage] + MARGIN
    own = grams[example.passage]
    kept = []
    for index in ranked.tolist():
        if index == example.passage or cosines[index] > limit:
            continue
        if any(answer in pool[index].text for answer in example.answers):
            continue
        if len(own & grams[index]) > ALIKE * len(own | grams[index]):
            continue
        kept.append(index)
        if len(kept) == KEPT:
            break
    return kept


def best_window(query: str, passage: Pooled, answers: Sequence[str] = ()) -> str:
    """The passage's window that shares most with the query, shorter first; never one that holds an answer."""
    asked = bigrams(query)
    fit = [w for w in passage.windows if len(w) <= 160 and not any(answer in w for answer in answers)]
    return max(fit, key=lambda w: len(asked & bigrams(w)) - len(w) / 100, default=passage.text[:160])


def _encoded(base: Path, queries: list[str], passages: list[str], threads: int) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors of the base model in float16."""
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(threads)
    model = SentenceTransformer(str(base), model_kwargs={"dtype": torch.bfloat16})
    model.max_seq_length = 160
    return tuple(
        np.asarray(
            model.encode(texts, prompt_name=name, batch_size=64, normalize_embeddings=True, show_progress_bar=True),
            dtype=np.float16,
        )
        for texts, name in ((queries, "query"), (passages, "document"))
    )
