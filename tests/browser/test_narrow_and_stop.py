"""Narrowing by date and validity, and stopping a question, in front of a slow service without a model."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from playwright.sync_api import Browser, Page

from rag.config import Settings
from rag.service import Service
from rag.web.front.state import Startup
from rag.web.server import build_app
from tests.browser.conftest import SHOTS, free_port
from tests.conftest import ToyEmbedder

pytestmark = pytest.mark.browser
QUESTION = "白鹭湖步道哪天封闭检修？"


class SlowEmbedder(ToyEmbedder):
    """Takes as long as the test says."""

    wait = 0.0

    def encode_queries(self, texts):
        time.sleep(self.wait)
        return super().encode_queries(texts)


@pytest.fixture(scope="module")
def embedder() -> SlowEmbedder:
    return SlowEmbedder()


@pytest.fixture(scope="module")
def url(embedder, tmp_path_factory) -> Iterator[str]:
    """Two versions of one rule, the older one repealed."""
    home = tmp_path_factory.mktemp("narrow")
    for year, day, validity in (("2019", "二", "废止"), ("2023", "四", "现行")):
        name = home / f"步道办法{year}.txt"
        name.write_text(
            f"白鹭湖步道管理办法（{year}）\n\n白鹭湖步道每周{day}封闭检修，由后勤处负责。\n", encoding="utf-8"
        )
        name.with_name(f"{name.name}.yaml").write_text(f"date: {year}-05-06\nvalidity: {validity}\n", encoding="utf-8")
    service, startup = Service(Settings(index=home / "index"), embedder), Startup()
    service.ingest([home])
    startup.warm_up(service)
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(build_app(service, startup), port=port, log_level="warning"))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="zh-CN")
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector(".yw-status:not(.yw-starting)", timeout=60_000)
    yield page
    context.close()


def ask(page: Page, question: str = QUESTION) -> None:
    page.fill("#yw-question textarea", question)
    page.press("#yw-question textarea", "Enter")


def fill_date(page: Page, label: str, text: str) -> None:
    """Type a date as a person does: into a field that has settled, and out of it again before anything is asked."""
    field = page.locator(f"#yw-when label:has-text('{label}') :is(input, textarea)")
    field.wait_for(state="visible")
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    field.fill(text)
    field.press("Tab")
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert field.input_value() == text


def test_narrowing_by_date_and_validity(page):
    page.click("#yw-scope button")
    fill_date(page, "到", "2019")
    ask(page)
    page.wait_for_selector("#src-1-1")
    assert "每周二" in page.inner_text("#src-1-1") and page.locator("#turn-1 .yw-card").count() == 1
    assert "2019-12-31 及以前的 1 篇文档" in page.inner_text("#yw-chat .yw-carried")
    fill_date(page, "到", "")
    page.screenshot(path=SHOTS / "narrow-1280.png")
    page.check("#yw-when label:has-text('现行') input")
    ask(page)
    page.wait_for_selector("#src-2-1")
    assert "每周四" in page.inner_text("#src-2-1") and page.locator("#turn-2 .yw-card").count() == 1
    fill_date(page, "日期从", "上个月")
    ask(page)
    page.wait_for_selector("#yw-chat .yw-problem:has-text('读不懂')")
    fill_date(page, "日期从", "2024")
    ask(page)
    page.wait_for_selector("#yw-chat .yw-refusal")
    assert "2024-01-01 及以后的、现行的 0 篇文档" in page.inner_text("#yw-chat .yw-refusal")


def test_a_question_can_be_stopped_and_asked_again(page, embedder):
    ask(page)
    page.wait_for_selector("#src-1-1")
    embedder.wait = 4.0
    ask(page, "第二个问题：步道由谁负责？")
    page.wait_for_selector("#yw-stop-asking", state="visible")
    assert not page.locator("#yw-send").is_visible()
    page.click("#yw-stop-asking")
    page.wait_for_selector("#yw-send", state="visible", timeout=3000)
    assert page.input_value("#yw-question textarea") == "第二个问题：步道由谁负责？"
    assert page.locator(".yw-asked").count() == 1 and page.locator("#src-1-1").is_visible()
    embedder.wait = 0.0
    time.sleep(4.5)
    assert page.locator(".yw-asked").count() == 1  # the answer that came too late is not shown
    page.click("#yw-send")
    page.wait_for_function("() => document.querySelectorAll('.yw-asked').length === 2")
    page.wait_for_selector("#src-2-1")
