"""A day's work: collect, follow up, narrow, link, give feedback, look after documents; by keyboard, for everyone."""

from __future__ import annotations

from pathlib import Path

import axe_playwright_python
import docx
import pytest

from rag.web.rest import feedback
from tests.browser.conftest import QUESTION, Server, Visit

pytestmark = [pytest.mark.browser, pytest.mark.model]
AXE = next(Path(axe_playwright_python.__file__).parent.rglob("axe.min.js")).read_text(encoding="utf-8")


def violations(seen: Visit) -> list[str]:
    """What axe finds serious or critical on the page as it stands."""
    seen.page.wait_for_timeout(400)
    seen.page.evaluate(AXE)
    found = seen.page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [f"{v['id']}: {v['nodes'][0]['html'][:200]}" for v in found if v["impact"] in ("serious", "critical")]


def toast(seen: Visit, text: str) -> None:
    seen.page.wait_for_selector(f"#yw-toast.yw-shown:has-text('{text}')")


def test_collect_from_three_questions_and_export_word(visit, server: Server, tmp_path):
    seen = visit()
    page = seen.page
    for turn, (question, wanted) in enumerate(
        ((QUESTION, 2), ("怎么弘扬劳模精神、劳动精神、工匠精神？", 2), ("调查研究怎么开展？", 1)), 1
    ):
        seen.ask(question)
        for marker in range(1, wanted + 1):
            page.click(f"#src-{turn}-{marker} button:has-text('收入摘编')")
            toast(seen, "摘编")
    page.reload()
    page.wait_for_selector("#yw-count:has-text('5')")
    page.click("#yw-status button:has-text('摘编')")
    page.wait_for_selector("#yw-item-4")
    page.fill("input[name=title]", "学习摘编")
    page.fill("input[name=heading-0]", "一、党建带工建")
    page.fill("textarea[name=note-0]", "会上重点讲")
    page.click("#yw-item-4 button:has-text('上移')")
    page.wait_for_selector("#yw-item-4")
    seen.shot("basket")
    shown = page.locator(".yw-basket .yw-text").all_text_contents()
    with page.expect_download() as download:
        page.click("button:has-text('导出 Word')")
    assert download.value.suggested_filename == "学习摘编.docx"
    download.value.save_as(tmp_path / "out.docx")
    lines = [paragraph.text for paragraph in docx.Document(str(tmp_path / "out.docx")).paragraphs]
    assert "一、党建带工建" in lines and "按：会上重点讲" in lines
    ids = [document["doc"] for document in server.get("/api/v1/documents")["documents"]]
    texts = {doc: server.get(f"/api/v1/documents/{doc}/text")["text"] for doc in ids}
    for number, quote in enumerate(shown, 1):
        assert f"{quote}[{number}]" in lines and any(quote in text for text in texts.values())
        assert sum(line.startswith(f"[{number}] ") for line in lines) == 1


def test_follow_up_with_its_context_shown_and_removed(visit):
    seen = visit()
    seen.ask(QUESTION)
    seen.ask("那第二点呢？")
    assert "结合上文" in seen.page.inner_text(".yw-carried") and QUESTION in seen.page.inner_text(".yw-carried")
    seen.page.click("button:has-text('不结合上文')")
    seen.page.wait_for_function("() => document.querySelectorAll('.yw-asked').length === 3")
    assert seen.page.locator(".yw-carried").count() == 1


def test_narrowing_to_one_document(visit):
    seen = visit()
    page = seen.page
    page.click("#yw-scope button")
    page.click("#yw-scope-list input")
    page.keyboard.type("003")
    page.click("ul[role=listbox] li:has-text('003_')")
    page.keyboard.press("Escape")
    seen.ask("工会怎么引导职工？")
    where = page.locator(".yw-card button[value^='source?']").evaluate_all("all => all.map(one => one.value)")
    assert where and all("d=003" in one for one in where)


def test_a_deep_link_brings_question_and_excerpt_back(visit):
    seen = visit()
    seen.ask(QUESTION)
    seen.page.click("#src-1-1 button:has-text('复制链接')")
    toast(seen, "链接")
    link = seen.page.evaluate("navigator.clipboard.readText()")
    again = visit(link.removeprefix(seen.base), wait="#yw-quote")
    again.page.wait_for_selector("#src-1-1", state="attached")
    assert "四同步" in "".join(again.page.locator("#yw-source mark").all_text_contents())


