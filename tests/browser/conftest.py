"""A real server on a free port with the real model, and a real Chromium in front of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from rag.config import ROOT

HOSTILE = (ROOT / "tests" / "browser" / "hostile.txt").read_text(encoding="utf-8")
QUESTION = "四同步四衔接指的是什么？"
SHOTS = ROOT / "tests" / "browser" / "shots"  # git-ignored; CI keeps them for looking at


@dataclass(frozen=True)
class Server:
    """A running server. index: its index folder."""

    url: str
    index: Path
    process: subprocess.Popen

    def post(self, path: str, body: dict) -> dict:
        """Call the REST interface."""
        data, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers), timeout=60) as reply:
            return json.load(reply)

    def get(self, path: str) -> dict:
        """Read from the REST interface."""
        with urllib.request.urlopen(self.url + path, timeout=60) as reply:
            return json.load(reply)


@dataclass
class Visit:
    """A page with what it asked of other hosts and what went wrong in it."""

    page: Page
    base: str
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def ask(self, question: str) -> None:
        """Type a question and wait for the answer."""
        done = ".yw-lead, .yw-refusal, .yw-problem"
        before = self.page.locator(done).count()
        self.page.fill("#yw-question textarea", question)
        self.page.press("#yw-question textarea", "Enter")
        self.page.wait_for_function("([s, n]) => document.querySelectorAll(s).length > n", arg=[done, before])

    def shot(self, name: str) -> Path:
        """Keep a screenshot."""
        SHOTS.mkdir(exist_ok=True)
        self.page.wait_for_timeout(600)  # animations end
        self.page.screenshot(path=SHOTS / f"{name}.png")
        return SHOTS / f"{name}.png"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(
    index: Path,
    port: int,
    *,
    ready_within: float = 180,
    environment: dict[str, str] | None = None,
    module: str = "app",
) -> subprocess.Popen:
    """Start `python app.py`, or another module of its kind, and wait until it can answer."""
    environment = os.environ | {"YUANWEN_INDEX": str(index)} | (environment or {})
    with (index.parent / "server.log").open("wb") as log:  # the process keeps its own
        process = subprocess.Popen(
            [sys.executable, "-m", module, "--port", str(port)],
            cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    deadline = time.monotonic() + ready_within
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2).close()
            return process
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    process.kill()
    pytest.fail(f"server did not come up:\n{(index.parent / 'server.log').read_text(errors='replace')[-2000:]}")


@pytest.fixture(scope="session")
def server(model_service, tmp_path_factory) -> Iterator[Server]:
    """The seeds and one hostile document, served as users get them. SIGTERM must end it within 5 s."""
    home = tmp_path_factory.mktemp("served")
    shutil.copytree(model_service.settings.index, home / "index")
    (home / "hostile.txt").write_text(HOSTILE, encoding="utf-8")
    from rag.service import Service

    Service(model_service.settings.model_copy(update={"index": home / "index"})).ingest([home / "hostile.txt"])
    port = free_port()
    process = start(home / "index", port)
    yield Server(f"http://127.0.0.1:{port}", home / "index", process)
    process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
    assert time.monotonic() - started < 5.5, "SIGTERM took too long"


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Callable[..., Visit]]:
    """A function that opens the page; afterwards: no request to another host, no script error."""
    contexts: list[BrowserContext] = []
    visits: list[Visit] = []

    def opened(
        path: str = "/", *, width: int = 1280, height: int = 800, dark: bool = False, wait: str = ".yw-chip"
    ) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", locale="zh-CN",
            permissions=["clipboard-read", "clipboard-write"],
        )  # fmt: skip
        contexts.append(context)
        page = context.new_page()
        seen = Visit(page, server.url)
        visits.append(seen)
        context.on("request", lambda r: _note_foreign(seen, r.url))
        page.on("pageerror", lambda error: seen.errors.append(str(error)))
        page.on("console", lambda m: seen.errors.append(m.text) if m.type == "error" else None)
        page.goto(server.url + path)
        page.wait_for_selector(wait, timeout=60_000)
        return seen

    yield opened
    for context in contexts:
        context.close()
    for seen in visits:
        assert not seen.foreign, f"requests to other hosts: {seen.foreign}"
        assert not seen.errors, f"errors in the page: {seen.errors}"


def _note_foreign(seen: Visit, url: str) -> None:
    if not url.startswith((seen.base + "/", "data:", "blob:")):
        seen.foreign.append(url)
