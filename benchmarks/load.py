"""Many people asking at once: `python -m benchmarks.load [--people 64] [--seconds 60]`; rewrites benchmarks/results/load.md.

Starts the service on an index of the seeds, asks one question after another, then lets everybody ask without pause.
Expected: no answer but 200 and the documented "busy", p95 within PEOPLE times the time of a single question, memory
flat, and /metrics counting what the clients counted.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.query import QUESTIONS
from rag.config import ROOT, Settings
from rag.service import Service

ASK = "/api/v1/ask"
BUSY = (429, 503)
MB = 1 << 20


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as its client saw it. seconds: until it came. rerank: of those, for reading again."""

    seconds: float
    rerank: float


@dataclass(frozen=True, slots=True)
class Load:
    """What was seen. Times in seconds, memory in bytes, one sample about every quarter of a second.

    single: median of questions asked one after another. times: of the answered ones. statuses: as the clients counted
    them, counted: as /metrics did over the same while. undocumented: bodies of refusals that are not "busy". bare: as
    single, without the time for reading again. reread: of the answered ones, those of which anything was read again.
    """

    people: int
    single: float
    bare: float
    times: tuple[float, ...]
    reread: int
    statuses: dict[int, int]
    counted: dict[int, int]
    undocumented: tuple[str, ...]
    memory: tuple[int, ...]

    @property
    def p95(self) -> float:
        """The time within which 95 of 100 were answered."""
        return statistics.quantiles(self.times, n=20)[-1]

    @property
    def growth(self) -> float:
        """Memory in the last quarter over memory in the second: the first warms up."""
        quarter = len(self.memory) // 4
        return statistics.median(self.memory[-quarter:]) / statistics.median(self.memory[quarter : 2 * quarter])


async def measure(base: str, server: psutil.Process, people: int, seconds: float) -> Load:
    """Put the load on a running service."""
    limits = httpx.Limits(max_connections=people + 2, max_keepalive_connections=people + 2)
    statuses: Counter[int] = Counter()
    answers: list[Answered] = []
    undocumented: list[str] = []
    memory: list[int] = []
    async with httpx.AsyncClient(base_url=base, timeout=120, limits=limits) as client:
        asked = [await _ask(client, question, Counter(), []) for question in QUESTIONS * 5]
        single = [one for one in asked if one is not None]
        before = await _counted(client)
        until = time.monotonic() + seconds

        async def person(number: int) -> None:
            for question in itertools.islice(itertools.cycle(QUESTIONS), number, None):
                if time.monotonic() > until:
                    return
                answer = await _ask(client, question, statuses, undocumented)
                if answer is None:
                    await asyncio.sleep(1)
                else:
                    answers.append(answer)

        async def watch() -> None:
            while time.monotonic() < until:
                memory.append(server.memory_info().rss)
                await asyncio.sleep(0.25)

        await asyncio.gather(watch(), *(person(number) for number in range(people)))
        after = await _counted(client)
    counted = {status: after[status] - before[status] for status in after if after[status] > before[status]}
    return Load(
        people,
        statistics.median(one.seconds for one in single),
        statistics.median(one.seconds - one.rerank for one in single),
        tuple(one.seconds for one in answers),
        sum(one.rerank > 0 for one in answers),
        dict(statuses), counted, tuple(undocumented), tuple(memory),
    )  # fmt: skip


async def _ask(
    client: httpx.AsyncClient, question: str, statuses: Counter[int], undocumented: list[str]
) -> Answered | None:
    """The answer, None when it was refused."""
    started = time.perf_counter()
    response = await client.post(ASK, json={"question": question})
    statuses[response.status_code] += 1
    if response.status_code == 200:
        return Answered(time.perf_counter() - started, response.json()["timings_ms"]["rerank"] / 1e3)
    busy = response.status_code in BUSY and "retry-after" in response.headers and response.json()["code"] == "busy"
    if not busy:
        undocumented.append(response.text[:200])
    return None


async def _counted(client: httpx.AsyncClient) -> Counter[int]:
    """Questions by status, as /metrics has counted them."""
    found: Counter[int] = Counter()
    for family in text_string_to_metric_families((await client.get("/metrics")).text):
        for sample in family.samples:
            if sample.name == "yuanwen_http_requests_total" and sample.labels["route"] == ASK:
                found[int(sample.labels["status"])] += int(sample.value)
    return found


def wait_until_ready(base: str, process: subprocess.Popen, seconds: float = 180) -> None:
    """Return when the service can answer. Raises RuntimeError when it does not come up."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"{base}/readyz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.3)
    raise RuntimeError("the service did not come up")


def report(load: Load, seconds: float) -> str:
    """The results page."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "faiss-cpu", "fastapi", "uvicorn", "gradio"))
    answered, refused = load.statuses.get(200, 0), sum(load.statuses.values()) - load.statuses.get(200, 0)
    cores, memory = os.cpu_count(), psutil.virtual_memory().total / (1 << 30)
    return f"""# {load.people} people asking at once

`python -m benchmarks.load --people {load.people} --seconds {seconds:g}`, {time.strftime("%Y-%m-%d")}: {platform.machine()}, {cores} cores (shared
with the clients), {memory:.0f} GB, load average {os.getloadavg()[0]:.1f} at the end, Python {platform.python_version()}, {packages}.
The default model, the seeds, {answered} questions answered over REST. When more than
{Settings().rerank_people} ask at once, they share the passages that so many would have had read again (docs/部署.md): under this load hardly
any is. Which excerpts come first may change with that, but not whether there is an answer.

| | |
|---|---|
| one question alone, median | {load.single * 1e3:.0f} ms, {load.bare * 1e3:.0f} of them without reading again |
| answered a second | {answered / seconds:.0f} |
| median, p95, longest | {statistics.median(load.times):.2f} s, {load.p95:.2f} s, {max(load.times):.2f} s |
| p95 in times of a single question (at most {load.people}) | {load.p95 / load.single:.1f} |
| the same, of a single question's time without reading again | {load.p95 / load.bare:.1f} |
| answered with anything read again | {load.reread} of {answered} |
| busy | {refused - len(load.undocumented)} |
| other errors (none) | {len(load.undocumented)} |
| memory, second quarter to last | {statistics.median(load.memory) / MB:.0f} MB, × {load.growth:.3f} |
| /metrics counts what the clients counted | {load.counted == load.statuses} |
"""


def main() -> None:
    """Start the service in a scratch folder, load it and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, socket.create_server(("127.0.0.1", 0)) as probe:
        index, port = Path(scratch) / "index", probe.getsockname()[1]
        probe.close()
        Service(Settings(index=index)).ingest([ROOT / "seeds"])
        environment = os.environ | {"YUANWEN_INDEX": str(index), "YUANWEN_LOG_LEVEL": "warning"}
        process = subprocess.Popen([sys.executable, "app.py", "--port", str(port)], cwd=ROOT, env=environment)
        try:
            base = f"http://127.0.0.1:{port}"
            wait_until_ready(base, process)
            load = asyncio.run(measure(base, psutil.Process(process.pid), given.people, given.seconds))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
    text = report(load, given.seconds)
    (ROOT / "benchmarks" / "results" / "load.md").write_text(text, encoding="utf-8")
    print(text, *load.undocumented[:3], sep="\n")


if __name__ == "__main__":
    main()
