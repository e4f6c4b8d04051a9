"""What a whole question costs beside the bare model's encoding of it: `python -m benchmarks.query`.

Both are timed in turn in one process; the medians and their ratio are printed. Expected: ratio ≤ 1.5 on the seeds.
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
    """Index the seeds in a scratch folder and time questions against bare encodings."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as scratch:
        service = Service(Settings(index=Path(scratch) / "index"))
        service.ingest([ROOT / "seeds"])
        service.calibration()
        model, prompt = service.embedder.model, "query: "
        bare, whole = [], []
        for turn in range(rounds + 3):
            for question in QUESTIONS:
                a = clock(lambda q=question: model.encode([prompt + q], show_progress_bar=False, prompt=""))
                b = clock(lambda q=question: service.ask(q))
                if turn >= 3:  # warm-up
                    bare.append(a)
                    whole.append(b)
    ratios = [b / a for a, b in zip(bare, whole, strict=True)]
    print(f"bare encoding  median {statistics.median(bare):6.2f} ms")
    print(f"whole question median {statistics.median(whole):6.2f} ms")
    print(
        f"ratio of medians {statistics.median(whole) / statistics.median(bare):.2f}, pairwise {statistics.median(ratios):.2f}"
    )


if __name__ == "__main__":
    main()
