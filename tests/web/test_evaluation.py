"""The evaluation pages through their routes: sets, runs in the background, stop and continue, gate, questions."""

from __future__ import annotations

import html
import io
import json
import time

import openpyxl
import pytest

from rag.evaluation.desk import desk
from rag.service import Service
from rag.web.rest import feedback
from rag.web.rest.feedback import Feedback, QuotedSpan
from tests.conftest import SEEDS
from tests.evaluation.test_runs import DOC, TEXT, workbook
from tests.web.test_api import check_problem

QUOTES = [TEXT[at * 300 : at * 300 + 40].strip() for at in range(8)]
SHEET = workbook([[quote, DOC, quote, None] for quote in QUOTES] + [["红烧肉怎么做", None, None, "无答案 无关"]])


def send(site, name: str, data: bytes):
    return site.client.post("/page/evaluation/sets", files={"file": (name, data)})


def settled(site) -> str:
    """Wait until nothing is under way; the page."""
    for _ in range(600):
        if not site.client.get("/page/evaluation/progress").text:
            return site.client.get("/page/evaluation").text
        time.sleep(0.05)
    pytest.fail("the evaluation never ended")


def latest(site) -> str:
    return max(path.name for path in (desk.home(site.service.settings.index) / "runs").iterdir())


def test_a_filled_template_is_run_and_its_report_is_what_the_command_writes(site, tmp_path):
    from rag.evaluation.measures.evaluate import evaluate_gold
    from rag.evaluation.reports.report import write_report
    from rag.evaluation.reports.saved import read_test_set
    from rag.evaluation.sets.library import library_of

    blank = openpyxl.load_workbook(io.BytesIO(site.client.get("/page/evaluation/template.xlsx").content))
    assert [cell.value for cell in blank.worksheets[0][1]] == ["问题", "期望文档", "期望原文", "备注", "无答案"]
    reply = send(site, "题.xlsx", SHEET)
    assert reply.status_code == 200 and reply.json()["said"] == "已收下“题.xlsx”：9 题可用。"
    assert site.client.post("/page/evaluation/runs", data={"test_set": "题.xlsx"}).json()["reload"]
    page = settled(site)
    run = latest(site)
    assert f"evaluation/runs/{run}/report.html" in page
    got = {
        name: site.client.get(f"/page/evaluation/runs/{run}/{name}")
        for name in ("figures.json", "questions.csv", "run.trec")
    }
    (tmp_path / "题.xlsx").write_bytes(SHEET)
    test_set = read_test_set(tmp_path / "题.xlsx", library_of(site.service))
    write_report(evaluate_gold(site.service, test_set), None, tmp_path / "own")
    assert got["figures.json"].content == (tmp_path / "own" / "figures.json").read_bytes()
    assert got["run.trec"].content == (tmp_path / "own" / "run.trec").read_bytes()
    report = site.client.get(f"/page/evaluation/runs/{run}/report.html")
    assert report.headers["content-type"].startswith("text/html") and "评测报告" in report.text
    assert "attachment" in got["figures.json"].headers["content-disposition"]
    assert site.client.get(f"/page/evaluation/runs/{run}/run.json").status_code == 422
    assert site.client.get("/page/evaluation/runs/../catalog.sqlite3").status_code == 404
    check_problem(site.client.get("/page/evaluation/runs/none/figures.json"), 404, "not-found")


def test_bad_rows_are_said_and_the_good_ones_stay(site):
    reply = send(site, "半好.xlsx", workbook([["好的", DOC, QUOTES[1], None], ["坏的", "无.docx", "甲", None]]))
    assert reply.json()["lines"][0].startswith("半好.xlsx 第 3 行“期望文档”") and not reply.json()["reload"]
    check_problem(send(site, "坏.xlsx", b"PK rubbish"), 422, "evaluation-failed")
    check_problem(send(site, "坏.pdf", b"x"), 400, "file-name")
    check_problem(site.client.post("/page/evaluation/sets"), 400, "no-file")
    check_problem(site.client.post("/page/evaluation/runs", data={"test_set": "../x"}), 404, "not-found")
    assert desk.sets(site.service.settings.index) == ("半好.xlsx", "题.xlsx")
    assert site.client.post("/page/evaluation/sets/remove", data={"test_set": "半好.xlsx"}).status_code == 200


