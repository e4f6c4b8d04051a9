"""REST keeps its contract, and every error is problem details with a stable type."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from rag.config import Settings
from rag.search.answering import to_json
from rag.service import Service
from rag.web.front.problems import MEDIA_TYPE, TYPE
from rag.web.front.state import Startup
from rag.web.rest import feedback
from rag.web.server import build_app
from tests.conftest import ToyEmbedder
from tests.loading import make_samples as samples
from tests.web.conftest import LOCAL

ASK = "/api/v1/ask"
QUESTION = "要坚持党建带工建、工建服务党建，做到四同步、四衔接"


def check_problem(response, status: int, code: str | None = None) -> dict:
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith(MEDIA_TYPE)
    body = response.json()
    assert body["type"] == TYPE + body["code"] and body["status"] == status and body["detail"]
    assert "Traceback" not in response.text
    if code:
        assert body["code"] == code
    return body


def test_until_it_is_ready_the_service_says_what_it_is_doing_by_a_code(site):
    site.startup.ready, site.startup.stage = False, "calibration"
    try:
        body = check_problem(site.client.get("/readyz"), 503, "starting")
    finally:
        site.startup.ready, site.startup.stage = True, "ready"
    assert body["stage"] == "calibration" and body["detail"] == "正在校准拒答界线"


def test_ask_gives_the_contracted_answer(site):
    response = site.client.post(ASK, json={"question": QUESTION, "top_k": 3})
    assert response.status_code == 200
    got = response.json()
    expected = to_json(site.service.ask(QUESTION, 3))
    assert {k: v for k, v in got.items() if k != "timings_ms"} == {
        k: v for k, v in expected.items() if k != "timings_ms"
    }
    assert set(got["timings_ms"]) == {"embed", "search", "rerank", "total"}
    assert got["answerable"] and len(got["excerpts"]) == 3
    for excerpt in got["excerpts"]:
        url = f"/api/v1/documents/{excerpt['doc']}/text"
        text = site.client.get(url, params={"start": excerpt["start"], "end": excerpt["end"]}).json()["text"]
        assert text == excerpt["text"]
    assert site.client.post(ASK, json={"question": QUESTION, "id": "q7"}).json()["id"] == "q7"


def test_documents_filter(site):
    wide, narrow = {"question": QUESTION, "top_k": 20}, {"question": QUESTION, "top_k": 20, "documents": ["001*"]}
    assert {e["doc"][:3] for e in site.client.post(ASK, json=wide).json()["excerpts"]} > {"001"}
    assert {e["doc"][:3] for e in site.client.post(ASK, json=narrow).json()["excerpts"]} == {"001"}


def test_search_ranks_documents(site):
    found = site.client.post("/api/v1/search", json={"question": QUESTION, "top_k": 3}).json()["documents"]
    assert [row["rank"] for row in found] == [1, 2, 3] and found[0]["doc"].startswith("001") and found[0]["title"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"question": ""}, 422, "question-blank"),
        ({"question": " \t\u3000 "}, 422, "question-blank"),
        ({"question": "？！。"}, 422, "question-blank"),
        ({"question": "问" * 100_000}, 422, "question-too-long"),
        ({"question": 5}, 422, "validation"),
        ({}, 422, "validation"),
        ([], 422, "validation"),
        ({"question": "好", "top_k": 0}, 422, "validation"),
        ({"question": "好", "top_k": 10**9}, 422, "validation"),
        ({"question": "好", "documents": "x"}, 422, "validation"),
    ],
)
def test_bad_questions(site, body, status, code):
    check_problem(site.client.post(ASK, json=body), status, code)


def test_control_characters_are_taken_as_blanks(site):
    assert site.client.post(ASK, json={"question": "四同步\u0000\u0007四衔接"}).status_code == 200


def test_malformed_bodies(site):
    def send(content: bytes, kind: str = "application/json"):
        return site.client.post(ASK, content=content, headers={"content-type": kind})

    check_problem(send(b"{"), 400, "json-invalid")
    check_problem(send(b'{"question": "\\ud800"}'), 422)
    check_problem(send(b"\xff\xfe"), 400)
    check_problem(send(b"question=x", "application/x-www-form-urlencoded"), 422)
    check_problem(send(b"[" * 100_000), 400)
    check_problem(send(b" " * 1_100_000), 413, "too-large")


def test_chunked_bodies_are_counted_too(site):
    def drip():
        for _ in range(20):
            yield b" " * 100_000

    check_problem(site.client.post(ASK, content=drip(), headers={"content-type": "application/json"}), 413)


def test_unknown_addresses_and_methods(site):
    check_problem(site.client.get("/api/v1/nothing"), 404, "not-found")
    check_problem(site.client.get(ASK), 405, "method-not-allowed")
    check_problem(site.client.get("/api/v1/documents/none.txt/text"), 404, "not-found")
    check_problem(site.client.get("/api/v1/documents/..%2f..%2fetc%2fpasswd/text"), 404)
    check_problem(site.client.delete("/api/v1/documents/none.txt"), 404, "not-found")


def test_text_spans(site):
    doc = site.service.documents()[0].document
    url = f"/api/v1/documents/{doc.doc_id}/text"
    whole = site.client.get(url).json()
    assert whole["text"] == doc.text and whole["length"] == len(doc.text) == whole["end"]
    assert site.client.get(url, params={"start": 5, "end": 9}).json()["text"] == doc.text[5:9]
    assert site.client.get(url, headers={"accept": "text/plain"}).text == doc.text
    check_problem(site.client.get(url, params={"start": 9, "end": 5}), 400, "usage")
    check_problem(site.client.get(url, params={"end": 10**9}), 400, "usage")
    check_problem(site.client.get(url, params={"start": -1}), 422, "validation")
    check_problem(site.client.get(url, params={"start": "x"}), 422, "validation")


def test_upload_ask_replace_delete(site):
    client, question = site.client, "海棠书屋周三下午开放吗"
    first = {"file": ("通知/../海棠 书屋.txt", "关于海棠书屋的通知\n\n海棠书屋周三下午开放，周五闭馆。\n".encode())}
    report = client.post("/api/v1/documents", files=first)
    assert report.status_code == 201, report.text
    (line,) = report.json()["lines"]
    assert line["doc"] == "海棠 书屋.txt" and not line["error"] and line["coverage"] == 1
    found = client.post(ASK, json={"question": question}).json()["excerpts"]
    assert found[0]["doc"] == "海棠 书屋.txt" and "周三下午开放" in found[0]["text"]

    second = {"file": ("海棠 书屋.txt", "关于海棠书屋的通知\n\n海棠书屋周三下午不开放。\n".encode())}
    assert client.post("/api/v1/documents", files=second).status_code == 201
    assert "不开放" in client.post(ASK, json={"question": question}).json()["excerpts"][0]["text"]
    assert client.post("/api/v1/documents", files=second).json()["unchanged"] == ["海棠 书屋.txt"]
    assert "海棠 书屋.txt" in [d["doc"] for d in client.get("/api/v1/documents").json()["documents"]]

    assert client.delete("/api/v1/documents/海棠 书屋.txt").status_code == 204
    assert "海棠" not in json.dumps(client.post(ASK, json={"question": question}).json(), ensure_ascii=False)[60:]


def test_a_bad_file_among_good_ones(site):
    good = ("好.txt", "一份好的通知：图书室九点开门。".encode())
    files = [("file", good), ("file", ("坏.docx", b"PK\x03\x04" + b"x" * 50))]
    report = site.client.post("/api/v1/documents", files=files)
    assert report.status_code == 201
    errors = {line["doc"]: line["error"] for line in report.json()["lines"]}
    assert not errors["好.txt"] and errors["坏.docx"]
    assert {"catalog.sqlite3"} <= {path.name for path in site.service.settings.index.iterdir()} and not [
        path for path in site.service.settings.index.rglob("*") if path.suffix in (".txt", ".docx")
    ]
    site.client.delete("/api/v1/documents/好.txt")


@pytest.mark.parametrize("name", ["x", ".txt", "坏\x00.exe", "..", "图.unknown"])
def test_names_that_cannot_be_stored(site, name):
    response = site.client.post("/api/v1/documents", files={"file": (name, b"text")})
    assert 400 <= response.status_code < 500
    check_problem(response, response.status_code)


def test_upload_of_nothing(site):
    check_problem(site.client.post("/api/v1/documents"), 400, "no-file")
    bare = {"content-type": "multipart/form-data"}  # no boundary
    check_problem(site.client.post("/api/v1/documents", content=b"x", headers=bare), 400)
    check_problem(site.client.post("/api/v1/documents", files={"file": ("空.txt", b"")}), 422)


def test_feedback_is_kept_with_the_generation(site):
    span = {"doc": "001_4310a0096f66f682.txt", "start": 614, "end": 906}
    given = {"question": QUESTION, "spans": [span], "verdict": "useful"}
    response = site.client.post("/api/v1/feedback", json=given)
    assert response.status_code == 201
    (kept,) = feedback.read(site.service.settings.index)
    assert (kept.question, kept.verdict, kept.generation) == (QUESTION, "useful", site.service.catalog.generation)
    assert kept.spans == (feedback.QuotedSpan(**span),)
    check_problem(site.client.post("/api/v1/feedback", json=given | {"verdict": "great"}), 422, "validation")


def test_watching_routes(site):
    assert site.client.get("/healthz").json()["status"] == "ok"
    assert site.client.get("/readyz").json() == {"status": "ready"}
    site.startup.ready = False
    check_problem(site.client.get("/readyz"), 503)
    site.startup.ready = True
    text = site.client.get("/metrics").text
    assert "yuanwen_answers_total" in text and f"yuanwen_documents {len(site.service.documents())}.0" in text
    paths = site.client.get("/openapi.json").json()["paths"]
    assert {"/api/v1/ask", "/api/v1/search", "/api/v1/documents", "/api/v1/feedback"} <= set(paths)


def test_headers_and_sub_path(site):
    page = site.client.get("/", headers={"x-request-id": "abc-1"})
    assert page.headers["x-request-id"] == "abc-1" and "unsafe-eval" not in page.headers["content-security-policy"]
    assert site.client.get("/", headers={"x-request-id": "<script>"}).headers["x-request-id"] != "<script>"
    assert "default-src 'none'" in site.client.get("/healthz").headers["content-security-policy"]
    under = {"x-forwarded-prefix": "/kb", "x-forwarded-host": "portal.example", "x-forwarded-proto": "https"}
    assert "https://portal.example/kb" in site.client.get("/", headers=under).text
    assert site.client.get("/healthz", headers=under).status_code == 200
    assert site.client.get("/page/page.js", headers=under).status_code == 200
    assert site.client.get("/healthz", headers={"x-forwarded-prefix": "/../x"}).status_code == 200


def test_closed_doors(site):
    upload = site.client.post("/gradio_api/upload", files={"files": ("x.html", b"<script>")})
    assert upload.status_code == 404
    cross = site.client.post(ASK, json={"question": "好"}, headers={"sec-fetch-site": "cross-site"})
    check_problem(cross, 403, "forbidden")
    reply = site.client.get("/", headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in reply.headers


def test_questions_stay_out_of_the_log(site, caplog):
    with caplog.at_level("DEBUG", logger="rag"), caplog.at_level("DEBUG", logger="yuanwen.access"):
        site.client.post(ASK, json={"question": "某某某的秘密是什么"})
        site.client.get("/?q=某某某的秘密是什么")
    assert "秘密" not in caplog.text


def test_a_suffix_that_belies_the_content_is_refused(site):
    sent = {"file": ("通知.docx", "关于图书室开放时间的通知：九点开门。".encode())}
    check_problem(site.client.post("/api/v1/documents", files=sent), 422, "corpus-unreadable")
    sent = {"file": ("通知.txt", samples.word_bytes())}
    refused = site.client.post("/api/v1/documents", files=sent)
    check_problem(refused, 422, "corpus-unreadable")
    assert ".docx" in refused.json()["detail"] and "通知.txt" in refused.json()["detail"]


def test_a_sidecar_comes_with_its_file_and_narrows_the_search(site):
    text = "关于白鹭湖步道的通知\n\n白鹭湖步道每周二封闭检修，其余时间开放。\n".encode()
    files = [("file", ("湖.txt", text)), ("file", ("湖.txt.yaml", "date: 2019-05-06\nvalidity: 废止\n".encode()))]
    report = site.client.post("/api/v1/documents", files=files).json()
    assert [line["doc"] for line in report["lines"]] == ["湖.txt"] and not report["lines"][0]["error"]

    def found(**narrowed) -> list[str]:
        body = {"question": "白鹭湖步道哪天封闭检修？", **narrowed}
        return [one["doc"] for one in site.client.post("/api/v1/search", json=body).json()["documents"]]

    assert found()[0] == found(until="2019-05")[0] == found(since="2019", validity="废止")[0] == "湖.txt"
    assert (
        "湖.txt" not in found(validity="现行")
        and "湖.txt" not in found(since="2020")
        and found(until="2019") == ["湖.txt"]
    )
    assert (
        site.client.post(ASK, json={"question": "白鹭湖步道哪天封闭检修？", "until": "1999"}).json()["excerpts"] == []
    )
    excerpt = site.client.post(ASK, json={"question": "白鹭湖步道哪天封闭检修？", "top_k": 1}).json()["excerpts"][0]
    assert excerpt["metadata"] == {"date": "2019-05-06", "validity": "废止"}
    for bad in ({"since": "上周"}, {"since": "2020", "until": "2019"}, {"until": "2023-13"}):
        check_problem(site.client.post(ASK, json={"question": "工会", **bad}), 400, "filter")
    check_problem(site.client.post(ASK, json={"question": "工会", "validity": "x"}), 422, "validation")
    site.client.delete("/api/v1/documents/湖.txt")


def test_facts_can_be_corrected_and_stay_corrected(site):
    client, doc = site.client, "步道通知.txt"
    first = {"file": (doc, "关于白鹭湖步道的通知\n\n白鹭湖步道每周二封闭检修。\n".encode())}
    assert client.post("/api/v1/documents", files=first).status_code == 201
    url = f"/api/v1/documents/{doc}"
    facts = {"doc_number": "后勤〔2019〕3号", "date": "2019-05-06", "validity": "废止"}
    changed = client.patch(f"{url}/metadata", json=facts | {"title": "关于步道检修的通知"}).json()
    assert changed["title"] == "关于步道检修的通知" and changed["metadata"].items() >= facts.items()
    second = {"file": (doc, "关于白鹭湖步道的通知\n\n白鹭湖步道每周三封闭检修。\n".encode())}
    assert client.post("/api/v1/documents", files=second).status_code == 201
    assert client.post("/api/v1/documents", files=second).json()["unchanged"] == [doc]
    excerpt = client.post(ASK, json={"question": "白鹭湖步道哪天封闭检修？", "top_k": 1}).json()["excerpts"][0]
    assert "周三" in excerpt["text"] and excerpt["title"] == "关于步道检修的通知" and excerpt["metadata"] == facts
    assert "validity" not in client.patch(f"{url}/metadata", json={"validity": ""}).json()["metadata"]
    check_problem(client.patch(f"{url}/metadata", json={"date": "前天"}), 400, "facts")
    check_problem(client.patch(f"{url}/metadata", json={"encoding": "x"}), 422, "validation")
    check_problem(client.patch("/api/v1/documents/none.txt/metadata", json={"title": "x"}), 404, "not-found")
    page = client.get("/page/admin").text
    assert f'name="{quote(doc)}"' in page and "&#12308;" not in page  # what is Chinese stays readable
    client.delete(url)
    client.post("/api/v1/documents", files=second)
    found = next(one for one in client.get("/api/v1/documents").json()["documents"] if one["doc"] == doc)
    assert "doc_number" not in found["metadata"]  # removed with all that was said about it
    client.delete(url)


def test_context_around_an_excerpt(site):
    body = {"question": "四同步四衔接指的是什么？", "top_k": 2, "around": 1}
    for excerpt in site.client.post(ASK, json=body).json()["excerpts"]:
        context, doc = excerpt["context"], excerpt["doc"]
        assert context["start"] <= excerpt["start"] < excerpt["end"] <= context["end"]
        assert context["end"] - context["start"] > excerpt["end"] - excerpt["start"]
        where = {"start": excerpt["start"], "end": excerpt["end"], "around": 1}
        read = site.client.get(f"/api/v1/documents/{doc}/context", params=where).json()
        assert excerpt["text"] in read["text"] and {k: read[k] for k in ("start", "end", "section")} == context
    check_problem(site.client.get(f"/api/v1/documents/{doc}/context", params={"start": 5, "end": 10**9}), 400, "usage")
    check_problem(site.client.get("/api/v1/documents/none/context", params={"start": 0, "end": 1}), 404, "not-found")


def test_pages_of_a_pdf(site):
    sent = {
        "file": ("三页 湖.pdf", samples.pdf_bytes([("第一页的话。",), ("白鹭湖步道每周二封闭检修。",), ("第三页。",)]))
    }
    assert site.client.post("/api/v1/documents", files=sent).status_code == 201
    excerpt = site.client.post(ASK, json={"question": "白鹭湖步道哪天封闭检修？", "top_k": 1}).json()["excerpts"][0]
    assert excerpt["doc"] == "三页 湖.pdf" and {box["page"] for box in excerpt["boxes"]} >= {2}
    assert all(0 <= box["x0"] < box["x1"] <= 1 and 0 <= box["y0"] < box["y1"] <= 1 for box in excerpt["boxes"])
    where = {"d": "三页 湖.pdf", "s": excerpt["start"], "e": excerpt["end"]}
    assert site.client.get("/page/source", params=where).text.count('class="yw-box"') == len(excerpt["boxes"])
    image = site.client.get("/api/v1/documents/三页 湖.pdf/pages/2")
    assert image.headers["content-type"] == "image/png" and image.content.startswith(b"\x89PNG")
    check_problem(site.client.get("/api/v1/documents/三页 湖.pdf/pages/4"), 404, "no-page")
    check_problem(site.client.get("/api/v1/documents/三页 湖.pdf/pages/0"), 422, "validation")
    text = site.service.documents()[0].document.doc_id
    check_problem(site.client.get(f"/api/v1/documents/{text}/pages/1"), 404, "no-page")
    site.client.delete("/api/v1/documents/三页 湖.pdf")
    check_problem(site.client.get("/api/v1/documents/三页 湖.pdf/pages/2"), 404, "no-page")


def test_a_preflight_is_answered_as_everything_else(tmp_path):
    """Scripts of a listed portal may call; others are told why not, in problem details."""
    service = Service(Settings(index=tmp_path / "index", portals=("https://portal.example",)), ToyEmbedder())
    client = TestClient(build_app(service, Startup()), client=LOCAL)

    def preflight(origin: str, method: str = "POST", headers: str = "authorization"):
        asked = {"origin": origin, "access-control-request-method": method, "access-control-request-headers": headers}
        return client.options(ASK, headers=asked)

    good = preflight("https://portal.example")
    assert good.status_code == 200 and good.headers["access-control-allow-origin"] == "https://portal.example"
    for refused in (
        preflight("https://evil.example"), preflight("null"), preflight("https://portal.example", "PUT"),
        preflight("https://portal.example", headers="cookie"),
    ):  # fmt: skip
        assert "portals" in check_problem(refused, 403, "forbidden")["detail"]
        assert not [name for name in refused.headers if name.startswith("access-control-")]
