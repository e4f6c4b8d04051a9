"""Train the evidence reader: `make train-reader`, or a step of it.

    python -m benchmarks.train_reader groups                questions, passages and mined hits into the work folder
    python -m benchmarks.train_reader train --seconds 6000  goes on from the last state; --decay 0 to go on later
    python -m benchmarks.train_reader decide                the decision, fitted on held-out documents, and the card's file

Training data are beside the project, in ../shared/train; the evaluation sets are never looked at. Nothing in set-up
trains: the reader that is served lies in embeddings/reader.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from rag.config import ROOT
from rag.models.embedding import revision_of

NAME = "evidence-reader-2"


def main() -> None:
    """Parse the command line and run one step, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("groups", "train", "decide", "all"))
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--base", type=Path, default=ROOT / "embeddings" / "base")
    parser.add_argument("--work", type=Path, default=ROOT / "embeddings" / "reader-training")
    parser.add_argument("--target", type=Path, default=ROOT / "embeddings" / "reader")
    parser.add_argument("--seconds", type=float, default=6000.0)
    parser.add_argument("--decay", type=float, default=0.5)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    if given.step == "groups" or (given.step == "all" and not (given.work / "groups.jsonl").exists()):
        from benchmarks.training.reader_groups import build

        build(given.shared, given.base, given.work)
    if given.step in ("train", "all"):
        from benchmarks.training.reader import Recipe, train

        lines = (given.work / "groups.jsonl").read_text(encoding="utf-8").splitlines()
        pool = json.loads((given.work / "pool.json").read_text(encoding="utf-8"))
        recipe = Recipe(given.seconds, given.decay, given.threads)
        train([json.loads(line) for line in lines], pool, given.base, given.work, recipe)
    if given.step in ("decide", "all"):
        from benchmarks.training.decision import decide

        decide(given.work, given.base, given.target, NAME, revision_of(str(given.base)))


if __name__ == "__main__":
    main()
