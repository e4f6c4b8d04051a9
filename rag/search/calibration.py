"""Learn, for each index, what an unanswerable question scores there, so that nobody has to tune a threshold."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from rag.config import Settings
from rag.index.snapshot import Snapshot
from rag.models.embedding import Embedder, foreign_questions
from rag.models.loaded import Models
from rag.models.reader import Decision
from rag.search.evidence import SIGNALS, UNREAD, Bounds, Calibration, signals_of, weigh
from rag.search.pacing import NO_RERANKING
from rag.search.patterned import patterned
from rag.search.query import SearchRequest, read_query
from rag.search.records import Ranking
from rag.search.retrieval import retrieve
from rag.text.tokenizing import content_words

OWN_QUESTIONS = 120  # drawn evenly from the collection
WINDOWS = 2000  # drawn evenly, to see how widely cosines spread in this collection
TOP_K = 5
READ = 24  # foreign questions that are read too, where there is a reader: each costs as much as an answer
OWN_READ = 96  # own ones: of 93 or more one may be refused for the bound to hold, of 59 none
REFUSED = 0.05  # share of own questions
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


def bounds_of(snapshot: Snapshot, embedder: Embedder, settings: Settings, decision: Decision) -> Bounds:
    """Score foreign questions on a snapshot, as they are served but unread: about a second, with any change.

    Their best cosines lie close together, and one odd document moves the lowest of them: the spread is that of all their
    cosines, which hardly changes with a document.
    """
    foreign = _ranked(snapshot, Models(embedder), settings, foreign_questions())
    near = float(np.quantile([signals_of(found).best_window for found in foreign], FAR))
    count = len(snapshot.window_spans)
    windows = np.arange(0, count, max(1, -(-count // WINDOWS)))
    cosines = [snapshot.window_vectors.score(found.query.centred, windows) for found in foreign]
    return Bounds(near, float(np.std(cosines)) if count else 0.0, decision)


def calibrate(snapshot: Snapshot, models: Models, settings: Settings, bounds: Bounds) -> Calibration:
    """Measure both error rates, on foreign questions and on the collection's own, as they are served.

    With a reader the cut-off is lowered where that refuses more than `REFUSED` of the own questions, so that with 95 %
    certainty no more than so many would be; it is never raised, for these questions are plainer than people's.
    """
    others, mine = list(foreign_questions()), own_questions(snapshot)
    decision = decision_of(models)
    if models.reader is not None:
        others, mine = _evenly(others, READ), patterned(snapshot.passages, OWN_READ)
    always = replace(bounds, decision=replace(decision, cutoff=0.0))

    def sure(questions: Sequence[str]) -> list[float]:
        """The confidence in each; below all cut-offs where it would not be answered anyway."""
        weighed = (weigh(found, always) for found in _ranked(snapshot, models, settings, questions))
        return [found.confidence if found.answerable else -1.0 for found in weighed]

    own, foreign = sure(mine), sure(others)
    if models.reader is not None:
        decision = replace(decision, cutoff=min(decision.cutoff, _learnt(own, decision.cutoff)))
    refused = sum(found < decision.cutoff for found in own)
    return Calibration(
        bounds.near, bounds.spread, decision,
        false_answer=_share(found >= decision.cutoff for found in foreign),
        own=len(own),
        false_refusal=refused / len(own) if own else 0.0,
        refusal_bound=most(refused, len(own)),
    )  # fmt: skip


def most(count: int, of: int) -> float:
    """The share that is not exceeded at 95 %, where `count` of `of` were seen (Clopper & Pearson 1934); 1 of none."""
    from scipy.stats import binomtest

    if not of:
        return 1.0
    return float(binomtest(count, of, alternative="less").proportion_ci(0.95, method="exact").high)


def _learnt(own: Sequence[float], cutoff: float) -> float:
    """The highest cut-off that refuses no more than `REFUSED` of such questions at 95 %; `cutoff` where they are too few."""
    allowed = [count for count in range(len(own)) if most(count, len(own)) <= REFUSED]
    return sorted(own)[allowed[-1]] if allowed else cutoff


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


def dumps(calibration: Calibration, generation: int, models: Models) -> str:
    """As stored beside the index: JSON with the generation, the kind of signals, and what decided."""
    return json.dumps(
        asdict(calibration) | {"generation": generation, "signals": SIGNALS, "by": _decider(models)}, sort_keys=True
    )


def loads(text: str | None, generation: int, models: Models) -> Calibration | None:
    """The stored calibration if it was learnt on this generation, by the signals of this version, for these models."""
    found = _read(text, models)
    if found is None or found.pop("generation") != generation:
        return None
    return Calibration(**found | {"decision": Decision(**found["decision"])})


def last_decision(text: str | None, models: Models) -> Decision:
    """What was last learnt for these models, on whatever generation; their own decision where nothing was."""
    found = _read(text, models)
    return decision_of(models) if found is None else Decision(**found["decision"])


def _read(text: str | None, models: Models) -> dict[str, Any] | None:
    """The stored fields if they are of the signals of this version and of these models."""
    found: dict[str, Any] = json.loads(text) if text else {}
    made = found.pop("signals", None), found.pop("by", None)
    return found if made == (SIGNALS, _decider(models)) else None


def _decider(models: Models) -> str:
    """What decides, with the decision that it brings: where either changes, nothing that was learnt holds."""
    name = "" if models.reader is None else models.reader.identity
    return f"{name} {json.dumps(asdict(decision_of(models)), sort_keys=True)}"


def _share(flags: Iterable[bool]) -> float:
    values = list(flags)
    return sum(values) / len(values) if values else 0.0
