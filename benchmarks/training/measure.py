"""Figures of a model on BEIR-style sets by stage: BM25, dense, fused, reranked; ranked by document.

A document's score is that of its best passage; a passage's dense score is the mean of its own cosine and that of its
best clause window, the fused score .3·z(BM25) + .7·z(dense): what the service does.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.training.examples import cut_text
from rag.text.tokenizing import simplify, tokenize

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

LEXICAL = 0.3  # share of BM25 in the fused score


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a set: its passages and windows with their owners, its queries with their relevant documents.

    owner: (passages,) index of the document. window_owner: (windows,) index of the passage.
    """

    name: str
    contexts: tuple[str, ...]
    owner: np.ndarray
    windows: tuple[str, ...]
    window_owner: np.ndarray
    queries: tuple[str, ...]
    relevant: tuple[frozenset[int], ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """Per-query passage scores, each (queries, passages), and the best window of each passage (an index)."""

    lexical: np.ndarray
    dense: np.ndarray
    window: np.ndarray

    @property
    def fused(self) -> np.ndarray:
        """What ranks before reranking."""
        return LEXICAL * standardised(self.lexical) + (1 - LEXICAL) * standardised(self.dense)


def read_part(folder: Path, documents: int, queries: int, seed: int = 7) -> Part:
    """A random part of a BEIR folder: the drawn queries' documents, filled up with others.

    documents, queries: how many at most. A query without a relevant document is an error (ValueError).
    """
    rng = random.Random(seed)
    texts = {row["_id"]: (row.get("title", ""), row["text"]) for row in _lines(folder / "corpus.jsonl")}
    asked = {row["_id"]: row["text"] for row in _lines(folder / "queries.jsonl")}
    relevant: dict[str, set[str]] = {}
    for line in (folder / "qrels/test.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, document, value = line.split("\t")[:3]
        if int(value) > 0:
            relevant.setdefault(query, set()).add(document)
    drawn = rng.sample(sorted(relevant), min(queries, len(relevant)))
    needed = sorted({document for query in drawn for document in relevant[query]})
    others = sorted(set(texts) - set(needed))
    chosen = needed + rng.sample(others, min(max(documents - len(needed), 0), len(others)))
    place = {document: index for index, document in enumerate(chosen)}
    contexts: list[str] = []
    windows: list[str] = []
    owner: list[int] = []
    window_owner: list[int] = []
    for index, document in enumerate(chosen):
        title, text = texts[document]
        for passage in cut_text(document, text):
            window_owner += [len(contexts)] * len(passage.windows)
            windows += passage.windows
            contexts.append(f"{title}\n{passage.context}" if title else passage.context)
            owner.append(index)
    return Part(
        folder.name, tuple(contexts), np.asarray(owner), tuple(windows), np.asarray(window_owner),
        tuple(asked[query] for query in drawn), tuple(frozenset(place[d] for d in relevant[q]) for q in drawn),
    )  # fmt: skip


def score_part(part: Part, encode: Callable[[Sequence[str], str], np.ndarray]) -> Scored:
    """Score every passage of the part for every query.

    encode: (texts, prompt name) → unit vectors, float32.
    """
    import bm25s

    queries = encode(part.queries, "query")
    passages = encode(part.contexts, "document") @ queries.T
    windows = encode(part.windows, "document") @ queries.T
    count = len(part.contexts)
    starts = np.flatnonzero(np.r_[True, part.window_owner[1:] != part.window_owner[:-1]])
    best = passages.copy()  # a passage without a window of its own is its own window
    which = np.full(passages.shape, -1)
    for start, end in zip(starts, np.r_[starts[1:], len(part.windows)], strict=True):
        row = part.window_owner[start]
        best[row] = windows[start:end].max(axis=0)
        which[row] = start + windows[start:end].argmax(axis=0)
    ranker = bm25s.BM25(method="lucene")
    ranker.index([tokenize(text) or ["∅"] for text in part.contexts], show_progress=False)
    lexical = np.zeros((len(part.queries), count), np.float32)
    for row, query in enumerate(part.queries):
        tokens = [token for token in tokenize(query) if token in ranker.vocab_dict]
        if tokens:
            lexical[row] = ranker.get_scores(tokens)
    return Scored(lexical, (passages.T + best.T) / 2, which.T)


def by_query(part: Part, scores: np.ndarray) -> dict[str, np.ndarray]:
    """nDCG@10, MRR@10, Recall@10 and hit@1, each (queries,), of passage scores (queries, passages)."""
    found: dict[str, list[float]] = {"nDCG@10": [], "MRR@10": [], "R@10": [], "hit@1": []}
    for row, relevant in zip(scores, part.relevant, strict=True):
        ranked = list(dict.fromkeys(part.owner[np.argsort(-row, kind="stable")[:400]].tolist()))[:10]
        gains = [index in relevant for index in ranked]
        ideal = sum(1 / math.log2(place + 2) for place in range(min(len(relevant), 10)))
        found["nDCG@10"].append(sum(gain / math.log2(place + 2) for place, gain in enumerate(gains)) / ideal)
        found["MRR@10"].append(next((1 / (place + 1) for place, gain in enumerate(gains) if gain), 0.0))
        found["R@10"].append(sum(gains) / len(relevant))
        found["hit@1"].append(float(bool(gains) and gains[0]))
    return {name: np.asarray(values) for name, values in found.items()}


def late_cosines(
    part: Part, scored: Scored, score: Callable[[str, Sequence[str]], np.ndarray], depth: int
) -> tuple[np.ndarray, np.ndarray]:
    """(rows, scores), each (queries, depth): the first passages by the fused score, and what the reranker gives
    the best window of each.

    score: (question, texts) → scores.
    """
    order = np.argsort(-scored.fused, axis=1, kind="stable")[:, :depth]
    found = np.zeros(order.shape, np.float32)
    for row, query in enumerate(part.queries):
        picked = [scored.window[row, i] for i in order[row]]
        texts = [part.windows[w] if w >= 0 else part.contexts[i][:160] for w, i in zip(picked, order[row], strict=True)]
        found[row] = score(query, texts)
    return order, found


def reranked(scored: Scored, order: np.ndarray, late: np.ndarray, weight: float) -> np.ndarray:
    """Fused scores with the first passages re-ordered by a blend with `late`, (queries, passages).

    order, late: of `late_cosines`. weight: of the reranker, against 1 − weight for the fused score, both standardised
    within the list. Scores behind the list stay below it.
    """
    out = scored.fused.copy()
    first = np.take_along_axis(out, order, axis=1)
    blend = weight * standardised(late) + (1 - weight) * standardised(first)
    np.put_along_axis(out, order, out.max() + 10 + blend, axis=1)
    return out


def curve(late: np.ndarray, right: np.ndarray) -> tuple[float, float]:
    """(slope, middle) of the logistic curve that turns late cosines into the probability of `right`."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=1e6).fit(late.reshape(-1, 1), right.reshape(-1))
    slope = float(fitted.coef_[0, 0])
    return slope, -float(fitted.intercept_[0]) / slope


def paired(first: np.ndarray, second: np.ndarray, seed: int = 7, rounds: int = 10_000) -> tuple[int, int, int, float]:
    """(wins, ties, losses of `second`, two-sided p) by a paired randomisation test on the mean difference."""
    difference = second - first
    signs = np.random.default_rng(seed).choice((-1.0, 1.0), size=(rounds, len(difference)))
    extreme = np.abs((signs * difference).mean(axis=1)) >= abs(difference.mean()) - 1e-12
    wins, losses = int((difference > 1e-9).sum()), int((difference < -1e-9).sum())
    return wins, len(difference) - wins - losses, losses, float((extreme.sum() + 1) / (rounds + 1))


def standardised(values: np.ndarray) -> np.ndarray:
    """z-scores along the last axis."""
    return (values - values.mean(axis=-1, keepdims=True)) / (values.std(axis=-1, keepdims=True) + 1e-9)


def encoder(model: SentenceTransformer) -> Callable[[Sequence[str], str], np.ndarray]:
    """`encode` of a sentence-transformers model: each different text once, simplified as the service does."""

    def encode(texts: Sequence[str], prompt: str) -> np.ndarray:
        unique = sorted(set(texts), key=len, reverse=True)
        vectors = model.encode(
            [simplify(text) for text in unique], prompt_name=prompt, batch_size=64, normalize_embeddings=True,
            show_progress_bar=len(unique) > 1000,
        )  # fmt: skip
        place = {text: index for index, text in enumerate(unique)}
        return np.asarray(vectors, np.float32)[[place[text] for text in texts]]

    return encode


def table(
    parts: Sequence[Part], models: Mapping[str, SentenceTransformer], weight: float, keep: Path, depth: int = 20
) -> Iterator[str]:
    """Lines of Markdown as they are known: a row for each set, model and stage, tested in pairs against BM25.

    weight: of late interaction in the reranked score; depth: passages reranked. keep: folder for the raw scores, so
    that other weights cost nothing.
    """
    from rag.models.reranking import LateReranker

    yield from (
        "| set | stage | nDCG@10 | MRR@10 | R@10 | hit@1 | against BM25: wins/ties/losses, p |",
        "|---" * 7 + "|",
    )
    means: dict[str, list[float]] = {}
    seen: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for part in parts:
        baseline: np.ndarray | None = None
        for name, model in models.items():
            scored = score_part(part, encoder(model))
            order, late = late_cosines(part, scored, LateReranker(model, "query: ", "passage: ").scores, depth)
            right = [[part.owner[i] in found for i in row] for row, found in zip(order, part.relevant, strict=True)]
            seen.setdefault(name, []).append((late, np.asarray(right)))
            np.savez_compressed(
                keep / f"{part.name}-{name}.npz", lexical=scored.lexical, dense=scored.dense, window=scored.window,
                order=order, late=late,
            )  # fmt: skip
            stages = {
                f"dense, {name}": scored.dense,
                f"fused, {name}": scored.fused,
                f"fused + late interaction, {name}": reranked(scored, order, late, weight),
            }
            if baseline is None:
                stages = {"BM25": scored.lexical} | stages
            for stage, scores in stages.items():
                figures = by_query(part, scores)
                means.setdefault(stage, []).append(float(figures["nDCG@10"].mean()))
                test = ""
                if baseline is None:
                    baseline = figures["nDCG@10"]
                else:
                    wins, ties, losses, p = paired(baseline, figures["nDCG@10"])
                    test = f"{wins}/{ties}/{losses}, {p:.4f}"
                shown = " | ".join(f"{values.mean():.3f}" for values in figures.values())
                yield f"| {part.name} | {stage} | {shown} | {test} |"
    for stage, values in means.items():
        yield f"| mean | {stage} | {np.mean(values):.3f} | | | | |"
    for name, pairs in seen.items():
        slope, middle = curve(*(np.concatenate([pair[side] for pair in pairs]) for side in (0, 1)))
        yield f"\nlogistic curve of late interaction, {name}: slope {slope:.1f}, middle {middle:.3f}"


def _lines(path: Path) -> list[Mapping]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
