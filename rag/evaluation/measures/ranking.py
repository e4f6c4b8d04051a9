"""Measures of ranked documents, from `ir-measures` with its pytrec_eval provider (trec_eval's own code).

RR@10 is RR by pytrec_eval over each query's first ten, for pytrec_eval has no cut-off there. Judged@10 comes from
ir-measures' own provider, for pytrec_eval has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rag.evaluation.sets.records import Qrels, Run
from rag.evaluation.sets.trec import ordered

NAMES = ("nDCG@10", "RR@10", "R@5", "R@10", "R@100", "AP", "Success@1", "Success@5", "Judged@10")
DEPTH = 10


@dataclass(frozen=True, slots=True)
class RankingFigures:
    """Means over `queries` judged queries, and each query's own figures by measure name."""

    queries: int
    means: Mapping[str, float]
    by_query: Mapping[str, Mapping[str, float]]


def measure(qrels: Qrels, run: Run) -> RankingFigures:
    """Score a run. Every query with a relevant document counts; one without results counts as zero.

    Ties in score are broken as trec_eval does: the greater document id first.
    """
    import ir_measures
    from ir_measures import providers

    judged = {query: grades for query, grades in qrels.items() if any(grade > 0 for grade in grades.values())}
    if not judged:
        return RankingFigures(0, dict.fromkeys(NAMES, 0.0), {})
    asked = {query: run[query] for query in judged if run.get(query)}
    first = {query: dict(ordered(scores)[:DEPTH]) for query, scores in asked.items()}
    trec = providers.registry["pytrec_eval"]
    parse = ir_measures.parse_measure
    whole = [parse(name) for name in NAMES if name not in {"RR@10", "Judged@10"}]
    found: dict[str, dict[str, float]] = {query: dict.fromkeys(NAMES, 0.0) for query in sorted(judged)}
    for metric in trec.iter_calc(whole, judged, asked):
        found[metric.query_id][str(metric.measure)] = float(metric.value)
    for metric in trec.iter_calc([parse("RR")], judged, first):
        found[metric.query_id]["RR@10"] = float(metric.value)
    for metric in providers.registry["judged"].iter_calc([parse("Judged@10")], judged, first):
        found[metric.query_id]["Judged@10"] = float(metric.value)
    means = {name: sum(figures[name] for figures in found.values()) / len(found) for name in NAMES}
    return RankingFigures(len(found), means, found)


def strictly_falling(ranked: list[tuple[str, float]]) -> dict[str, float]:
    """Scores that keep the given order when a scorer sorts them: each below the one before, as 32-bit floats."""
    import numpy as np

    scores = np.array([score for _, score in ranked], np.float32)
    if (np.diff(scores) < 0).all():
        return {doc_id: float(score) for (doc_id, _), score in zip(ranked, scores, strict=True)}
    kept: dict[str, float] = {}
    last = np.float32(np.inf)
    for doc_id, score in ranked:
        last = min(np.float32(score), np.nextafter(last, np.float32(-np.inf)))
        kept[doc_id] = float(last)
    return kept
