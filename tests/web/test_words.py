"""The page of synonyms and terms: previewed in memory, saved whole or not at all, noted, for administrators."""

from __future__ import annotations

import html
import json

import pytest

from rag.access import audit
from rag.web.admin.words import QUESTIONS_MAX
from rag.web.rest import feedback
from rag.web.rest.feedback import Feedback
from tests.web.test_api import check_problem
from tests.web.test_evaluation import send


def doc(site, name: str, text: str) -> None:
    assert site.client.post("/api/v1/documents", files={"file": (name, text.encode())}).status_code == 201


def body(site, terms: str | None = None, synonyms: str | None = None) -> dict[str, str]:
    page = site.client.get("/page/words").text
    kept = site.service.word_tables()
    began = page.split('<form id="yw-words" name="')[1].split('"')[0]
    return {
        "terms": kept[0] if terms is None else terms,
        "synonyms": kept[1] if synonyms is None else synonyms,
        "began": began,
    }


def events(reply) -> list[tuple[str, dict]]:
    assert reply.status_code == 200 and reply.headers["content-type"].startswith("text/event-stream")
    pairs = [one.split("\n") for one in reply.text.split("\n\n") if one.startswith("event:")]
    return [(name.split(":", 1)[1].strip(), json.loads(data.split(":", 1)[1])) for name, data in pairs]


@pytest.fixture
def asked(site):
    """Two documents much alike, a reader's question in words that neither has, and one that no table changes."""
    doc(site, "比武.txt", "食堂切菜比赛头名")
    doc(site, "闲话.txt", "食堂头名小王说")
    index = site.service.settings.index
    feedback.store(index, Feedback("<食堂>打擂头名", (), "missing", "", 1))
    feedback.store(index, Feedback("食堂头名小王", (), "useful", "", 1))
    return index


@pytest.mark.slow
def test_a_preview_names_the_questions_that_change_and_saves_nothing(site, asked):
    send(site, "题.jsonl", json.dumps({"id": "a", "question": "食堂打擂头名"}).encode())
    (asked / "evaluation" / "sets" / "坏.jsonl").write_text("{", encoding="utf-8")
    before, generation = site.service.word_tables(), site.service.catalog.generation
    told = events(site.client.post("/page/words/preview", json=body(site, synonyms="打擂、切菜比赛", terms="厨师长")))
    assert site.service.word_tables() == before and site.service.catalog.generation == generation
    changes = [html.unescape(data["html"]) for name, data in told if name == "change"]
    (own,) = [text for text in changes if "<食堂>打擂头名" in text]
    assert "读者反馈" in own and "小王说" in own.split("改后第一")[0]
    (test,) = [text for text in changes if "测试题" in text]
    first, second = test.split("改后第一")
    assert (
        "测试题" in test and "小王说" in first and "切菜比赛" in second and "source?d=%E6%AF%94%E6%AD%A6.txt" in second
    )
    assert len(changes) == 2  # the other question stays as it is
    assert "<食堂>" not in "".join(data["html"] for name, data in told if name == "change")
    progress = [data for name, data in told if name == "progress"]
    assert progress[0]["done"] == 0 and progress[-1]["done"] == progress[-1]["total"] <= QUESTIONS_MAX
    assert told[-1][0] == "report" and f"{len(changes)} 个排在第一" in told[-1][1]["said"]
    assert told[-1][1]["lines"] == ["题集“坏.jsonl”读不出来，没有试。"]


def test_the_tables_in_force_change_nothing(site, asked):
    told = events(site.client.post("/page/words/preview", json=body(site)))
    assert not [data for name, data in told if name == "change"] and "没有一个会变" in told[-1][1]["said"]


def test_what_was_previewed_is_what_is_saved(site, asked):
    send(site, "题.jsonl", json.dumps({"id": "a", "question": "食堂打擂头名"}).encode())
    kept = site.service.word_tables()
    wanted = body(site, synonyms="\n打擂、切菜比赛", terms="厨师长\n")
    told = events(site.client.post("/page/words/preview", json=wanted))
    (change,) = [data["html"] for name, data in told if name == "change" and "食堂打擂头名" in data["html"]]
    assert site.client.post("/page/words", json=wanted).status_code == 200
    assert site.service.word_tables() == ("厨师长\n", "\n打擂、切菜比赛")
    hit = site.service.search_passages("食堂打擂头名")[0]
    assert (
        hit.passage.doc_id == "比武.txt"
        and f"s={hit.passage.start}&amp;e={hit.passage.end}" in change.split("改后第一")[1]
    )
    assert 'name="synonyms" rows="12" spellcheck="false">&#10;&#10;打擂' in site.client.get("/page/words").text
    last = audit.read(asked, 1).acts[0]
    assert (last.action, last.outcome) == ("words", "ok") and "改词表" in site.client.get("/page/audit").text
    stale = check_problem(site.client.post("/page/words", json=wanted), 400, "words-changed")
    assert "别人改过" in stale["detail"]
    site.service.set_word_tables(*kept)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"synonyms": "# 注\n工人、职工\n孤零零"}, "同义词第 3 行只有一个词"),
        ({"terms": "好词\n！！"}, "词条第 2 行的“！！”不能用"),
    ],
)
def test_a_bad_line_is_named_and_changes_nothing(site, wanted, said):
    before = site.service.word_tables()
    for path in ("/page/words/preview", "/page/words"):
        found = check_problem(site.client.post(path, json=body(site, **wanted)), 400, "usage")
        assert said in found["detail"]
    assert site.service.word_tables() == before
    check_problem(site.client.post("/page/words", json={"terms": 1}), 422, "validation")


def test_the_page_is_for_administrators_and_linked(site):
    assert '<a href="words">' in site.client.get("/page/admin").text
    assert "工资、薪酬" in html.unescape(site.client.get("/page/words").text)
