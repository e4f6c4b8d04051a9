"""How much later an answer is on the screen than out of REST: `python -m benchmarks.page [--url URL]`. Expected ≤ 300 ms.

Real questions in Chromium, each asked right after the same question through REST, so that both see the same machine.
Without --url a service is started on the default index. Exit code 1 when the difference of the medians is larger.
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, sync_playwright

from rag.config import ROOT

ALLOWED = 300  # milliseconds
QUESTIONS = (
    "四同步四衔接指的是什么？", "怎么弘扬劳模精神、劳动精神、工匠精神？", "调查研究怎么开展？", "工会怎么服务职工？", "产业工人队伍建设改革有哪些要求？",
    "怎样维护劳动领域政治安全？", "困难职工怎么帮扶？", "理论学习中心组多久学习一次？", "新就业形态劳动者怎么入会？", "主题教育的总要求是什么？",
)  # fmt: skip
# From the key that asks to the frame that shows the answer.
CLOCK = """() => {
  const shown = () => document.querySelectorAll('.yw-lead, .yw-refusal, .yw-problem').length;
  let before = shown();
  window.asked = 0; window.answered = 0;
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') { window.asked = performance.now(); window.answered = 0; before = shown(); }
  }, true);
  new MutationObserver(() => {
    if (window.asked && !window.answered && shown() > before) requestAnimationFrame(() => { window.answered = performance.now(); });
  }).observe(document.documentElement, { childList: true, subtree: true });
}"""


def through_rest(url: str, question: str) -> float:
    """Milliseconds of one question through REST, its answer read."""
    body, headers = json.dumps({"question": question}).encode(), {"Content-Type": "application/json"}
    started = time.perf_counter()
    with urllib.request.urlopen(urllib.request.Request(f"{url}/api/v1/ask", body, headers), timeout=60) as reply:
        json.load(reply)
    return (time.perf_counter() - started) * 1e3


def on_screen(page: Page, question: str) -> float:
    """Milliseconds of one question on the page."""
    page.fill("#yw-question textarea", question)
    page.wait_for_timeout(200)  # Gradio has taken the text
    page.press("#yw-question textarea", "Enter")
    page.wait_for_function("() => window.answered > window.asked && window.asked > 0", timeout=60_000)
    return page.evaluate("window.answered - window.asked")


@contextmanager
def served(url: str) -> Iterator[str]:
    """The service at `url`, or one started for this run."""
    if url:
        yield url.rstrip("/")
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "app.py", "--port", str(port)], cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        while not _ready(address):
            if process.poll() is not None:
                raise SystemExit("the service did not start; is there an index? run: yuanwen index")
            time.sleep(0.5)
        yield address
    finally:
        process.terminate()
        process.wait(10)


def _ready(url: str) -> bool:
    try:
        urllib.request.urlopen(f"{url}/readyz", timeout=5).close()
    except (urllib.error.URLError, OSError):
        return False
    return True


def main() -> int:
    """Measure and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="", help="a running service, else one is started")
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    browser_path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with served(arguments.url) as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 800}, locale="zh-CN")
        page.goto(url)
        page.wait_for_selector(".yw-chip", timeout=120_000)
        page.evaluate(CLOCK)
        on_screen(page, QUESTIONS[0])
        pairs = []
        for _ in range(arguments.rounds):
            for question in QUESTIONS:
                pairs.append((through_rest(url, question), on_screen(page, question)))
            page.click("#yw-clear")
            page.wait_for_timeout(500)
        browser.close()
    rest, screen = (statistics.median(side) for side in zip(*pairs, strict=True))
    print(f"{len(pairs)} questions: REST {rest:.0f} ms, on screen {screen:.0f} ms, difference {screen - rest:.0f} ms")
    return 0 if screen - rest <= ALLOWED else 1


if __name__ == "__main__":
    raise SystemExit(main())
