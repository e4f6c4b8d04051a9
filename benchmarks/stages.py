"""Retrieval by stage on BEIR folders: BM25, dense base, dense adapted, min–max sum, fused, reranked.

    python benchmarks/stages.py ../shared/bench/* [--documents 500 --queries 300] [--model NAME=FOLDER …] [--out DIR]

Every stage ranks documents by their best passage, over the index that the service builds. `fused` and `reranked` are
what `Service.search` returns, so a change of the search shows here without a change of this file; the other stages are
read from the same index. The first three rows are what any system has before ours begins: BM25 over jieba's words,
cosines of whole passages, and the min–max sum of the two; the later rows have bigrams, numbers and windows. Figures,
win/tie/loss and the paired randomisation test come from rag.evaluation.
`--documents` draws a part of each set: the drawn queries' documents filled up with others. Default models: the one that
the settings name, and the retriever adapter merged into it, when there is one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rag.config import ROOT, Settings, load_settings
from rag.evaluation.measures.comparison import compare
from rag.evaluation.measures.evaluate import limited
from rag.evaluation.measures.indexing import cache_folder, collection_service
from rag.evaluation.measures.ranking import RankingFigures, measure, strictly_falling
from rag.evaluation.sets.beir import read_collection
from rag.evaluation.sets.records import Run
from rag.index.lexical import LexicalIndex
from rag.index.snapshot import Snapshot
from rag.ingest.preparing import contextual
from rag.search.stages.dense import dense_scores
from rag.service import Service
from rag.text.tokenizing import PAIR_MARK, tokenize

MEASURES = ("nDCG@10", "RR@10", "R@10")
DEPTH = 100
SEED = 7
BASELINES = ("bm25 words", "min-max words", "bm25", "min-max")
ADAPTER = ROOT / "embeddings" / "retriever-lora"
# Settings that turn reranking off, by the names that they may have.
OFF: Mapping[str, object] = {"rerank": False, "reranker": "", "rerank_depth": 0, "rerank_candidates": 0}


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage on one set, with each query's figures, and milliseconds a query (0 where it is not timed alone)."""

    name: str
    figures: RankingFigures
    milliseconds: float


