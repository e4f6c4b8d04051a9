"""A hostile document, and hostile words of readers, are inert on every page and in every export."""

from __future__ import annotations

import csv
import io
import json
import urllib.request

import docx
import httpx
import pytest

from tests.browser.conftest import HOSTILE, Server
from tests.browser.test_work import violations

pytestmark = [pytest.mark.browser, pytest.mark.model]
EVIL = "<script>window.pwned=1</script><img src=x onerror=window.pwned=2>${window.pwned=3}{{window.pwned=4}}](javascript:alert(1)) $$\\frac{a}{b}$$"
BAD = "img[src='x'], svg[onload], iframe, b[onclick], .katex, a[href^='javascript'], main script:not([src]), dialog script, #yw-main script"


@pytest.fixture(scope="module", autouse=True)
def evil(server: Server):
    """The hostile document under a hostile title, and a hostile question among the gaps."""
    facts = {"title": EVIL, "issuer": EVIL[:180], "doc_number": "=HYPERLINK(1)", "validity": "<b>废止</b>"}
    changed = httpx.patch(server.url + "/api/v1/documents/hostile.txt/metadata", json=facts, timeout=60)
    assert changed.status_code == 200, changed.text
    kept = {"question": EVIL, "spans": [], "verdict": "missing", "note": EVIL}
    assert httpx.post(server.url + "/api/v1/feedback", json=kept, timeout=60).status_code == 201
    yield
    httpx.patch(
        server.url + "/api/v1/documents/hostile.txt/metadata", json={"title": "灯光通知", "validity": ""}, timeout=60
    )


@pytest.mark.parametrize(
    ("path", "wait"),
    [("/page/admin", ".yw-table"), ("/page/gaps", ".yw-gaps"), ("/page/source?d=hostile.txt&s=0&e=50", ".yw-source-text"),
     ("/page/evaluation", "main"), ("/page/questions", "main"), ("/page/audit", "main")],
)  # fmt: skip
@pytest.mark.parametrize("dark", [False, True])
def test_pages_are_inert_accessible_and_narrow(visit, path, wait, dark):
    seen = visit(path, width=390, height=844, dark=dark, wait=wait)
    dialogs: list[str] = []
    seen.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    seen.page.wait_for_timeout(300)
    assert seen.page.locator(BAD).count() == 0 and seen.page.evaluate("window.pwned") is None and not dialogs
    if path in ("/page/admin", "/page/gaps"):
        assert "${window.pwned=3}{{window.pwned=4}}" in seen.page.inner_text("main")
    wide, inner = seen.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide <= inner
    assert not violations(seen)


def test_chat_cards_and_basket_are_inert(visit, server: Server):
    seen = visit()
    seen.ask("紫荆桥的灯光每晚几点开启？")
    seen.page.click("#src-1-1 button:has-text('展开上下文')")
    why = seen.page.locator("#src-1-1 .yw-why")
    why.locator("summary").focus()
    seen.page.keyboard.press("Enter")
    assert "检索词：" in why.inner_text() and "得分：" in why.inner_text()
    seen.page.click("#src-1-1 button:has-text('收入摘编')")
    seen.page.click("#yw-status button:has-text('摘编')")
    seen.page.wait_for_selector("#yw-item-0")
    seen.page.fill("textarea[name=note-0]", EVIL)
    seen.page.fill("input[name=heading-0]", EVIL[:90])
    seen.page.locator("input[name=heading-0]").blur()
    seen.page.keyboard.press("Escape")
    seen.page.click("#yw-status button:has-text('摘编')")
    seen.page.wait_for_selector("#yw-item-0")
    assert seen.page.input_value("textarea[name=note-0]") == EVIL
    assert seen.page.locator(BAD).count() == 0 and seen.page.evaluate("window.pwned") is None
    assert EVIL in seen.page.locator("#src-1-1 .yw-title").text_content()


@pytest.mark.parametrize("kind", ["docx", "md", "csv"])
def test_exports_hold_words_and_nothing_that_acts(server: Server, kind):
    item = {"doc": "hostile.txt", "start": 0, "end": len(HOSTILE), "heading": "=1+1", "note": EVIL, "question": "@x"}
    body = json.dumps({"title": EVIL, "items": [item]}).encode()
    request = urllib.request.Request(
        f"{server.url}/page/compilation/{kind}", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        assert reply.headers["content-disposition"].startswith("attachment;")
        data = reply.read()
    if kind == "docx":
        word = docx.Document(io.BytesIO(data))
        assert any("window.pwned=3" in paragraph.text for paragraph in word.paragraphs)
        assert not word.part.rels or all("hyperlink" not in rel.reltype for rel in word.part.rels.values())
    elif kind == "md":
        text = data.decode()
        assert "\n<" not in text and "](javascript" not in text.replace("\\]\\(javascript", "")
    else:
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
        assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]
