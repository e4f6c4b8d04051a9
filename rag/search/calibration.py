"""Learn, for each index, what an unanswerable question scores there, so that nobody has to tune a threshold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict

import numpy as np

from rag.config import Settings
from rag.index.snapshot import Snapshot
from rag.models.embedding import Embedder, foreign_questions
from rag.models.loaded import Models
from rag.search.evidence import SIGNALS, Calibration, Signals, confidence, signals_of
from rag.search.pacing import NO_RERANKING
from rag.search.query import SearchRequest, read_query
from rag.search.records import Ranking
from rag.search.retrieval import retrieve
from rag.text.tokenizing import content_words

OWN_QUESTIONS = 120  # drawn evenly from the collection
WINDOWS = 2000  # drawn evenly, to see how widely cosines spread in this collection
CUTOFF = 0.5
TOP_K = 5


def own_questions(snapshot: Snapshot, count: int = OWN_QUESTIONS) -> list[str]:
    """Keyword questions made of passages of the collection: the four most telling words of a sentence, in order."""
    step = max(1, len(snapshot.passages) // count)
    questions = []
    for passage in snapshot.passages[::step]:
        words = content_words(passage.text[: 2 * 60])
        telling = sorted(words, key=snapshot.lexical.idf, reverse=True)[:4]
        if len(telling) == 4:
            questions.append(" ".join(word for word in words if word in telling))
    return questions[:count]


def calibrate(snapshot: Snapshot, embedder: Embedder, settings: Settings) -> Calibration:
    """Score foreign and own questions on a snapshot, as they are served, and measure both error rates.

    Foreign questions that the collection does answer (a cookbook, say) show as outliers, so the mean is taken without
    the highest tenth. Their best cosines lie close together, and one odd document moves the lowest of them: the spread
    is that of all their cosines, which hardly changes with a document.
    """
    others, mine = list(foreign_questions()), own_questions(snapshot)
    ranked = _ranked(snapshot, embedder, settings, [*others, *mine])
    signals, foreign = [signals_of(snapshot, found) for found in ranked], ranked[: len(others)]
    others_signals, own_signals = signals[: len(others)], signals[len(others) :]
    best = np.sort([found.best_window for found in others_signals])
    mean = float(best[: max(1, int(len(best) * 0.9))].mean())
    count = len(snapshot.window_spans)
    windows = np.arange(0, count, max(1, -(-count // WINDOWS)))
    cosines = [snapshot.window_vectors.score(found.query.centred, windows) for found in foreign]
    spread = float(np.std(cosines)) if count else 0.0

    def answered(found: Signals) -> bool:
        return confidence(found, mean, spread) >= CUTOFF

    return Calibration(
        mean, spread, CUTOFF,
        false_answer=_share(answered(found) for found in others_signals),
        false_refusal=_share(not answered(found) for found in own_signals),
    )  # fmt: skip


def _ranked(snapshot: Snapshot, embedder: Embedder, settings: Settings, questions: Sequence[str]) -> list[Ranking]:
    """The rankings that are served, but for reranking; all questions are encoded together."""
    requests = [SearchRequest(settings, question, question, TOP_K, TOP_K, pace=NO_RERANKING) for question in questions]
    vectors = embedder.encode_queries(list(questions))
    return [
        retrieve(snapshot, Models(embedder), read_query(snapshot, embedder, request, vector))
        for request, vector in zip(requests, vectors, strict=True)
    ]


def dumps(calibration: Calibration, generation: int) -> str:
    """As stored beside the index: JSON with the generation and the kind of signals it was learnt on."""
    return json.dumps(asdict(calibration) | {"generation": generation, "signals": SIGNALS})


def loads(text: str | None, generation: int) -> Calibration | None:
    """The stored calibration if it was learnt on this generation, by the signals of this version."""
    found = json.loads(text) if text else {}
    if (found.pop("generation", None), found.pop("signals", None)) != (generation, SIGNALS):
        return None
    return Calibration(**found)


def _share(flags: Iterable[bool]) -> float:
    values = list(flags)
    return sum(values) / len(values) if values else 0.0
