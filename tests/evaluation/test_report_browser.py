"""The report in Chromium, opened from disk without a network: wide, narrow, filtered, nothing loaded, nothing run."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from rag.evaluation.measures.comparison import compared
from rag.evaluation.measures.evaluate import evaluate_gold
from rag.evaluation.reports.report import write_report
from rag.evaluation.sets.library import library_of
from rag.evaluation.sets.testset import read_gold
from tests.conftest import SEEDS

pytestmark = pytest.mark.browser
DOC = "001_4310a0096f66f682.txt"
EVIL = "<img src=x onerror=document.title='owned'><script>document.title='owned'</script>"


@pytest.fixture
def report(toy_service, tmp_path):
    text = (SEEDS / DOC).read_bytes().decode("utf-8")
    rows: list[dict] = [
        {"id": f"q{at}", "question": text[at * 200 : at * 200 + 50] + EVIL * (at == 2), "type": ("how", "fact")[at % 2],
         "evidence": [{"doc": DOC, "quote": text[at * 200 : at * 200 + 50]}]}
        for at in range(6)
    ]  # fmt: skip
    rows.append({"id": "n", "question": "红烧肉怎么做？", "answerable": False, "note": EVIL})
    gold = tmp_path / "gold.jsonl"
    gold.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows) + "坏行\n", encoding="utf-8")
    found = evaluate_gold(toy_service, read_gold(gold, library_of(toy_service)))
    return write_report(found, compared(found, found), tmp_path / "report")


@pytest.mark.parametrize("width", [1280, 360])
def test_the_report_opens_from_disk(report, width, browser):
    context = browser.new_context(viewport={"width": width, "height": 900}, offline=True)
    page = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(report.as_uri())
    assert asked == [report.as_uri()] and not said
    assert page.title() == "评测报告：gold"
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert page.locator("svg").count() == 5
    questions = page.locator(".list .q")
    assert questions.count() == 7
    label = page.locator(".filters label").nth(1)
    label.click()
    shown = page.locator(".list .q:visible").count()
    assert 0 < shown < 7
    page.locator(".list .q:visible").first.locator("summary").click()
    assert page.locator(".list .q[open] mark").count() > 0
    context.close()


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("dark", [False, True])
def test_what_changed_stands_side_by_side(toy_service, browser, tmp_path, width, dark):
    from rag.evaluation.measures.evaluate import index_state, score_gold
    from rag.evaluation.sets.records import TestSet

    text = (SEEDS / DOC).read_bytes().decode("utf-8")
    rows = [
        {"id": f"q{at}", "question": text[at * 200 : at * 200 + 50], "evidence": [{"doc": DOC, "quote": text[at * 200 : at * 200 + 50]}]}
        for at in range(4)
    ]  # fmt: skip
    gold = tmp_path / "gold.jsonl"
    gold.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    found = evaluate_gold(toy_service, read_gold(gold, library_of(toy_service)))
    worse = {own.question.question_id: own.response for own in found.outcomes}
    hit = next(own.question.question_id for own in found.outcomes if own.rank == 1)
    worse[hit] = replace(worse[hit], excerpts=worse[hit].excerpts[1:])
    questions = tuple(own.question for own in found.outcomes)
    baseline = score_gold(TestSet("gold", questions, (), 4), worse, index_state(toy_service))
    report = write_report(found, compared(found, baseline), tmp_path / "report")
    context = browser.new_context(
        viewport={"width": width, "height": 900}, offline=True, color_scheme="dark" if dark else "light"
    )
    page = context.new_page()
    page.goto(report.as_uri())
    change = page.locator("details.q:has(.sides)")
    assert change.count() == 1
    change.locator("summary").click()
    ours, theirs = (change.locator(".sides > div").nth(at) for at in (0, 1))
    assert ours.locator("h3").inner_text() == "本次" and theirs.locator("h3").inner_text() == "基线"
    assert ours.locator(".x.ok").count() >= 1 and ours.locator(".x").count() == theirs.locator(".x").count() + 1
    a, b = ours.bounding_box(), theirs.bounding_box()
    assert (a["y"] == b["y"]) == (width > 1000)  # side by side, or below each other where there is no room
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    context.close()


def test_hostile_documents_and_questions_are_inert_in_the_report(make_service, browser, tmp_path):
    from rag.datamodels import Document

    evil = "<script>window.pwned=1</script><img src=x onerror=window.pwned=2><svg onload=window.pwned=3>${window.pwned=4}](javascript:alert(1))"
    text = f"紫荆桥的灯光每晚七点开启。{evil}紫荆桥的灯光由路灯所管。"
    service = make_service()
    service.ingest_documents([Document("恶<b>.txt", evil, text, "0" * 64, "text/plain", {"issuer": evil})])
    row = {"id": "e", "question": f"紫荆桥的灯光每晚几点开启{evil}", "note": evil, "type": evil[:30],
           "evidence": [{"doc": "恶<b>.txt", "quote": text[:13]}]}  # fmt: skip
    gold = tmp_path / "gold.jsonl"
    gold.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    found = evaluate_gold(service, read_gold(gold, library_of(service)))
    report = write_report(found, compared(found, found), tmp_path / "report")
    context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    page = context.new_page()
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(report.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.wait_for_timeout(300)
    assert "window.pwned=4" in page.inner_text(".list")  # it is there, as words
    assert page.evaluate("window.pwned") is None and not dialogs
    assert page.locator("img[src='x'], svg[onload], a[href^='javascript']").count() == 0
    context.close()
