"""A librarian evaluates: template down, filled, up, report read back, figures equal to the command line's."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import openpyxl
import pytest

from rag.config import ROOT
from rag.web.rest import feedback
from rag.web.rest.feedback import Feedback
from tests.browser.conftest import Server, Visit
from tests.browser.test_work import violations
from tests.conftest import SEEDS

pytestmark = [pytest.mark.browser, pytest.mark.model]
DOC = "001_4310a0096f66f682.txt"
LINES = re.findall(r"[^。\s]{30,110}。", (SEEDS / DOC).read_bytes().decode("utf-8"))
ASKED = [(line[:18], DOC, line, "") for line in LINES[:8]] + [
    ("红烧肉要炖多久才软烂？", "", "", "无答案 无关"),
    ("这一行写错了文档名", "没有这份文件.docx", "甲", ""),
]
DONE = ".yw-runs > li:first-child a:has-text('看报告')"


def upload(seen: Visit, path) -> None:
    seen.page.set_input_files("form[action='evaluation/sets'] input[type=file]", str(path))
    seen.page.click("form[action='evaluation/sets'] button")


def begin(seen: Visit, name: str) -> None:
    seen.page.select_option("form[action='evaluation/runs'] select", name)
    seen.page.click("form[action='evaluation/runs'] button")
    seen.page.wait_for_selector("#yw-eval-now progress")


def test_template_down_filled_up_and_the_report_read_back(visit, server: Server, tmp_path):
    seen = visit("/page/evaluation", wait=".yw-links")
    page = seen.page
    with page.expect_download() as download:
        page.click("a:has-text('下载空白模板')")
    path = tmp_path / "馆员的题.xlsx"
    download.value.save_as(path)
    book = openpyxl.load_workbook(path)
    sheet = book["评测题"]
    assert [cell.value for cell in sheet[1]] == ["问题", "期望文档", "期望原文", "备注", "无答案"]
    for row in ASKED:  # below the examples, which stay
        sheet.append(row)
    book.save(path)
    upload(seen, path)
    page.wait_for_selector(".yw-said:has-text('9 题可用')")
    bad = ASKED.index(ASKED[-1]) + 4
    assert f"馆员的题.xlsx 第 {bad} 行“期望文档”：索引中没有文档“没有这份文件.docx”" in page.inner_text(".yw-said")
    page.click(".yw-said a:has-text('刷新本页')")
    page.wait_for_selector(".yw-sets:has-text('馆员的题.xlsx')")
    begin(seen, "馆员的题.xlsx")
    page.wait_for_selector(DONE, timeout=120_000)
    page.set_viewport_size({"width": 1280, "height": 1250})
    seen.shot("evaluation")

    with page.expect_download() as download:
        page.click(".yw-runs > li:first-child a:has-text('JSON')")
    download.value.save_as(tmp_path / "figures.json")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    code = "from rag.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "eval", str(path), "--index", str(server.index), "--report", str(tmp_path / "cli")],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "figures.json").read_bytes() == (tmp_path / "cli" / "figures.json").read_bytes()
    found = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert found["questions"]["asked"] == 9 and found["spans"]["hit@5"] > 0.7

    with page.context.expect_page() as opened:
        page.click(DONE)
    report = opened.value
    report.wait_for_selector(".cards")
    assert report.title() == "评测报告：馆员的题"
    assert f"{found['spans']['hit@5']:.1%}" in report.inner_text(".cards")
    assert report.locator(".list .q").count() == 9 and "没有这份文件.docx" in report.inner_text("main")
    report.screenshot(path=str(seen.shot("evaluation-report")))
    with page.expect_download() as download:
        page.click(".yw-runs > li:first-child a:has-text('Excel')")
    download.value.save_as(tmp_path / "back.xlsx")
    rows = list(openpyxl.load_workbook(tmp_path / "back.xlsx")["题目"].iter_rows(min_row=2, values_only=True))
    assert [row[2] for row in rows] == [row[0] for row in ASKED[:9]]


def test_a_long_run_is_stopped_and_goes_on(visit, tmp_path):
    path = tmp_path / "很多题.jsonl"
    rows = [{"id": at, "question": f"{LINES[at % len(LINES)][:12]}{at}"} for at in range(200)]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    seen = visit("/page/evaluation", wait=".yw-links")
    upload(seen, path)
    seen.page.wait_for_selector(".yw-sets:has-text('很多题.jsonl')")
    begin(seen, "很多题.jsonl")
    seen.page.wait_for_selector("#yw-eval-now:has-text('提问')")
    seen.page.wait_for_function("() => Number(document.querySelector('#yw-eval-now progress')?.value) > 3")
    seen.shot("evaluation-running")
    seen.page.click("#yw-eval-now button:has-text('停止')")
    seen.page.click(".yw-runs > li:first-child button:has-text('接着做')", timeout=60_000)
    seen.page.wait_for_selector(DONE, timeout=180_000)
    assert "200" in seen.page.inner_text(".yw-runs > li:first-child .yw-facts")


def test_a_gap_becomes_a_test_question_with_a_click(visit, server: Server):
    feedback.store(server.index, Feedback("疗休养怎么申请", (), "missing", "", 1))
    seen = visit("/page/gaps", wait=".yw-gaps")
    page = seen.page
    page.click("li:has-text('疗休养怎么申请') >> a:has-text('做成测试题')")
    card = page.locator("#yw-draft-0")
    assert card.locator("input[name=question]").input_value() == "疗休养怎么申请"
    card.locator("select[name=answerable]").select_option("no")
    card.locator("button:has-text('收入题集')").click()
    page.wait_for_selector("#yw-draft-0:has-text('已收入“核对过的题.jsonl”')")
    card = page.locator(".yw-draft:has(textarea:not(:empty))").first
    quote = card.locator("textarea").input_value()
    card.locator("textarea").fill(quote[:-2] + "错字")
    card.locator("button:has-text('收入题集')").click()
    page.wait_for_selector(".yw-draft .yw-problem:has-text('最接近的是')")
    card.locator("textarea").fill(quote)
    card.locator("button:has-text('收入题集')").click()
    page.wait_for_selector(".yw-draft:has-text('已收入') >> nth=1")
    seen.errors.clear()  # the refused quote is a 400 that the browser logs
    seen.shot("questions")


@pytest.mark.parametrize("dark", [False, True])
def test_the_pages_are_for_everyone(visit, dark):
    for path in ("/page/evaluation", "/page/questions"):
        for width in (1280, 390):
            seen = visit(path, width=width, height=844, dark=dark, wait="main form")
            wide, inner = seen.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
            assert wide <= inner, (path, width)
            assert not violations(seen)
        seen.shot(f"phone{path.replace('/', '-')}{'-dark' if dark else ''}")
