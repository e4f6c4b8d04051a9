"""Synonyms are taught by hand: previewed, stopped, a bad line shown, saved; the search then says so."""

from __future__ import annotations

import json

import pytest

from rag.evaluation.desk import desk
from rag.web.rest import feedback
from rag.web.rest.feedback import Feedback
from tests.browser.conftest import Server
from tests.browser.test_hostile import BAD, EVIL
from tests.browser.test_work import violations

pytestmark = [pytest.mark.browser, pytest.mark.model]
NEW = "\n打擂、答题、竞答\n搞对象、宣传宣讲、调查研究"
ASKED = ["打擂办了几回", "搞对象要怎么搞", "工会怎样搞对象"]


@pytest.fixture
def wanted(server: Server):
    """Readers' questions and test questions; the tables are put back afterwards."""
    from rag.service import Service

    for question in [*ASKED, f"搞对象{EVIL}"]:
        feedback.store(server.index, Feedback(question, (), "missing", "", 1))
    rows = [{"id": f"w{at}", "question": f"{word}怎么搞对象"} for at, word in enumerate(("读书班", "直播", "职工"))]
    path = desk.new_set_path(server.index, "词表的题.jsonl")
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    from rag.config import Settings

    service = Service(Settings(index=server.index))
    kept = service.word_tables()
    yield kept
    service.set_word_tables(*kept)
    desk.remove_set(server.index, "词表的题.jsonl")


def test_a_preview_shows_what_changes_and_is_for_everyone(visit, wanted):
    seen = visit("/page/words", wait="#yw-words")
    page = seen.page
    page.on("dialog", lambda dialog: dialog.accept())  # leaving without saving
    assert page.input_value("textarea[name=synonyms]") == wanted[1]
    page.fill("textarea[name=synonyms]", wanted[1] + NEW)
    page.click("#yw-words button[type=submit]")
    page.wait_for_selector("#yw-report:has-text('个问题')", timeout=180_000)
    changed = page.locator("#yw-changes > li")
    assert changed.count() > 0 and f"{changed.count()} 个排在第一的原文会变" in page.inner_text("#yw-report")
    assert "原来第一" in changed.first.inner_text() and "改后第一" in changed.first.inner_text()
    for width, dark in ((1280, False), (390, False), (390, True)):
        page.set_viewport_size({"width": width, "height": 1700})
        page.emulate_media(color_scheme="dark" if dark else "light")
        assert page.locator(BAD).count() == 0 and page.evaluate("window.pwned") is None
        wide, inner = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert wide <= inner
        assert not violations(seen)
        seen.shot(f"words-{width}{'-dark' if dark else ''}")


def test_stopped_corrected_and_saved_by_keyboard(visit, server: Server, wanted):
    seen = visit("/page/words", wait="#yw-words")
    page = seen.page
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.accept()))
    page.fill("textarea[name=synonyms]", wanted[1] + NEW)
    page.locator("#yw-words button[type=submit]").press("Enter")
    page.wait_for_function("() => document.querySelector('#yw-progress').value > 0", timeout=60_000)
    page.locator("#yw-words-stop").press("Enter")
    page.wait_for_selector("#yw-report:has-text('已停止预览，词表没有改')")
    assert server.get("/api/v1/documents") is not None  # still answering
    page.fill("textarea[name=synonyms]", "打擂、答题\n孤零零")
    page.locator("#yw-words-save").press("Enter")
    page.wait_for_selector("#yw-report .yw-problem:has-text('同义词第 2 行只有一个词')")
    assert page.evaluate("document.activeElement.value.slice(document.activeElement.selectionStart)") == "孤零零"
    page.fill("textarea[name=synonyms]", "打擂、答题")
    page.locator("#yw-words-save").press("Enter")
    page.wait_for_selector("#yw-report:has-text('已保存')", timeout=60_000)
    assert len(asked) == 2 and "还没有预览过" in asked[0]
    found = server.post("/api/v1/ask", {"question": "打擂办了几回", "explain": True})
    assert "答题" in json.dumps(found, ensure_ascii=False)
    seen.errors.clear()  # the refused table is a 400 that the browser logs
