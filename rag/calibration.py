"""Learn, for each index, what an unanswerable question scores there, so that nobody has to tune a threshold."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import lru_cache
from importlib import resources

import numpy as np

from rag.answering import Calibration, confidence
from rag.index import Snapshot
from rag.retrieval import Ranking
from rag.tokenizing import content_words

OWN_QUESTIONS = 120  # drawn evenly from the collection
CUTOFF = 0.5


@lru_cache(maxsize=1)
def foreign_questions() -> tuple[str, ...]:
    """Everyday questions on cooking, travel, sport, software and the like, one a line in the package's data."""
    text = resources.files("rag").joinpath("data/foreign_questions.txt").read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if line)


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


def calibrate(snapshot: Snapshot, rank: Callable[[str], Ranking]) -> Calibration:
    """Score foreign and own questions on a snapshot and measure both error rates.

    rank: the very ranking that is served. Foreign questions that the collection does answer (a cookbook, say) show as
    outliers, so mean and deviation are taken without the highest tenth.
    """
    foreign = [rank(question).signals for question in foreign_questions()]
    own = [rank(question).signals for question in own_questions(snapshot)]
    cosines = np.sort([signals.best_window for signals in foreign])
    kept = cosines[: max(1, int(len(cosines) * 0.9))]
    draft = Calibration(float(kept.mean()), float(kept.std()), CUTOFF, 0.0, 0.0)
    return Calibration(
        draft.mean,
        draft.deviation,
        CUTOFF,
        false_answer=_share(confidence(signals, draft) >= CUTOFF for signals in foreign),
        false_refusal=_share(confidence(signals, draft) < CUTOFF for signals in own),
    )


def dumps(calibration: Calibration, generation: int) -> str:
    """As stored beside the index: JSON with the generation it was learnt on."""
    return json.dumps(asdict(calibration) | {"generation": generation})


def loads(text: str | None, generation: int) -> Calibration | None:
    """The stored calibration if it was learnt on this generation."""
    found = json.loads(text) if text else {}
    if found.pop("generation", None) != generation:
        return None
    return Calibration(**found)


def _share(flags: Sequence[bool]) -> float:
    values = list(flags)
    return sum(values) / len(values) if values else 0.0
