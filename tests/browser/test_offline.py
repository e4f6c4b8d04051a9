"""A whole session in the browser, and nobody else is spoken to: neither by the page nor by the server."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import QUESTION, Visit, free_port, start

pytestmark = [pytest.mark.browser, pytest.mark.model]


@contextmanager
def watched(process: psutil.Process) -> Iterator[set[str]]:
    """The addresses at both ends of the process's connections and its children's, looked at every 20 ms."""
    found: set[str] = set()
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(0.02):
            for one in [process, *process.children(recursive=True)]:
                try:
                    ends = [end for held in one.net_connections(kind="inet") for end in (held.laddr, held.raddr) if end]
                except psutil.Error:
                    continue  # a child that has ended
                found.update(end.ip for end in ends)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()


def test_nobody_else_is_spoken_to(browser: Browser, model_service, tmp_path: Path):
    shutil.copytree(model_service.settings.index, tmp_path / "index")
    port, audit = free_port(), tmp_path / "audit.log"
    process = start(tmp_path / "index", port, environment={"AUDIT": str(audit)}, module="tests.browser.audited")
    asked: list[str] = []
    try:
        with watched(psutil.Process(process.pid)) as addresses:
            context = browser.new_context(locale="zh-CN", permissions=["clipboard-read", "clipboard-write"])
            context.on("request", lambda request: asked.append(request.url))
            seen = Visit(context.new_page(), f"http://127.0.0.1:{port}")
            seen.page.goto(seen.base)
            seen.page.wait_for_selector(".yw-chip")
            session(seen, tmp_path)
            context.close()
    finally:
        process.terminate()
        process.wait(20)
    assert len(asked) > 20
    assert [url for url in asked if not url.startswith((seen.base, "data:", "blob:"))] == []
    assert "127.0.0.1" in addresses
    assert {one for one in addresses if not ip_address(one).is_loopback} == set()
    told = audit.read_text(encoding="utf-8").splitlines()
    assert f"socket.bind ('127.0.0.1', {port})" in told  # the audit does see
    assert [line for line in told if not re.search(r"'(127\.0\.0\.1|localhost|::1)'", line)] == []


def session(seen: Visit, folder: Path) -> None:
    """Ask, cite, open the source, collect and export, be refused, upload, look at each administrator's page."""
    page = seen.page
    seen.ask(QUESTION)
    page.click("#yw-chat a.yw-cite >> nth=0")
    page.click("#src-1-1 button:has-text('查看原文')")
    page.wait_for_selector("#yw-source #yw-quote")
    page.keyboard.press("Escape")
    page.click("#src-1-1 button:has-text('收入摘编')")
    page.wait_for_selector("#yw-count:has-text('1')")
    page.click("#yw-status button:has-text('摘编')")
    page.wait_for_selector("#yw-item-0")
    with page.expect_download() as download:
        page.click("button:has-text('导出 Word')")
    download.value.save_as(folder / "out.docx")
    page.keyboard.press("Escape")
    seen.ask("红烧肉要炖多久才软烂？")
    page.goto(f"{seen.base}/page/admin")
    (folder / "新通知.txt").write_text("关于新书屋的通知\n\n新书屋周三开放。\n", encoding="utf-8")
    page.set_input_files("#yw-upload input[type=file]", str(folder / "新通知.txt"))
    page.click("#yw-upload button[type=submit]")
    page.wait_for_selector("#yw-report:has-text('已收入 新通知.txt')", timeout=60_000)
    for name in ("gaps", "audit", "evaluation"):
        page.goto(f"{seen.base}/page/{name}")
        page.wait_for_selector("main h1")
