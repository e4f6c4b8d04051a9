"""摘编 and administration: quotes equal the source in every format, hostile text stays text."""

from __future__ import annotations

import csv
import io

import docx
import pytest

from rag.config import Settings
from rag.web.admin.admin import grouped
from rag.web.page.followup import ALONE, carried
from rag.web.page.render import Turn
from rag.web.rest import feedback
from rag.web.rest.feedback import Feedback
from tests.conftest import ToyEmbedder

NASTY = (
    '=HYPERLINK("http://198.51.100.7")<script>alert(1)</script>${x}{{y}}\x0b](javascript:alert(1))\r\n第二行 | # 标题\n'
)


@pytest.fixture(scope="module")
def basket(site, tmp_path_factory) -> dict:
    """Excerpts of two seeds and of a hostile document."""
    path = tmp_path_factory.mktemp("nasty") / "nasty.txt"
    path.write_bytes(NASTY.encode())
    site.service.ingest([path])
    items = [
        {"doc": "001_4310a0096f66f682.txt", "start": 614, "end": 906, "heading": "一、党建", "note": "重点"},
        {"doc": "003_963086da738b9354.txt", "start": 100, "end": 900},
        {"doc": "nasty.txt", "start": 0, "end": len(NASTY) - 1, "heading": "<b>二", "note": "=1+1", "question": "+q"},
    ]
    return {"title": "学习摘编", "items": items}


def quotes(site, basket) -> list[str]:
    return [site.service.text(item["doc"], item["start"], item["end"]) for item in basket["items"]]


def test_word_holds_the_quotes_and_numbered_references(site, basket):
    reply = site.client.post("/page/compilation/docx", json=basket)
    assert reply.status_code == 200 and "filename*=UTF-8''" in reply.headers["content-disposition"]
    lines = [paragraph.text for paragraph in docx.Document(io.BytesIO(reply.content)).paragraphs]
    assert lines[0] == "学习摘编" and "一、党建" in lines and "按：重点" in lines
    for number, quote in enumerate(quotes(site, basket), 1):
        expected = quote.replace("\r\n", "\n").replace("\x0b", "\ufffd")  # what Word's XML cannot hold
        assert f"{expected}[{number}]" in lines
        (cited,) = [line for line in lines if line.startswith(f"[{number}] ")]
        item = basket["items"][number - 1]
        assert f"{item['doc']}, 第{item['start'] + 1}—{item['end']}字." in cited


def test_csv_is_verbatim_and_computes_nothing(site, basket):
    text = site.client.post("/page/compilation/csv", json=basket).content.decode("utf-8")
    assert text.startswith("\ufeff")
    _, *rows = csv.reader(io.StringIO(text[1:], newline=""))
    for row, quote in zip(rows, quotes(site, basket), strict=True):
        assert row[3] in (quote, f"'{quote}") and not any(cell.startswith(("=", "+", "-", "@")) for cell in row)


def test_markdown_escapes_what_would_be_markup(site, basket):
    text = site.client.post("/page/compilation/md", json=basket).content.decode()
    assert "<script>" not in text.replace("\\<", "") and "](javascript" not in text
    assert "## 一、党建" in text and "[1]" in text


def test_what_is_gone_is_dropped_from_the_view_and_refused_in_exports(site, basket):
    gone = {"title": "x", "items": [{"doc": "none.txt", "start": 0, "end": 5}, basket["items"][0]]}
    reply = site.client.post("/page/compilation/view", json=gone)
    assert reply.headers["x-yuanwen-missing"] == "[0]" and "党建带工建" in reply.text
    assert site.client.post("/page/compilation/docx", json=gone).status_code == 404
    assert site.client.post("/page/compilation/docx", json={"items": []}).status_code == 400
    assert site.client.post("/page/compilation/exe", json=basket).status_code == 422
    assert "<script>" not in site.client.post("/page/compilation/view", json=basket).text


def test_administration_and_gaps(site, basket):
    page = site.client.get("/page/admin").text
    assert "无关问题被误答" in page and "<script>alert" not in page
    assert "001_4310a0096f66f682" in page.replace("&#95;", "_")
    index = site.service.settings.index
    for question in ("海棠书屋几点开门？", "海棠书屋几点开门", "<script>alert(1)</script>"):
        feedback.store(index, Feedback(question, (), "missing", "", 1))
    useful = feedback.QuotedSpan("001_4310a0096f66f682.txt", 614, 906)
    feedback.store(index, Feedback("四同步是什么", (useful,), "useful", "", 1))
    gaps = site.client.get("/page/gaps").text
    assert "（2 次）" in gaps and "<script>alert" not in gaps
    gold = [line for line in site.client.get("/page/gold.jsonl").text.splitlines() if "四同步是什么" in line]
    assert len(gold) == 1 and "党建带工建" in gold[0]


def test_alike_questions_are_one_gap():
    found = [Feedback(q, (), "missing", "", 1) for q in ("工会经费怎么用", "食堂几点开饭", "工会经费怎么用？")]
    assert [len(group) for group in grouped(found)] == [2, 1]


@pytest.mark.parametrize(
    ("question", "leans"),
    [
        ("那第二点呢？", True), ("第三条是什么", True), ("为什么？", True), ("还有哪些要求", True),
        ("这项工作由谁负责", True),
        ("怎么弘扬劳模精神？", False), ("四同步四衔接指的是什么？", False), (f"{ALONE}那第二点呢？", False),
        ("那些年全国总工会为推动产业工人队伍建设改革做了什么工作", False),
    ],
)  # fmt: skip
def test_follow_ups(question, leans):
    before = [Turn(1, "四个意识是什么", None)]
    assert bool(carried(question, before)) is leans
    assert not carried(question, [])


def test_an_empty_index_is_told_and_an_upload_opens_it(tmp_path):
    from fastapi.testclient import TestClient

    from rag.service import Service
    from rag.web.front.state import Startup
    from rag.web.server import build_app

    service, startup = Service(Settings(index=tmp_path / "index"), ToyEmbedder()), Startup()
    startup.warm_up(service)
    with TestClient(build_app(service, startup), raise_server_exceptions=False) as client:
        assert client.get("/readyz").json()["code"] == "index-empty"
        assert client.post("/api/v1/ask", json={"question": "好"}).status_code == 503
        assert client.get("/page/admin").status_code == 200
        body = {"file": ("通知.txt", "图书室上午九点开门，下午五点关门。".encode())}
        assert client.post("/api/v1/documents", files=body).status_code == 201
        assert client.get("/readyz").status_code == 200


def test_scopes():
    from rag.errors import UsageError
    from rag.web.page.narrowing import resolve, scopes

    titles = {"甲/a[1].txt": "关于经费的办法", "甲/乙/b.txt": "通知", "c.txt": "经费通知"}
    assert [one for _, one in scopes(titles)][:2] == ["甲/*", "甲/乙/*"]
    assert resolve(["甲/*"], titles) == ("甲/*",)
    assert resolve(["甲/a[[]1].txt"], titles) == ("甲/a[[]1].txt",)
    assert resolve(["经费"], titles) == ("甲/a[[]1].txt", "c.txt")
    with pytest.raises(UsageError):
        resolve(["没有的"], titles)
