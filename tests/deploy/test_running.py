"""What those who run the service see: not ready before it is warm, gone within 5 s, a line a request without questions."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from rag.cli.doctor import examine
from rag.config import ROOT, Settings
from rag.service import Service
from tests.browser.conftest import free_port
from tests.conftest import SEEDS, ToyEmbedder

pytestmark = pytest.mark.slow

QUESTION = "四同步四衔接指的是什么"


@dataclass(frozen=True)
class Running:
    """A server process. log: what it writes to standard error."""

    client: httpx.Client
    process: subprocess.Popen
    index: Path
    log: Path

    def wait(self, status: int, path: str = "/readyz") -> float:
        """Seconds until the path answers so."""
        started = time.monotonic()
        while time.monotonic() - started < 60 and self.process.poll() is None:
            try:
                if self.client.get(path).status_code == status:
                    return time.monotonic() - started
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        pytest.fail(self.log.read_text(encoding="utf-8"))

    def stop(self) -> float:
        """Seconds from SIGTERM to the end."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        return time.monotonic() - started


@pytest.fixture
def serve(tmp_path) -> Iterator[Callable[..., Running]]:
    """A function that starts a server of its own on an index of the seeds."""
    index, log = tmp_path / "index", tmp_path / "log"
    service = Service(Settings(index=index), ToyEmbedder())
    service.ingest([SEEDS])
    service.catalog.close()
    started: list[Running] = []

    def run(**environment: str) -> Running:
        port = free_port()
        env = os.environ | {"YUANWEN_INDEX": str(index), "PYTHONPATH": str(ROOT)} | environment
        command = [sys.executable, "-m", "tests.deploy.toy_server", str(port)]
        with log.open("wb") as file:
            process = subprocess.Popen(command, cwd=ROOT, env=env, stderr=file)
        started.append(Running(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30), process, index, log))
        return started[-1]

    yield run
    for one in started:
        one.client.close()
        one.process.kill()
        one.process.wait()


def test_not_ready_before_it_is_warm(serve):
    running = serve(TOY_QUERY_SECONDS="2")
    running.wait(200, "/healthz")
    early = running.client.get("/readyz")
    assert early.status_code == 503 and early.json()["code"] == "starting" and early.headers["retry-after"]
    assert "yuanwen_ready 0.0" in running.client.get("/metrics").text
    assert running.wait(200) > 1
    assert "yuanwen_ready 1.0" in running.client.get("/metrics").text
    assert running.client.post("/api/v1/ask", json={"question": QUESTION}).status_code == 200


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_told_to_stop_during_an_upload_it_goes_within_five_seconds(serve, accept):
    running = serve(TOY_PASSAGE_SECONDS="60")
    running.wait(200)
    files = {"file": ("通知.txt", "食堂周三开放。".encode())}
    with pytest.raises(httpx.TransportError), httpx.Client(base_url=running.client.base_url, timeout=0.8) as sender:
        sender.post("/api/v1/documents", files=files, headers={"accept": accept})  # gives up; the server goes on
    assert running.stop() < 5
    service = Service(Settings(index=running.index), ToyEmbedder())
    assert all(check.good for check in examine(service)) and len(service.documents()) == 5


def test_told_to_stop_those_who_wait_are_told_to_come_back(serve):
    """One answer takes more than half a second; eight ask at once, and the service is stopped."""
    running = serve(TOY_QUERY_SECONDS="0.7")
    running.wait(200)

    def ask(number: int) -> httpx.Response:
        return httpx.post(f"{running.client.base_url}/api/v1/ask", json={"question": f"{QUESTION}{number}"}, timeout=30)

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask, number) for number in range(8)]
        time.sleep(0.4)
        assert running.stop() < 5
        answers = [one.result() for one in asked]
    assert {answer.status_code for answer in answers} == {200, 503}
    for answer in (one for one in answers if one.status_code == 503):
        assert answer.json()["code"] == "stopping" and int(answer.headers["retry-after"]) > 0
        assert answer.headers["content-type"] == "application/problem+json" and "停止" in answer.json()["detail"]
    assert "Traceback" not in running.log.read_text(encoding="utf-8")


def test_told_to_stop_with_a_page_open_it_goes_within_five_seconds(serve):
    running = serve()
    running.wait(200)
    with running.client.stream("GET", "/gradio_api/heartbeat/abc") as stream:  # what an open tab holds
        assert stream.status_code == 200
        assert running.stop() < 5


def test_a_line_a_request_without_the_question(serve):
    running = serve()
    running.wait(200)
    running.client.post("/api/v1/ask", json={"question": QUESTION}, headers={"x-request-id": "r-1"})
    running.client.get(f"/api/v1/documents/a%0Ab/text?q={QUESTION}")
    running.client.get(f"/?q={QUESTION}")
    running.stop()
    lines = [line for line in running.log.read_text(encoding="utf-8").splitlines() if "/api/" in line]
    assert len(lines) == 2
    assert "INFO POST /api/v1/ask 200 " in lines[0] and lines[0].endswith(" r-1")
    assert "GET /api/v1/documents/a%0Ab/text 404" in lines[1]
    assert QUESTION not in running.log.read_text(encoding="utf-8")


def test_levels_and_questions_as_the_settings_say(serve):
    running = serve(YUANWEN_LOG_LEVEL="warning", YUANWEN_LOG_QUESTIONS="true")
    running.wait(200)
    running.client.post("/api/v1/ask", json={"question": QUESTION})
    running.stop()
    assert running.log.read_text(encoding="utf-8") == ""
    running = serve(YUANWEN_LOG_QUESTIONS="true", YUANWEN_LOG_LEVEL="debug")
    running.wait(200)
    running.client.post("/api/v1/ask", json={"question": QUESTION})
    running.stop()
    text = running.log.read_text(encoding="utf-8")
    assert QUESTION in text and "DEBUG GET /readyz 200" in text