def test_a_run_is_stopped_and_goes_on(site, monkeypatch):
    original = Service.ask

    def slow(self, *rest):
        time.sleep(0.15)
        return original(self, *rest)

    monkeypatch.setattr(Service, "ask", slow)
    assert site.client.post("/page/evaluation/runs", data={"test_set": "题.xlsx"}).status_code == 200
    check_problem(site.client.post("/page/evaluation/runs", data={"test_set": "题.xlsx"}), 429, "busy")
    run = latest(site)
    while "提问 1 / 9" not in (said := html.unescape(site.client.get("/page/evaluation/progress").text)):
        assert said, "ended too early"
    check_problem(site.client.post(f"/page/evaluation/runs/{run}/remove"), 400, "evaluation-running")
    site.client.post("/page/evaluation/stop")
    page = settled(site)
    folder = desk.run_path(site.service.settings.index, run)
    assert "没有做完" in page and not desk.is_done(folder)
    answered = len((folder / "answers.jsonl").read_text(encoding="utf-8").splitlines())
    assert 0 < answered < 9
    monkeypatch.setattr(Service, "ask", original)
    site.client.post(f"/page/evaluation/runs/{run}/continue")
    page = settled(site)
    assert desk.is_done(folder) and "没有可靠的差别" in page
    first, second = sorted(path.name for path in folder.parent.iterdir())
    assert (folder.parent / first / "figures.json").read_bytes() == (folder / "figures.json").read_bytes()
    compared = site.client.get("/page/evaluation/compare", params={"ours": second, "baseline": first})
    assert compared.status_code == 200 and "与基线比较" in compared.text
    check_problem(
        site.client.get("/page/evaluation/compare", params={"ours": second, "baseline": "x"}), 404, "not-found"
    )


def test_a_run_that_fails_says_why(site):
    index = site.service.settings.index
    send(site, "将坏.jsonl", json.dumps({"id": "a", "question": "工会"}).encode())
    (desk.home(index) / "sets" / "将坏.jsonl").write_text("{", encoding="utf-8")
    site.client.post("/page/evaluation/runs", data={"test_set": "将坏.jsonl"})
    assert "没有一行可用的问题" in settled(site)
    site.client.post(f"/page/evaluation/runs/{latest(site)}/remove")
    site.client.post("/page/evaluation/sets/remove", data={"test_set": "将坏.jsonl"})
    assert "将坏" not in site.client.get("/page/evaluation").text


def test_the_gate_guards_an_upload(site):
    kept = TEXT
    site.client.post("/page/evaluation/gate", data={"test_set": "题.xlsx", "points": "2"})
    assert "selected>题&#46;xlsx" in site.client.get("/page/evaluation").text
    check_problem(
        site.client.post("/page/evaluation/gate", data={"test_set": "题.xlsx", "points": "200"}), 422, "validation"
    )
    reply = site.client.post("/api/v1/documents", files={"file": (DOC, "此文已撤回，另行通知。".encode())})
    assert "不予发布" in check_problem(reply, 422, "gate-refused")["detail"]
    assert site.client.get(f"/api/v1/documents/{DOC}/text").json()["text"] == kept
    page = site.client.get("/page/evaluation").text
    assert "发布前把关：没有发布" in page and "变差" in page
    check_problem(site.client.post("/page/evaluation/sets/remove", data={"test_set": "题.xlsx"}), 400, "set-in-use")
    extra = {"file": ("食堂.txt", "食堂十一点半开饭。".encode())}
    assert site.client.post("/api/v1/documents", files=extra).status_code == 201
    assert "发布前把关：已发布" in site.client.get("/page/evaluation").text
    site.client.post("/page/evaluation/gate", data={"test_set": "", "points": "2"})
    assert desk.read_gate(site.service.settings.index) is None
    site.client.delete("/api/v1/documents/食堂.txt")


def test_what_readers_said_becomes_questions(site):
    index = site.service.settings.index
    feedback.store(index, Feedback("工会怎样<b>宣讲", (QuotedSpan(DOC, 300, 340),), "useful", "", 1))
    feedback.store(index, Feedback("疗休养怎么申请", (), "missing", "", 1))
    gaps = site.client.get("/page/gaps").text
    assert "做成测试题" in gaps and "questions?q=%E7%96%97" in gaps
    page = site.client.get("/page/questions", params={"q": "疗休养怎么申请"}).text
    assert "工会怎样&#60;b&#62;宣讲" in page and "<b>宣讲" not in page and page.count("yw-draft-") >= 12
    sheet = openpyxl.load_workbook(io.BytesIO(site.client.get("/page/evaluation/drafts.xlsx").content)).worksheets[0]
    rows = list(sheet.iter_rows(min_row=2, values_only=True))
    assert ("工会怎样<b>宣讲", DOC, TEXT[300:340].strip()) in [row[:3] for row in rows]
    form = {"question": "疗休养怎么申请", "test_set": "核对过的题.jsonl", "answerable": "no"}
    assert site.client.post("/page/evaluation/questions", data=form).status_code == 200
    check_problem(site.client.post("/page/evaluation/questions", data=form), 400, "question-row")
    form = {"question": "宣讲什么", "test_set": "核对过的题.jsonl", "document": DOC, "quotes": TEXT[300:340]}
    assert site.client.post("/page/evaluation/questions", data=form).status_code == 200
    for name in ("../x.jsonl", "题.xlsx", ".jsonl"):
        reply = site.client.post("/page/evaluation/questions", data=form | {"test_set": name})
        assert reply.status_code == 400
    site.client.post("/page/evaluation/runs", data={"test_set": "核对过的题.jsonl"})
    settled(site)
    figures = site.client.get(f"/page/evaluation/runs/{latest(site)}/figures.json").json()
    assert figures["questions"]["asked"] == 2 and figures["questions"]["unanswerable"] == 1
    assert (SEEDS / DOC).read_bytes().decode() == TEXT
