"""Learn, for each index, what an unanswerable question scores there, so that nobody has to tune a threshold."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict

import numpy as np

from rag.answering import Calibration, confidence
from rag.embedding import Embedder, foreign_questions
from rag.index import Snapshot
from rag.retrieval import SIGNALS, Ranking
from rag.tokenizing import content_words

OWN_QUESTIONS = 120  # drawn evenly from the collection
CUTOFF = 0.5


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


def calibrate(snapshot: Snapshot, embedder: Embedder, rank: Callable[[str, np.ndarray], Ranking]) -> Calibration:
    """Score foreign and own questions on a snapshot and measure both error rates.

    rank: the very ranking that is served, given a question and its vector; all are encoded together. Foreign
    questions that the collection does answer (a cookbook, say) show as outliers, so mean and deviation are taken
    without the highest tenth.
    """
    others, mine = list(foreign_questions()), own_questions(snapshot)
    vectors = embedder.encode_queries([*others, *mine])
    signals = [rank(question, vector).signals for question, vector in zip([*others, *mine], vectors, strict=True)]
    foreign, own = signals[: len(others)], signals[len(others) :]
    cosines = np.sort([found.best_window for found in foreign])
    kept = cosines[: max(1, int(len(cosines) * 0.9))]
    draft = Calibration(float(kept.mean()), float(kept.std()), CUTOFF, 0.0, 0.0)
    return Calibration(
        draft.mean,
        draft.deviation,
        CUTOFF,
        false_answer=_share(confidence(found, draft) >= CUTOFF for found in foreign),
        false_refusal=_share(confidence(found, draft) < CUTOFF for found in own),
    )


def dumps(calibration: Calibration, generation: int) -> str:
    """As stored beside the index: JSON with the generation and the kind of signals it was learnt on."""
    return json.dumps(asdict(calibration) | {"generation": generation, "signals": SIGNALS})


def loads(text: str | None, generation: int) -> Calibration | None:
    """The stored calibration if it was learnt on this generation, by the signals of this version."""
    found = json.loads(text) if text else {}
    if (found.pop("generation", None), found.pop("signals", None)) != (generation, SIGNALS):
        return None
    return Calibration(**found)


def _share(flags: Sequence[bool]) -> float:
    values = list(flags)
    return sum(values) / len(values) if values else 0.0
