"""What a busy neighbour costs a question: `python -m benchmarks.waiting [--rounds 3]`.

torch's threads wait for each other by spinning, which is quick while every thread has a core of its own and slow as
soon as another process takes one, most of all one of another session (Linux then shares the cores out by session, see
sched_autogroup_enabled). Each setting runs in a fresh process, in turn, over an index of the seeds: questions
with nothing beside them, questions beside one process that never rests, passages encoded with nothing beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.query import clock
from rag.config import ROOT, Settings
from rag.service import Service

DEV = ROOT.parent / "shared" / "eval" / "seeds-dev.jsonl"
PASSAGES = 256
WAYS: dict[str, dict[str, str]] = {
    "as shipped": {},
    "OpenMP's own": {"GOMP_SPINCOUNT": "300000"},
    "10000": {"GOMP_SPINCOUNT": "10000"},
    "1000": {"GOMP_SPINCOUNT": "1000"},
    "passive": {"OMP_WAIT_POLICY": "passive"},
    "one thread": {"OMP_NUM_THREADS": "1"},
}
BUSY = (sys.executable, "-c", "while True: pass")


def main() -> None:
    """Index the seeds once, time every way in turn, print medians over the rounds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--questions", type=Path, default=DEV, help="lines of {question}; the first thirty are asked")
    parser.add_argument("--index", type=Path, help="of a child: measure, print, done")
    options = parser.parse_args()
    if options.index:
        print(json.dumps(_measure(options.index, options.questions)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        index = Path(scratch) / "index"
        service = Service(Settings(index=index))
        service.ingest([ROOT / "seeds"])
        service.calibration()
        rounds: dict[str, list[dict[str, float]]] = {way: [] for way in options.ways}
        for _ in range(options.rounds):
            for way in options.ways:
                rounds[way].append(_child(index, options.questions, WAYS[way]))
                print(way, rounds[way][-1], file=sys.stderr, flush=True)
    for way, found in rounds.items():
        print(way, {name: round(statistics.median(one[name] for one in found), 1) for name in found[0]})


def _child(index: Path, questions: Path, way: dict[str, str]) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.waiting", "--index", str(index), "--questions", str(questions)]
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    done = subprocess.run(command, env=bare | way, stdout=subprocess.PIPE, check=True, start_new_session=True)
    return json.loads(done.stdout)


def _measure(index: Path, source: Path) -> dict[str, float]:
    """Milliseconds, medians: a question alone, beside a process of another session, of the same one; passages a second."""
    questions = [json.loads(line)["question"] for line in source.read_text("utf-8").splitlines()[:30]]
    service = Service(Settings(index=index))
    texts = [passage.text for passage in service.current().passages[:PASSAGES]]
    for question in questions[:5]:
        service.ask(question)
    found = {"quiet_ms": statistics.median(clock(lambda q=q: service.ask(q)) for q in questions)}
    for name, apart in (("busy_apart_ms", True), ("busy_same_ms", False)):
        neighbour = subprocess.Popen(BUSY, start_new_session=apart)
        try:
            time.sleep(1)
            found[name] = statistics.median(clock(lambda q=q: service.ask(q)) for q in questions[:6])
        finally:
            neighbour.kill()
            neighbour.wait()
    found["passages_s"] = len(texts) / clock(lambda: service.embedder.encode_passages(texts)) * 1e3
    return found


if __name__ == "__main__":
    main()