def main() -> None:
    """Parse, run every set, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--documents", type=int, default=0, help="documents drawn from each set; 0: all")
    parser.add_argument("--queries", type=int, default=0, help="queries drawn from each set; 0: all")
    parser.add_argument("--model", action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--out", type=Path, help="folder for stages.json and stages.md")
    options = parser.parse_args()
    started = time.perf_counter()
    found: dict[str, list[Stage]] = {}
    models = dict(entry.split("=", 1) for entry in options.model) or _models()
    for folder in options.folders:
        part = _part(folder, options.documents, options.queries)
        found[folder.name] = list(_stages(part, models, options.queries or None))
        print(f"{folder.name}: {', '.join(_short(stage) for stage in found[folder.name])}", file=sys.stderr, flush=True)
        if options.out:  # after every set, so that an interrupted run leaves what it has
            _write(found, options, models, time.perf_counter() - started)
    print(_table(found))


def _stages(folder: Path, models: Mapping[str, str], queries: int | None) -> Iterator[Stage]:
    """All stages on one set; BM25 and the served ones for the first model, the dense one for each."""
    collection = limited(read_collection(folder), queries)
    qrels = collection.qrels
    asked = {query: collection.queries[query] for query in qrels}

    def stage(name: str, run: Run, seconds: float = 0.0) -> Stage:
        return Stage(name, measure(qrels, run), seconds * 1e3 / max(1, len(asked)))

    for at, (name, model) in enumerate(models.items()):
        service = collection_service(_settings(model), folder, progress=_progress(f"{folder.name} {name}"))
        snapshot = service.current()
        lexical = {query: snapshot.lexical.scores(tokenize(text)) for query, text in asked.items()}
        vectors = dict(zip(asked, service.embedder.encode_queries(list(asked.values())), strict=True))
        rows = np.arange(len(snapshot.passages))
        dense = {query: dense_scores(snapshot, vector, rows)[0] for query, vector in vectors.items()}
        if at == 0:
            plain = _plain(snapshot)
            words = {query: plain.scores(_words(text)) for query, text in asked.items()}
            whole = {query: snapshot.passage_vectors.score(vector, rows) for query, vector in vectors.items()}
            yield stage("bm25 words", {query: _by_document(snapshot, scores) for query, scores in words.items()})
            yield stage("dense passages", {query: _by_document(snapshot, scores) for query, scores in whole.items()})
            sums = {query: _unit(words[query]) + _unit(whole[query]) for query in asked}
            yield stage("min-max words", {query: _by_document(snapshot, scores) for query, scores in sums.items()})
            yield stage("bm25", {query: _by_document(snapshot, scores) for query, scores in lexical.items()})
        yield stage(f"dense {name}", {query: _by_document(snapshot, scores) for query, scores in dense.items()})
        if at == 0:
            sums = {query: _unit(lexical[query]) + _unit(dense[query]) for query in asked}
            yield stage("min-max", {query: _by_document(snapshot, scores) for query, scores in sums.items()})
            yield from _served(service, asked, stage)


def _plain(snapshot: Snapshot) -> LexicalIndex:
    """BM25 over words alone, titles and headings included, as most systems have it."""
    texts = (f"{snapshot.titles[passage.doc_id]}\n{contextual(passage)}" for passage in snapshot.passages)
    return LexicalIndex([_words(text) for text in texts])


def _words(text: str) -> list[str]:
    return [token for token in tokenize(text) if not token.endswith(PAIR_MARK)]


def _served(service: Service, asked: Mapping[str, str], stage: Callable[..., Stage]) -> Iterator[Stage]:
    """What the service returns, without reranking, and with it where it has any."""
    off = {name: value for name, value in OFF.items() if name in Settings.model_fields}
    plain = Service(service.settings.model_copy(update=off), service.embedder) if off else service
    for name, own in (("fused", plain), ("reranked", service)) if off else (("fused", plain),):
        own.current()
        started = time.perf_counter()
        found = {
            query: strictly_falling([(hit.doc_id, hit.score) for hit in own.search(text, DEPTH)])
            for query, text in asked.items()
        }
        yield stage(name, found, time.perf_counter() - started)


def _by_document(snapshot: Snapshot, scores: np.ndarray) -> dict[str, float]:
    """The best documents by their best passage; passages without any score are no results."""
    best: dict[str, float] = {}
    for row in np.argsort(-scores, kind="stable")[: DEPTH * 20]:
        if scores[row] == 0:
            break
        best.setdefault(snapshot.passages[row].doc_id, float(scores[row]))
        if len(best) == DEPTH:
            break
    return strictly_falling(list(best.items()))


def _unit(scores: np.ndarray) -> np.ndarray:
    """Scores on [0, 1], a hair above 0 so that none counts as missing."""
    span = float(scores.max() - scores.min())
    return (scores - scores.min()) / span + 1e-6 if span else np.full_like(scores, 1e-6)


def _models() -> dict[str, str]:
    """The model of the settings, and the adapter merged into the base model."""
    base = str(ROOT / "embeddings" / "base")
    found = {"base": base}
    if (ADAPTER / "adapter_config.json").is_file():
        from benchmarks.training.adapters import adapter_revision, merge_adapter

        target = cache_folder(load_settings()) / f"adapted-{adapter_revision(ADAPTER)}"
        if not target.is_dir():
            merge_adapter(Path(base), ADAPTER, target)
        found["adapted"] = str(target)
    return found


def _settings(model: str) -> Settings:
    return load_settings(model=model)


def _part(folder: Path, documents: int, queries: int) -> Path:
    """The folder itself, or a drawn part of it, kept as a BEIR folder beside the indexes."""
    if not documents:
        return folder
    target = cache_folder(load_settings()) / "parts" / f"{folder.name}-{documents}-{queries}"
    if target.is_dir():
        return target
    chance = random.Random(SEED)
    corpus = {json.loads(line)["_id"]: line for line in _lines(folder / "corpus.jsonl")}
    asked = {json.loads(line)["_id"]: line for line in _lines(folder / "queries.jsonl")}
    qrels = read_collection(folder).qrels
    drawn = chance.sample(sorted(qrels), min(queries or len(qrels), len(qrels)))
    needed = sorted({doc_id for query in drawn for doc_id in qrels[query]})
    others = sorted(set(corpus) - set(needed))
    chosen = needed + chance.sample(others, min(max(documents - len(needed), 0), len(others)))
    (target / "qrels").mkdir(parents=True)
    (target / "corpus.jsonl").write_text("\n".join(corpus[doc_id] for doc_id in chosen), encoding="utf-8")
    (target / "queries.jsonl").write_text("\n".join(asked[query] for query in drawn), encoding="utf-8")
    judged = [f"{query}\t{doc_id}\t{grade}" for query in drawn for doc_id, grade in qrels[query].items()]
    text = "\n".join(["query-id\tcorpus-id\tscore", *judged])
    (target / "qrels" / "test.tsv").write_text(text, encoding="utf-8")
    return target


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").split("\n") if line]


def _progress(label: str) -> Callable[[int, int], None]:
    return lambda done, total: print(f"\r{label}: {done}/{total}", end="", file=sys.stderr, flush=True)


def _short(stage: Stage) -> str:
    return f"{stage.name} {stage.figures.means['nDCG@10']:.3f}"


def _write(found: Mapping[str, list[Stage]], options: argparse.Namespace, models: Mapping[str, str], s: float) -> None:
    """stages.json for programs, stages.md for people."""
    options.out.mkdir(parents=True, exist_ok=True)
    machine = {
        "processor": _processor(), "cores": os.cpu_count(), "python": platform.python_version(),
        "versions": {name: version(name) for name in ("torch", "sentence-transformers", "bm25s", "faiss-cpu")},
        "models": list(models), "documents": options.documents or "all", "queries": options.queries or "all",
        "seconds": round(s),
    }  # fmt: skip
    stages = {
        name: {stage.name: {m: round(stage.figures.means[m], 4) for m in MEASURES} for stage in stages}
        for name, stages in found.items()
    }
    data = {"machine": machine, "stages": stages, "comparisons": _comparisons(found)}
    (options.out / "stages.json").write_text(json.dumps(data, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    part = f"{options.documents or 'all'} documents and {options.queries or 'all'} queries of each set"
    head = f"# Retrieval by stage\n\n{part}; {_processor()}, {os.cpu_count()} cores; {round(s)} s in all.\n\n"
    (options.out / "stages.md").write_text(head + _table(found), encoding="utf-8")


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else ():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _pooled(stages: Sequence[Stage], measure_name: str) -> dict[str, dict[str, float]]:
    return {stage.name: {q: own[measure_name] for q, own in stage.figures.by_query.items()} for stage in stages}


def _comparisons(found: Mapping[str, list[Stage]]) -> list[dict[str, object]]:
    """Each stage against the BM25s and min–max sums, over all queries of all sets, by nDCG@10."""
    pooled: dict[str, dict[str, float]] = {}
    for name, stages in found.items():
        for stage, values in _pooled(stages, "nDCG@10").items():
            pooled.setdefault(stage, {}).update({f"{name} {query}": value for query, value in values.items()})
    rows = []
    for baseline in BASELINES:
        for stage, values in pooled.items():
            if stage != baseline and baseline in pooled:
                own = compare("nDCG@10", values, pooled[baseline])
                rows.append({
                    "stage": stage, "against": baseline, "difference": round(own.difference, 4), "wins": own.wins,
                    "ties": own.ties, "losses": own.losses, "p": round(own.p, 4),
                    "interval": [round(own.low, 4), round(own.high, 4)],
                })  # fmt: skip
    return rows


def _table(found: Mapping[str, list[Stage]]) -> str:
    """The figures by set and on average, then the paired comparisons, as Markdown."""
    names = [stage.name for stage in next(iter(found.values()))]
    lines = ["nDCG@10 / RR@10 / R@10", "", f"| stage | {' | '.join(found)} | mean |"]
    lines.append(f"|---|{'---|' * (len(found) + 1)}")
    for name in names:
        means = [next(stage for stage in stages if stage.name == name).figures.means for stages in found.values()]
        cells = [" / ".join(f"{own[m]:.3f}" for m in MEASURES) for own in means]
        cells.append(" / ".join(f"{sum(own[m] for own in means) / len(means):.3f}" for m in MEASURES))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += ["", "All queries together, nDCG@10, paired randomisation test:", ""]
    lines += ["| stage | against | difference (95 %) | win / tie / loss | p |", "|---|---|---|---|---|"]
    for row in _comparisons(found):
        low, high = row["interval"]
        counts = f"{row['wins']} / {row['ties']} / {row['losses']}"
        spread = f"{row['difference']:+.4f} ({low:+.4f} … {high:+.4f})"
        lines.append(f"| {row['stage']} | {row['against']} | {spread} | {counts} | {row['p']:.4f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
