"""Learn, for each index, what an unanswerable question scores there, so that nobody has to tune a threshold."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

import numpy as np

from rag.index.snapshot import Snapshot
from rag.models.embedding import Embedder, foreign_questions
from rag.search.answering import Calibration, confidence
from rag.search.retrieval import SIGNALS, Ranking
from rag.text.tokenizing import content_words

OWN_QUESTIONS = 120  # drawn evenly from the collection
WINDOWS = 2000  # drawn evenly, to see how widely cosines spread in this collection
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
    questions that the collection does answer (a cookbook, say) show as outliers, so the mean is taken without the
    highest tenth. Their best cosines lie close together, and one odd document moves the lowest of them: the spread is
    that of all their cosines, which hardly changes with a document.
    """
    others, mine = list(foreign_questions()), own_questions(snapshot)
    vectors = embedder.encode_queries([*others, *mine])
    ranked = [rank(question, vector) for question, vector in zip([*others, *mine], vectors, strict=True)]
    foreign, own = ranked[: len(others)], ranked[len(others) :]
    best = np.sort([found.signals.best_window for found in foreign])
    mean = float(best[: max(1, int(len(best) * 0.9))].mean())
    count = len(snapshot.window_spans)
    windows = np.arange(0, count, max(1, -(-count // WINDOWS)))
    cosines = [snapshot.window_vectors.score(found.query, windows) for found in foreign]
    spread = float(np.std(cosines)) if count else 0.0
    draft = Calibration(mean, spread, CUTOFF, 0.0, 0.0)
    return replace(
        draft,
        false_answer=_share(confidence(found.signals, draft) >= CUTOFF for found in foreign),
        false_refusal=_share(confidence(found.signals, draft) < CUTOFF for found in own),
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
