"""What a user does: ask, read the excerpt, check it in its document, copy it."""

from __future__ import annotations

import re

import pytest

from tests.browser.conftest import QUESTION, Server, Visit

pytestmark = [pytest.mark.browser, pytest.mark.model]
SURE_QUESTION = "工会的最高政治原则是哪一条？"  # the reader is sure of it: the first excerpt has its badge
HOSTILE_QUESTION = "紫荆桥的灯光每晚几点开启？"


def no_sideways_scroll(visit: Visit) -> None:
    wide, inner = visit.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= inner


def luminance(colour: str) -> float:
    channels = [int(v) / 255 for v in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(visit: Visit, selector: str) -> float:
    """Of an element's text with the nearest background behind it."""
    ink, ground = visit.page.evaluate(
        """s => { const e = document.querySelector(s); let b = e, c;
        do { c = getComputedStyle(b).backgroundColor; b = b.parentElement; } while (b && /, 0\\)$|transparent/.test(c));
        return [getComputedStyle(e).color, c]; }""",
        selector,
    )
    high, low = sorted((luminance(ink), luminance(ground)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_ask_read_cite_and_check_in_the_source(visit, server: Server):
    seen = visit()
    page = seen.page
    seen.ask(QUESTION)
    assert "同步部署推进、同步配置力量、同步督导落实、同步考核加强" in page.inner_text("#yw-chat .yw-lead")
    card = page.locator("#src-1-1")
    assert "组织建设相衔接、队伍建设相衔接、阵地建设相衔接、治理体系相衔接" in card.locator(".yw-text").inner_text()
    assert "四同步、四衔接" in "".join(card.locator("mark").all_inner_texts())
    seen.shot("answer-light-1280")

    page.click("#yw-chat a.yw-cite >> nth=0")
    assert page.evaluate("document.activeElement.id") == "src-1-1"

    (excerpt, *_) = server.post("/api/v1/ask", {"question": QUESTION})["excerpts"]
    card.get_by_role("button", name="复制摘录").click()
    page.wait_for_selector("#yw-toast.yw-shown")
    assert page.evaluate("navigator.clipboard.readText()") == excerpt["text"]
    card.get_by_role("button", name="复制出处").click()
    page.wait_for_selector("#yw-toast:has-text('出处')")
    assert f"第{excerpt['start'] + 1}—{excerpt['end']}字" in page.evaluate("navigator.clipboard.readText()")

    card.get_by_role("button", name="查看原文").click()
    page.wait_for_selector("#yw-source #yw-quote")
    marked = "".join(page.locator("#yw-source .yw-source-text mark").all_text_contents())
    assert marked == excerpt["text"]
    whole = server.get(f"/api/v1/documents/{excerpt['doc']}/text")["text"]
    assert page.locator("#yw-source .yw-source-text").text_content() == whole
    assert page.locator("#yw-quote").is_visible()
    seen.shot("source-light-1280")
    page.keyboard.press("Escape")
    assert not page.locator("#yw-source").is_visible()


def test_older_turns_stay_reachable(visit):
    seen = visit()
    seen.ask(QUESTION)
    seen.ask("怎么弘扬劳模精神、劳动精神、工匠精神？")
    page = seen.page
    assert page.locator("#src-1-1").is_hidden()
    page.locator('a.yw-cite[href="#src-1-1"]').scroll_into_view_if_needed()
    page.click('a.yw-cite[href="#src-1-1"]')
    assert page.locator("#src-1-1").is_visible() and page.evaluate("document.activeElement.id") == "src-1-1"
    page.click("#yw-clear")
    page.wait_for_selector(".yw-empty")
    assert page.locator(".yw-asked").count() == 0


def test_an_example_asks_itself(visit):
    seen = visit()
    seen.page.click("#yw-starters .yw-chip >> nth=0")
    seen.page.wait_for_selector("#src-1-1")


def test_a_refusal_shows_no_excerpt(visit):
    seen = visit()
    seen.ask("红烧肉要炖多久才软烂？")
    assert "没有找到" in seen.page.inner_text(".yw-refusal") and "篇文档" in seen.page.inner_text(".yw-refusal")
    assert seen.page.locator(".yw-card").count() == 0
    seen.ask("   ？ ")
    assert "请输入问题" in seen.page.inner_text(".yw-problem")


def test_mended_places_show_on_request(visit, server: Server):
    cut = next(d for d in server.get("/api/v1/documents")["documents"] if d["removals"])
    seen = visit(f"/page/source?d={cut['doc']}&s=0&e=10", wait=".yw-source-text")
    removed = seen.page.locator(".yw-cut >> nth=0")
    assert not removed.is_visible()
    seen.page.check("#yw-show-cuts")
    assert removed.is_visible()


@pytest.mark.parametrize("dark", [False, True])
def test_phone_and_dark(visit, dark):
    name = "dark" if dark else "light"
    for width, height in ((390, 844), (1280, 800)):
        seen = visit(width=width, height=height, dark=dark)
        no_sideways_scroll(seen)
        seen.ask(SURE_QUESTION)
        no_sideways_scroll(seen)
        assert [level.strip() for level in seen.page.locator(".yw-level").all_inner_texts()] == ["直接回答"]
        seen.shot(f"{name}-{width}")
        for selector in (".yw-lead", ".yw-text", ".yw-path", ".yw-num", ".yw-level", ".yw-text mark", "a.yw-cite"):
            assert contrast(seen, selector) >= 4.5, selector
        seen.page.click("#yw-chat a.yw-cite >> nth=0")
        seen.page.click("#src-1-1 button:has-text('查看原文')")
        seen.page.wait_for_selector("#yw-quote")
        no_sideways_scroll(seen)
        assert contrast(seen, ".yw-source-text") >= 4.5 and contrast(seen, "#yw-quote") >= 4.5
        seen.shot(f"{name}-{width}-source")


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1280, 800)])
def test_the_latest_question_comes_into_view(visit, width, height):
    seen = visit(width=width, height=height)
    for question in (QUESTION, "八个对标是哪八个？"):
        seen.ask(question)
    seen.page.wait_for_timeout(300)
    asked, chat = (seen.page.locator(name).last.bounding_box() for name in ("#yw-chat .yw-asked", "#yw-chat"))
    assert chat["y"] <= asked["y"] < chat["y"] + 60


