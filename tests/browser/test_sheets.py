"""A PDF as a reader sees it: the page with the quote boxed, the text around an excerpt, what the document is cited by."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.browser.conftest import Server, Visit
from tests.browser.test_work import violations
from tests.loading import make_samples as samples

pytestmark = [pytest.mark.browser, pytest.mark.model]
PAGES = [
    ("紫藤阁管理办法", "第一条 紫藤阁由后勤处管理，每年检查一次并公布结果。"),
    ("第二条 紫藤阁每周四上午闭馆，", "其余时间对职工开放。"),
    ("第三条 本办法自公布之日起施行。", "二〇一九年五月六日"),
]
QUESTION = "紫藤阁星期几闭馆？"


@pytest.fixture(scope="module", autouse=True)
def pdf(server: Server, tmp_path_factory):
    """A PDF with a sidecar in the served index, removed afterwards."""
    import httpx

    sidecar = "doc_number: 后勤〔2019〕3号\nissuer: 后勤处\ndate: 2019-05-06\nvalidity: 废止\n".encode()
    files = [("file", ("紫藤阁.pdf", samples.pdf_bytes(PAGES))), ("file", ("紫藤阁.pdf.yaml", sidecar))]
    assert httpx.post(server.url + "/api/v1/documents", files=files, timeout=60).status_code == 201
    yield
    httpx.delete(server.url + "/api/v1/documents/紫藤阁.pdf", timeout=60)


def opened(visit, **how) -> Visit:
    seen = visit(**how)
    seen.ask(QUESTION)
    seen.page.click("#src-1-1 button:has-text('查看原文')")
    seen.page.wait_for_function(
        "() => { const i = document.querySelector('.yw-leaf img'); return i && i.naturalWidth > 500; }"
    )
    return seen


def test_the_quote_is_boxed_on_its_page(visit, server: Server):
    seen = opened(visit)
    page = seen.page
    (excerpt, *_) = server.post("/api/v1/ask", {"question": QUESTION})["excerpts"]
    boxes = [box for box in excerpt["boxes"] if box["page"] == excerpt["boxes"][0]["page"]]
    leaf = page.locator(".yw-leaf").first
    assert leaf.locator(".yw-box").count() == len(boxes)
    whole, box = leaf.bounding_box(), leaf.locator(".yw-box").first.bounding_box()
    assert abs((box["x"] - whole["x"]) / whole["width"] - boxes[0]["x0"]) < 0.01
    assert abs((box["y"] - whole["y"]) / whole["height"] - boxes[0]["y0"]) < 0.01
    seen.shot("sheet-light-1280")
    assert not violations(seen)
    before = page.locator(".yw-sheet").count()
    page.click("button:has-text('下一页')")
    page.wait_for_function("n => document.querySelectorAll('.yw-sheet').length > n", arg=before)
    assert page.locator(".yw-sheet figcaption").last.inner_text() == "第3页"
    page.click("button[value='view?text']")
    assert page.locator("#yw-quote").is_visible() and not page.locator(".yw-sheets").is_visible()


def test_pages_on_a_phone_in_the_dark(visit):
    seen = opened(visit, width=390, height=844, dark=True)
    wide, inner = seen.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= inner
    assert not violations(seen)
    seen.shot("sheet-dark-390")


def test_facts_and_context_on_the_card(visit, server: Server):
    seen = visit()
    seen.ask(QUESTION)
    card = seen.page.locator("#src-1-1")
    assert "后勤〔2019〕3号" in card.inner_text() and card.locator(".yw-void").inner_text() == "废止"
    (excerpt, *_) = server.post("/api/v1/ask", {"question": QUESTION, "around": 1})["excerpts"]
    text = server.get(f"/api/v1/documents/{quote('紫藤阁.pdf')}/text")["text"]
    card.get_by_role("button", name="展开上下文").click()
    seen.page.wait_for_selector("#src-1-1 .yw-context", state="attached")
    shown = "".join(card.locator(".yw-context").all_text_contents())
    start, end = excerpt["context"]["start"], excerpt["context"]["end"]
    assert shown == text[start : excerpt["start"]] + text[excerpt["end"] : end]
    card.locator("button[value^='widen']").click()
    if card.get_by_role("button", name="收起上下文").count():
        card.get_by_role("button", name="收起上下文").click()
    seen.page.wait_for_selector("#src-1-1 button:has-text('展开上下文')")
    assert card.locator(".yw-context").count() == 0
    card.get_by_role("button", name="复制出处").click()
    seen.page.wait_for_selector("#yw-toast:has-text('出处')")
    assert "效力: 废止" in seen.page.evaluate("navigator.clipboard.readText()")


def test_asking_again(visit):
    seen = visit()
    seen.ask(QUESTION)
    seen.page.click("button:has-text('重问')")
    seen.page.wait_for_selector("#src-2-1")