def test_feedback_is_kept(visit, server: Server):
    seen = visit()
    seen.ask(QUESTION)
    seen.page.click(".yw-feedback button:has-text('没找全')")
    toast(seen, "已记下")
    kept = feedback.read(server.index)[-1]
    assert kept.question == QUESTION and kept.verdict == "missing" and len(kept.spans) == 5
    gaps = visit("/page/gaps", wait=".yw-gaps")
    assert QUESTION in gaps.page.inner_text(".yw-gaps")
    assert not violations(gaps)


def test_documents_come_and_go(visit, tmp_path):
    path = tmp_path / "白鹭湖通知.txt"
    path.write_text("关于白鹭湖步道的通知\n\n白鹭湖步道每周二封闭检修，其余时间开放。\n", encoding="utf-8")
    seen = visit("/page/admin", wait=".yw-table")
    page = seen.page
    page.set_input_files("#yw-upload input[type=file]", str(path))
    page.click("#yw-upload button[type=submit]")
    page.wait_for_selector("#yw-report:has-text('已收入 白鹭湖通知.txt')", timeout=60_000)
    page.click("#yw-report a")
    page.wait_for_selector(".yw-table:has-text('白鹭湖')")
    seen.shot("admin")
    asked = visit()
    asked.ask("白鹭湖步道哪天封闭检修？")
    assert "每周二" in asked.page.inner_text("#src-1-1")
    page.on("dialog", lambda dialog: dialog.accept())
    row = "tr:has-text('白鹭湖')"
    page.click(f"{row} summary:has-text('改著录')")
    page.fill(f"{row} input[name=doc_number]", "后勤〔2023〕7号")
    page.fill(f"{row} input[name=validity]", "废止")
    page.click(f"{row} button:has-text('保存')")
    page.wait_for_selector(f"{row} .yw-void:has-text('废止')")
    asked.ask("白鹭湖步道哪天封闭检修？")
    asked.page.wait_for_selector("#src-2-1:has-text('后勤〔2023〕7号')")
    page.click(f"{row} button[value^='remove']")
    page.wait_for_selector(".yw-table:not(:has-text('白鹭湖'))")
    asked.ask("白鹭湖步道哪天封闭检修？")
    assert "每周二" not in asked.page.inner_text("#yw-evidence")


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_serious(visit, dark):
    seen = visit(dark=dark)
    page = seen.page
    assert not violations(seen)
    seen.ask(QUESTION)
    page.click("#src-1-1 button:has-text('收入摘编')")
    page.wait_for_selector("#yw-toast:not(.yw-shown)", state="attached")
    assert not violations(seen)
    page.click("#src-1-1 button:has-text('查看原文')")
    page.wait_for_selector("#yw-quote")
    assert not violations(seen)
    page.keyboard.press("Escape")
    page.click("#yw-status button:has-text('摘编')")
    page.wait_for_selector("#yw-item-0")
    assert not violations(seen)
    assert not violations(visit("/page/admin", wait=".yw-table", dark=dark))


def test_the_whole_flow_by_keyboard(visit):
    seen = visit()
    page = seen.page
    page.focus("#yw-question textarea")
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    page.wait_for_selector("#src-1-1")

    def tab_to(selector: str, back: bool = False) -> None:
        for _ in range(60):
            if page.evaluate("s => document.activeElement.matches(s)", selector):
                return
            page.keyboard.press("Shift+Tab" if back else "Tab")
        pytest.fail(f"never reached {selector}")

    tab_to("a.yw-cite", back=True)
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.classList.contains('yw-card')")
    tab_to("button[value^='source?']")
    page.keyboard.press("Enter")
    page.wait_for_selector("#yw-quote")
    page.keyboard.press("Escape")
    tab_to("button[value^='keep?']")
    page.keyboard.press("Space")
    toast(seen, "已收入摘编")


def test_long_titles_and_phones(visit):
    for path, wait in (("/", ".yw-chip"), ("/page/admin", ".yw-table"), ("/page/gaps", "main")):
        seen = visit(path, width=390, height=844, wait=wait)
        wide, inner = seen.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert wide <= inner, path
        seen.shot(f"phone{path.replace('/', '-')}")
