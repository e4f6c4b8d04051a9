"""Sixty-four people asking at once for a while: no error but "busy", no queue without end, nothing kept, all counted.

With the toy embedder; the figures with the model are in benchmarks/results/load.md.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import psutil
import pytest

from benchmarks.load import Load, measure, wait_until_ready
from rag.config import ROOT, Settings
from rag.service import Service
from tests.browser.conftest import free_port
from tests.conftest import SEEDS, ToyEmbedder, apart

pytestmark = pytest.mark.slow

PEOPLE, SECONDS = 64, 12


def loaded(index, **environment: str) -> Load:
    """What 64 people see of a server with these settings."""
    port = free_port()
    env = (
        os.environ
        | {"YUANWEN_INDEX": str(index), "YUANWEN_LOG_LEVEL": "warning", "PYTHONPATH": str(ROOT)}
        | environment
    )
    process = subprocess.Popen([sys.executable, "-m", "tests.deploy.toy_server", str(port)], cwd=ROOT, env=env)
    try:
        wait_until_ready(f"http://127.0.0.1:{port}", process)
        return apart(asyncio.run, measure(f"http://127.0.0.1:{port}", psutil.Process(process.pid), PEOPLE, SECONDS))
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("load") / "index"
    service = Service(Settings(index=folder), ToyEmbedder())
    service.ingest([SEEDS])
    service.catalog.close()
    return folder


def test_everybody_is_answered_in_their_turn(index):
    load = loaded(index, TOY_QUERY_SECONDS="0.1")  # so long that other work on the machine hardly counts
    assert set(load.statuses) == {200} and len(load.times) > PEOPLE
    assert load.counted == load.statuses
    assert load.p95 < PEOPLE * load.single
    assert load.growth < 1.05


def test_past_the_limit_the_answer_is_busy(index):
    load = loaded(index, YUANWEN_QUEUE_MAX="4")
    assert load.undocumented == () and len(load.statuses) == 2 and load.statuses[200] > 10
    assert load.counted == load.statuses
