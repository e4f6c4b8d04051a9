"""Train and measure the adapters under `embeddings/`.

    python benchmarks/train_adapters.py prepare      examples and hard negatives into the work folder
    python benchmarks/train_adapters.py retriever    embeddings/retriever-lora
    python benchmarks/train_adapters.py crossencoder a cross-encoder for comparison, into the work folder
    python benchmarks/train_adapters.py measure      figures on the development sets

Needs the development dependencies (peft, tqdm) beside the service's own. Everything is seeded; the CPU is enough.
"""

from __future__ import annotations

import argparse
import pickle
import random
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.training.examples import Example, Pooled, question_examples  # noqa: E402
from benchmarks.training.laws import law_examples  # noqa: E402


def main() -> int:
    """Parse the command line and run one stage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, default=ROOT / "embeddings/base")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "yuanwen-training")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=20)
    stages = parser.add_subparsers(dest="stage", required=True)
    prepare = stages.add_parser("prepare")
    prepare.add_argument("--pairs", type=Path, nargs="+", default=[
        ROOT / "../shared/train/cmrc2018.jsonl", ROOT / "../shared/train/drcd.jsonl"])  # fmt: skip
    prepare.add_argument("--laws", type=Path, default=ROOT / "../shared/corpora/laws.tar.xz")
    prepare.add_argument("--law-count", type=int, default=1600)
    prepare.add_argument("--questions", type=int, default=24_000, help="examples kept of the question sets")
    retriever = stages.add_parser("retriever")
    retriever.add_argument("--target", type=Path, default=ROOT / "embeddings/retriever-lora")
    retriever.add_argument("--examples", type=int, default=30_000)
    retriever.add_argument("--rate", type=float, default=3e-4)
    retriever.add_argument("--temperature", type=float, default=0.02)
    retriever.add_argument("--late", type=float, default=0.5, help="weight of the late-interaction loss")
    retriever.add_argument("--strength", type=float, default=1.0, help="share of the learnt change that is saved")
    retriever.add_argument("--seconds", type=float, default=0.0, help="stop after so long, with the full decay")
    cross = stages.add_parser("crossencoder")
    cross.add_argument("--target", type=Path, default=None, help="default: cross-encoder in the work folder")
    cross.add_argument("--adapter", type=Path, default=ROOT / "embeddings/retriever-lora")
    cross.add_argument("--seconds", type=float, default=1200.0)
    measure = stages.add_parser("measure")
    measure.add_argument("--sets", type=Path, nargs="+", default=sorted((ROOT / "../shared/bench").glob("*")))
    measure.add_argument("--adapter", type=Path, default=ROOT / "embeddings/retriever-lora")
    measure.add_argument("--documents", type=int, default=1000, help="documents of each set")
    measure.add_argument("--queries", type=int, default=300, help="queries of each set")
    measure.add_argument("--weight", type=float, default=0.3, help="of late interaction in the reranked score")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    {"prepare": _prepare, "retriever": _retriever, "crossencoder": _crossencoder, "measure": _measure}[arguments.stage](
        arguments
    )
    return 0


def _prepare(arguments: argparse.Namespace) -> None:
    from benchmarks.training.mining import mine

    questions, pool = question_examples(arguments.pairs, arguments.seed)
    rng = random.Random(arguments.seed)
    questions = rng.sample(questions, min(arguments.questions, len(questions)))
    laws, law_pool = law_examples(arguments.laws, arguments.seed, arguments.law_count)
    for name, examples, passages in (("questions", questions, pool), ("laws", laws, law_pool)):
        mined = mine(examples, passages, arguments.base, arguments.threads)
        with open(arguments.work / f"{name}.pickle", "wb") as file:
            pickle.dump(mined, file)


def _mined(work: Path):
    """Both parts as one, the laws' pool indexes moved behind the others."""
    import numpy as np

    from benchmarks.training.mining import Mined

    parts = []
    for name in ("questions", "laws"):
        with open(work / f"{name}.pickle", "rb") as file:
            parts.append(pickle.load(file))
    first, second = parts
    shift = len(first.pool)
    moved: list[Example] = [replace(e, passage=e.passage + shift) for e in second.examples]
    pool: tuple[Pooled, ...] = first.pool + second.pool
    return Mined(
        first.examples + tuple(moved),
        pool,
        first.negatives + tuple(tuple(i + shift for i in row) for row in second.negatives),
        np.concatenate([first.queries, second.queries]),
        np.concatenate([first.passages, second.passages]),
    )


def _retriever(arguments: argparse.Namespace) -> None:
    from benchmarks.training.retriever import Recipe, train

    recipe = Recipe(
        seed=arguments.seed, examples=arguments.examples, rate=arguments.rate, temperature=arguments.temperature,
        late=arguments.late, strength=arguments.strength, threads=arguments.threads, seconds=arguments.seconds,
    )  # fmt: skip
    train(_mined(arguments.work), arguments.base, arguments.target, recipe)


def _crossencoder(arguments: argparse.Namespace) -> None:
    from benchmarks.training.adapters import merge_adapter
    from benchmarks.training.crossencoder import Recipe, train

    start = arguments.work / "merged-start"
    merge_adapter(arguments.base, arguments.adapter, start)
    recipe = Recipe(seed=arguments.seed, threads=arguments.threads, seconds=arguments.seconds)
    train(_mined(arguments.work), start, arguments.target or arguments.work / "cross-encoder", recipe)


def _measure(arguments: argparse.Namespace) -> None:
    import torch
    from sentence_transformers import SentenceTransformer

    from benchmarks.training.adapters import merge_adapter
    from benchmarks.training.measure import read_part, table

    torch.set_num_threads(arguments.threads)
    merged = arguments.work / "merged"
    merge_adapter(arguments.base, arguments.adapter, merged)
    models = {
        name: SentenceTransformer(str(folder), model_kwargs={"dtype": torch.bfloat16})
        for name, folder in (("base", arguments.base), ("adapted", merged))
    }
    parts = [read_part(folder, arguments.documents, arguments.queries) for folder in arguments.sets]
    for line in table(parts, models, arguments.weight, arguments.work):
        print(line, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