def test_a_hostile_document_is_inert(visit, server: Server):
    seen = visit(width=390, height=844)
    page = seen.page
    dialogs: list[str] = []
    page.on("dialog", lambda d: (dialogs.append(d.message), d.dismiss()))
    seen.ask(HOSTILE_QUESTION)
    seen.ask("<img src=x onerror=window.pwned=20> ${window.pwned=21} {{window.pwned=22}} 紫荆桥灯光 $$x$$")
    page.click('a.yw-cite[href="#src-1-1"]')
    text = page.locator("#src-1-1 .yw-text").text_content()
    assert "${window.pwned=3}" in text and "{{window.pwned=4}}" in text and '<b onclick="window.pwned=6">' in text
    text = "".join(page.locator("#turn-1 .yw-text").all_text_contents())
    assert "&lt;script&gt;" in text and "\\frac{a}{b}" in text
    assert "<img src=x" in page.locator(".yw-asked").nth(1).text_content()
    page.click("#src-1-1 button:has-text('查看原文')")
    page.wait_for_selector("#yw-quote")
    no_sideways_scroll(seen)
    page.wait_for_timeout(500)
    whole = server.get("/api/v1/documents/hostile.txt/text")["text"]
    assert page.locator("#yw-source .yw-source-text").text_content() == whole
    inside = "#yw-chat, #yw-cards, #yw-source"
    bad = "script, img, iframe, svg[onload], style, b[onclick], .katex, a[href^='javascript'], a[href^='http']"
    found = page.evaluate(
        "([inside, bad]) => [...document.querySelectorAll(inside)].flatMap(e => [...e.querySelectorAll(bad)]"
        ".filter(x => !x.closest('.icon-button-wrapper')).map(x => x.outerHTML.slice(0, 80)))",
        [inside, bad],
    )
    assert not found and not dialogs
    assert page.evaluate("window.pwned") is None
    seen.shot("hostile-390")


def test_the_clipboard_of_a_page_without_https(visit):
    seen = visit()
    seen.ask(QUESTION)
    seen.page.evaluate("Object.defineProperty(window, 'isSecureContext', {value: false})")
    seen.page.click("#src-1-1 button:has-text('复制摘录')")
    seen.page.wait_for_selector("#yw-toast.yw-shown:has-text('已复制')")
    assert "四同步" in seen.page.evaluate("navigator.clipboard.readText()")
