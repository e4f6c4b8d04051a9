"""Plant one fault after another in a copy of the tree and see whether its tests fail: `python -m tests.mutants.run`.

A fault is caught when its tests fail, and survives when they pass. Anything else (a stale fault, a test that is not there,
tests that fail without any fault) is an error of the list. Exit code 1 when a fault survives, 2 when the list is wrong.
"""

from __future__ import annotations

import argparse
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import psutil

from tests.mutants.faults import ROOT, Fault, StaleFault, planted, read_faults

LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", "__pycache__", "dist", "*.egg-info", ".*_cache", ".hypothesis", "embeddings", "node_modules"
)
LINKED = (".venv", "embeddings")  # large, and never changed by a test
GB = 1024**3
EACH_GB = 3  # memory that one run of tests may want
SECONDS_MAX = 900


class Verdict(Enum):
    """What became of a fault."""

    CAUGHT = "caught"
    SURVIVED = "SURVIVED"
    WRONG = "ERROR"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One fault run. note: the test that failed, or what is wrong."""

    fault: Fault
    verdict: Verdict
    note: str
    seconds: float


def copied(root: Path, folder: Path) -> Path:
    """A copy of the tree in a folder of its own, the environment and the models linked."""
    shutil.copytree(root, folder, ignore=LEFT_OUT, symlinks=True)
    for name in LINKED:
        (folder / name).symlink_to(root / name)
    return folder


def tested(folder: Path, tests: Sequence[str], *, first: bool = True) -> tuple[int, str]:
    """Run tests in a copy: pytest's exit code (124 when it took too long), and what it wrote."""
    env = os.environ | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}  # no stale bytecode between faults
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(["-x"] if first else []), *tests]
    try:
        done = subprocess.run(
            command, cwd=folder, env=env, capture_output=True, text=True, timeout=SECONDS_MAX, check=False
        )
    except subprocess.TimeoutExpired:
        return 124, f"no end after {SECONDS_MAX} s"
    return done.returncode, done.stdout + done.stderr


def judged(fault: Fault, folder: Path) -> Outcome:
    """Plant a fault in a copy, run its tests, take it out again."""
    started = time.perf_counter()
    path = folder / fault.file
    try:
        text = planted(fault, folder)
    except StaleFault as error:
        return Outcome(fault, Verdict.WRONG, str(error), 0.0)
    sound = path.read_bytes()
    path.write_text(text, encoding="utf-8")
    try:
        code, output = tested(folder, fault.tests)
    finally:
        path.write_bytes(sound)
    seconds = time.perf_counter() - started
    if code == 0:
        return Outcome(fault, Verdict.SURVIVED, fault.what, seconds)
    if code == 1:
        failed = [line.removeprefix("FAILED ").removeprefix("ERROR ") for line in output.splitlines()]
        failed = [line.partition(" - ")[0] for line in failed if line.startswith("tests/")]
        return Outcome(fault, Verdict.CAUGHT, failed[-1] if failed else "", seconds)
    return Outcome(fault, Verdict.WRONG, f"pytest ended with {code}: {output[-600:]}", seconds)


def say(text: str) -> None:
    """A line on the terminal, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def at_once(wanted: int | None) -> int:
    """How many runs side by side: as wanted, or two where cores and memory allow it."""
    if wanted:
        return wanted
    return 2 if (os.cpu_count() or 1) > 1 and psutil.virtual_memory().available > 2 * EACH_GB * GB else 1


def main(given: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants.run", description=__doc__)
    parser.add_argument("names", nargs="*", help="faults to plant; by default all")
    parser.add_argument("--jobs", type=int, help="runs side by side; by default 1 or 2 as the machine allows")
    arguments = parser.parse_args(given)
    faults = [fault for fault in read_faults() if not arguments.names or fault.name in arguments.names]
    unknown = set(arguments.names) - {fault.name for fault in faults}
    if unknown:
        say(f"no such fault: {', '.join(sorted(unknown))}")
        return 2
    jobs, started = at_once(arguments.jobs), time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="mutants-") as home:
        copies: queue.Queue[Path] = queue.Queue()
        for number in range(jobs):
            copies.put(copied(ROOT, Path(home) / str(number)))
        sound = sorted({test for fault in faults for test in fault.tests})
        code, output = tested(Path(home) / "0", sound, first=False)
        if code != 0:
            say(f"without any fault the tests end with {code}:\n{output[-3000:]}")
            return 2
        say(f"without any fault: {len(sound)} tests or files pass, {time.perf_counter() - started:.0f} s")

        def run(fault: Fault) -> Outcome:
            folder = copies.get()
            try:
                return judged(fault, folder)
            finally:
                copies.put(folder)

        outcomes: list[Outcome] = []
        with ThreadPoolExecutor(jobs) as pool:
            for outcome in pool.map(run, faults):
                outcomes.append(outcome)
                say(f"{outcome.verdict.value:8} {outcome.fault.name:36} {outcome.seconds:5.0f} s  {outcome.note}")
    return summed_up(outcomes, time.perf_counter() - started)


def summed_up(outcomes: Sequence[Outcome], seconds: float) -> int:
    """The last lines, and the exit code."""
    caught, survived, wrong = (
        [outcome.fault.name for outcome in outcomes if outcome.verdict is verdict] for verdict in Verdict
    )
    say(f"{len(caught)} of {len(outcomes)} caught in {seconds / 60:.1f} minutes")
    if survived:
        say(f"survived: {', '.join(survived)}")
    if wrong:
        say(f"wrong in the list: {', '.join(wrong)}")
    return 2 if wrong else 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
