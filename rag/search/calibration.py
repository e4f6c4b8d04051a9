"""Learn, for each index, what an unanswerable question scores there, so that nobody has to tune a threshold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict

import numpy as np

from rag.config import Settings
from rag.index.snapshot import Snapshot
from rag.models.embedding import foreign_questions
from rag.models.loaded import Models
from rag.models.reader import Decision
from rag.search.evidence import SIGNALS, UNREAD, Calibration, above, confidence, signals_of
from rag.search.pacing import NO_RERANKING
from rag.search.query import SearchRequest, read_query
from rag.search.records import Ranking
from rag.search.retrieval import retrieve
from rag.text.tokenizing import content_words

OWN_QUESTIONS = 120  # drawn evenly from the collection
WINDOWS = 2000  # drawn evenly, to see how widely cosines spread in this collection
TOP_K = 5
READ = 24  # questions of either kind that are read too, where there is a reader: each costs as much as an answer
FAR = 0.95  # share of foreign questions that nothing here is near to


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


def calibrate(snapshot: Snapshot, models: Models, settings: Settings) -> Calibration:
    """Score foreign and own questions on a snapshot, as they are served, and measure both error rates.

    Foreign questions that the collection does answer (a cookbook, say) show as outliers, so the mean is taken without
    the highest tenth. Their best cosines lie close together, and one odd document moves the lowest of them: the spread
    is that of all their cosines, which hardly changes with a document.
    """
    others, mine = list(foreign_questions()), own_questions(snapshot)
    foreign = _ranked(snapshot, Models(models.embedder), settings, others)
    signals = [signals_of(snapshot, found) for found in foreign]
    best = np.sort([found.best_window for found in signals])
    mean = float(best[: max(1, int(len(best) * 0.9))].mean())
    count = len(snapshot.window_spans)
    windows = np.arange(0, count, max(1, -(-count // WINDOWS)))
    cosines = [snapshot.window_vectors.score(found.query.centred, windows) for found in foreign]
    spread = float(np.std(cosines)) if count else 0.0

    near = float(np.quantile([above(found, mean, spread) for found in signals], FAR))
    decision = decision_of(models)
    if models.reader is not None:
        others, mine = _evenly(others, READ), _evenly(mine, READ)

    def answered(questions: Sequence[str]) -> list[bool]:
        ranked = _ranked(snapshot, models, settings, questions)
        return [confidence(signals_of(snapshot, found), mean, spread, decision) >= decision.cutoff for found in ranked]

    return Calibration(
        mean, spread, near, decision,
        false_answer=_share(answered(others)),
        false_refusal=_share(not found for found in answered(mine)),
    )  # fmt: skip


def decision_of(models: Models) -> Decision:
    """The decision that goes with the models: the reader's own, or the one without reading."""
    return UNREAD if models.reader is None else models.reader.decision


def _evenly(questions: Sequence[str], count: int) -> list[str]:
    return list(questions)[:: max(1, -(-len(questions) // count))]


def _ranked(snapshot: Snapshot, models: Models, settings: Settings, questions: Sequence[str]) -> list[Ranking]:
    """The rankings that are served, but for reranking; all questions are encoded together."""
    requests = [SearchRequest(settings, question, question, TOP_K, TOP_K, pace=NO_RERANKING) for question in questions]
    if not questions:
        return []
    vectors = models.embedder.encode_queries(list(questions))
    return [
        retrieve(snapshot, models, read_query(snapshot, models.embedder, request, vector))
        for request, vector in zip(requests, vectors, strict=True)
    ]


def dumps(calibration: Calibration, generation: int) -> str:
    """As stored beside the index: JSON with the generation and the kind of signals it was learnt on."""
    return json.dumps(asdict(calibration) | {"generation": generation, "signals": SIGNALS})


def loads(text: str | None, generation: int, decision: Decision) -> Calibration | None:
    """The stored calibration if it was learnt on this generation, by the signals of this version, for this decision."""
    found = json.loads(text) if text else {}
    if (found.pop("generation", None), found.pop("signals", None)) != (generation, SIGNALS):
        return None
    learnt = Calibration(**found | {"decision": Decision(**found["decision"])})
    return learnt if learnt.decision == decision else None


def _share(flags: Iterable[bool]) -> float:
    values = list(flags)
    return sum(values) / len(values) if values else 0.0
