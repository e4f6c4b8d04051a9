"""English on request: the interface changes, the words of documents and readers do not."""

from __future__ import annotations

import re

import pytest

from tests.browser.conftest import QUESTION, Server
from tests.browser.test_work import violations

HAN = re.compile(r"[\u3400-\u9fff]")


@pytest.mark.browser
@pytest.mark.model
def test_the_interface_is_english_and_the_documents_are_not(visit, server: Server):
    seen = visit()
    page = seen.page
    page.click("button[value^='language']")
    page.wait_for_selector("#yw-send:has-text('Ask')", timeout=60_000)
    page.wait_for_selector(".yw-chip", timeout=60_000)
    seen.ask(QUESTION)
    page.wait_for_selector("#src-1-1 button:has-text('View source')")
    (excerpt, *_) = server.post("/api/v1/ask", {"question": QUESTION})["excerpts"]
    assert page.locator("#src-1-1 .yw-title").text_content() == excerpt["title"]
    assert page.locator("#src-1-1 .yw-text").text_content() == excerpt.get("mended", excerpt["text"])
    assert page.evaluate("document.documentElement.lang") == "en"
    labels = page.locator("button:visible:not(.yw-chip):not([value^='language'])").all_inner_texts()
    assert labels and not [label for label in labels if HAN.search(label)]
    seen.shot("english-1280")
    assert not violations(seen)
    page.click("#src-1-1 button:has-text('Copy excerpt')")
    page.wait_for_selector("#yw-toast:has-text('word for word')")
    assert page.evaluate("navigator.clipboard.readText()") == excerpt["text"]
    seen.ask("困难职工救助金每户多少元？")
    page.wait_for_selector("#yw-chat .yw-nearest")
    page.click("button[value^='language']")
    page.wait_for_selector("#yw-send:has-text('提问')", timeout=60_000)


@pytest.mark.browser
@pytest.mark.model
def test_a_link_may_choose_the_language_and_it_is_remembered(visit):
    seen = visit("/?lang=en&q=八个对标是哪八个？", wait=".yw-lead")
    assert seen.page.locator("#yw-send").inner_text() == "Ask"
    assert seen.page.locator("#src-1-1 button:has-text('Copy citation')").count() == 1
    seen.page.goto(seen.base + "/page/gaps")
    assert seen.page.locator("h1").inner_text() == "Knowledge gaps"
    seen.page.click("button[value^='language']")
    seen.page.wait_for_selector("h1:has-text('知识缺口')")
