"""What a whole question costs beside the bare model's encoding of it: `python -m benchmarks.query`.

All are timed in turn in one process; medians and ratios are printed. Expected on the seeds: without reranking at most 1.5
times the question's encoding; reranking at most 12 times the encoding of a passage.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rag.config import ROOT, Settings
from rag.service import Service

PASSAGE = 250  # characters of the passage that reranking is held against
QUESTIONS = (
    "四同步四衔接指的是什么？",
    "工会干部怎样了解职工所思所想所盼？",
    "领导干部沉到一线要去哪些类型的单位？",
    "什么安全是最大最根本的？",
)


def clock(work: Callable[[], object]) -> float:
    """Milliseconds that one call takes."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1e3


def main() -> None:
    """Index the seeds in a scratch folder and time questions, with and without reranking, against bare encodings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as scratch:
        plain = Service(Settings(index=Path(scratch) / "index", rerank_candidates=0))
        plain.ingest([ROOT / "seeds"])
        plain.calibration()
        full = Service(Settings(index=Path(scratch) / "index"), plain.embedder)
        model = plain.embedder.model
        passage = max((p.text for p in plain.current().passages), key=lambda text: -abs(len(text) - PASSAGE))
        times: dict[str, list[float]] = {"bare": [], "plain": [], "full": [], "passage": [], "rerank": []}
        for turn in range(rounds + 3):
            for question in QUESTIONS:
                found = {
                    "bare": clock(lambda q=question: model.encode(["query: " + q], show_progress_bar=False, prompt="")),
                    "plain": clock(lambda q=question: plain.ask(q)),
                    "passage": clock(lambda: model.encode(["passage: " + passage], show_progress_bar=False, prompt="")),
                }
                started = time.perf_counter()
                answer = full.ask(question)
                found |= {"full": (time.perf_counter() - started) * 1e3, "rerank": answer.timings.rerank}
                if turn >= 3:  # warm-up
                    for name, value in found.items():
                        times[name].append(value)
    middle = {name: statistics.median(values) for name, values in times.items()}
    print(f"question encoded, bare model    {middle['bare']:7.2f} ms")
    print(
        f"whole question, no reranking    {middle['plain']:7.2f} ms = {middle['plain'] / middle['bare']:.2f} × the encoding"
    )
    print(f"passage of {len(passage)} characters encoded {middle['passage']:6.2f} ms")
    print(
        f"reranking 20 passages           {middle['rerank']:7.2f} ms = {middle['rerank'] / middle['passage']:.2f} × the passage"
    )
    print(f"whole question, reranked        {middle['full']:7.2f} ms")


if __name__ == "__main__":
    main()
