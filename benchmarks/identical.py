"""Answers before and after a change that must not change any: `python -m benchmarks.identical OUT.jsonl`.

The seeds with their development questions, and the gov-dev corpus with its own, are indexed in a scratch folder; every
question is asked as `yuanwen ask --batch` asks it, without a time budget, and each answer is written as one line without its
timings. Write one file with the code before the change, then, with the code after it:

    python -m benchmarks.identical AFTER.jsonl --compare BEFORE.jsonl

exits 1 and names the first question whose answer differs. `--index-dir` keeps the two indexes, so that a later run with the
same make encodes nothing but the questions; leave it out where indexing itself may have changed. Compare on one machine with
one OMP_NUM_THREADS: the last digit of a score may hang on both.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from rag.config import ROOT, Settings
from rag.errors import UsageError
from rag.search.answering import to_json
from rag.service import Service


def sets(shared: Path) -> dict[str, tuple[Path, Path]]:
    """Name → (corpus folder, file of questions)."""
    folder = shared / "eval"
    return {
        "seeds": (ROOT / "seeds", folder / "seeds-dev.jsonl"),
        "gov": (folder / "gov-dev" / "corpus", folder / "gov-dev" / "questions.jsonl"),
    }


def answers(name: str, corpus: Path, questions: Path, index: Path) -> Iterator[str]:
    """One line an answer, in the order of the questions."""
    service = Service(Settings(index=index, latency_budget_ms=0))
    service.ingest([corpus], mirror=True)
    service.calibration()
    for line in questions.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        try:
            found: dict[str, object] = dict(to_json(service.ask(row["question"]), explain=True))
        except UsageError as error:
            found = {"question": row["question"], "error": error.code}
        found.pop("timings_ms", None)
        yield json.dumps({"set": name, "id": row["id"]} | found, ensure_ascii=False, sort_keys=True)


def differing(left: list[str], right: list[str]) -> str:
    """The first question that the two files answer differently, or that one of them lacks; empty when there is none."""
    for one, other in zip_longest(left, right):
        if one != other:
            row = json.loads(one or other)
            return f"{row['set']} {row['id']}: {row['question']}"
    return ""


def main() -> int:
    """Write the answers; compare them when asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="file to write, one answer a line")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared", help="folder that holds eval/")
    parser.add_argument("--index-dir", type=Path, help="keep the indexes here and use them again")
    parser.add_argument("--compare", type=Path, metavar="OTHER", help="exit 1 when OTHER.jsonl differs")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        indexes = given.index_dir or Path(scratch)
        lines = [
            line
            for name, (corpus, questions) in sets(given.shared).items()
            for line in answers(name, corpus, questions, indexes / name)
        ]
    given.out.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    print(f"{len(lines)} answers in {given.out}")
    if given.compare is None:
        return 0
    first = differing(lines, given.compare.read_text(encoding="utf-8").splitlines())
    print(f"first difference: {first}" if first else "identical")
    return int(bool(first))


if __name__ == "__main__":
    sys.exit(main())
