"""A group never receives anything of a collection that is not its own: by no route, filter or deep link."""

from __future__ import annotations

import ast
import io
import json
import re
import zipfile

import pytest
from fastapi.testclient import TestClient

from rag.access.identity import Role
from rag.access.keys import Keys
from rag.access.store import folder
from rag.config import ROOT, Settings
from rag.service import Service
from rag.web.front.state import Startup
from rag.web.front.visible import Visible
from rag.web.rest import feedback
from rag.web.server import build_app
from tests.conftest import SEEDS, ToyEmbedder
from tests.web.test_api import ASK, check_problem

SECRET = "周转房甲号楼归机要室使用"
DOC = "人事/周转房.txt"
SECRET_TEXT = f"周转房分配办法\n\n一、分配原则\n\n{SECRET}，八月一日起入住。所谓“周转甲房”，是指机要专用。\n"
QUESTION = "周转房甲号楼归谁使用？"
HINTS = (SECRET, "机要", "人事/")


@pytest.fixture(scope="module")
def groups(tmp_path_factory):
    """A client, and headers: of the personnel office (an editor), of finance (an editor), of an administrator."""
    home = tmp_path_factory.mktemp("groups")
    (home / "portal.secret").write_text("x" * 40)
    settings = Settings(
        index=home / "index", access="token", token_secret_file=home / "portal.secret", rate_limit="100000/minute",
        collections={"人事/*": ["人事处"], "公文.zip/*": ["人事处"], "机密*": ["人事处"]},
    )  # fmt: skip
    (home / "corpus" / "人事").mkdir(parents=True)
    (home / "corpus" / "人事" / "周转房.txt").write_text(SECRET_TEXT, encoding="utf-8")
    # the same words stand where everyone may read them, so that 另见 could give the secret place away
    (home / "corpus" / "公开.txt").write_text("节日安排\n\n中秋节放假三天，由各科室自行安排值班。\n", encoding="utf-8")
    (home / "corpus" / "人事" / "放假.txt").write_text(
        "节日安排\n\n中秋节放假三天，由各科室自行安排值班。\n", encoding="utf-8"
    )
    service = Service(settings, ToyEmbedder())
    service.ingest([SEEDS, home / "corpus"])
    index = settings.index
    feedback.store(index, feedback.Feedback(SECRET, (feedback.QuotedSpan(DOC, 0, 10),), "useful", "", 1))
    feedback.store(index, feedback.Feedback(SECRET, (feedback.QuotedSpan(DOC, 0, 10),), "wrong_excerpt", "", 1))
    keys = Keys(folder(index))
    headers = {}
    for name, role, own in (
        ("人事", Role.EDITOR, {"人事处"}),
        ("财务", Role.EDITOR, {"财务处"}),
        ("管", Role.ADMINISTRATOR, set()),
    ):
        headers[name] = {"Authorization": f"Bearer {keys.add(name, role, frozenset(own), 1)[1]}"}
    startup = Startup()
    startup.warm_up(service)
    with TestClient(build_app(service, startup), raise_server_exceptions=False, client=("10.0.0.9", 1)) as client:
        yield client, headers, service


def requests_for(question: str) -> list[tuple[str, str, dict]]:
    """Every way in: routes, filters and deep links."""
    item = {"doc": DOC, "start": 0, "end": 30}
    found: list[tuple[str, str, dict]] = []
    for documents in (None, ["人事/*"], [DOC], ["*"], ["*/周转房.txt"], ["[人]事/*"]):
        for extra in ({}, {"around": 5}, {"top_k": 50}, {"include_superseded": True}):
            body = {"question": question, "documents": documents} | extra
            found += [("POST", ASK, {"json": body}), ("POST", "/api/v1/search", {"json": body})]
    found += [
        ("GET", "/api/v1/documents", {}),
        ("GET", "/page/admin", {}),
        ("GET", "/page/gaps", {}),
        ("GET", "/page/gold.jsonl", {}),
    ]
    for doc in (DOC, "人事%2F周转房.txt", "公开/../人事/周转房.txt", "./人事/周转房.txt", "人事//周转房.txt"):
        for tail in ("text?start=0&end=40", "context?start=0&end=10&around=9", "pages/1"):
            found.append(("GET", f"/api/v1/documents/{doc}/{tail}", {}))
        found.append(("GET", "/page/source", {"params": {"d": doc, "s": 0, "e": 10, "r": 100000}}))
        found.append(("DELETE", f"/api/v1/documents/{doc}", {}))
    for kind in ("view", "md", "csv", "docx"):
        found.append(("POST", f"/page/compilation/{kind}", {"json": {"items": [item]}}))
    found.append(("POST", "/api/v1/feedback", {"json": {"question": "甲", "spans": [item], "verdict": "useful"}}))
    found += [("GET", f"/?q={question}&d={DOC}&s=0&e=10", {}), ("GET", "/config", {}), ("GET", "/metrics", {})]
    found.append(("POST", "/api/v1/documents", {"files": {"file": ("机密名单.txt", b"PK\x03\x04")}}))
    return found


def test_no_route_filter_or_deep_link_leaks(groups):
    client, headers, service = groups
    before = service.catalog.generation
    for method, address, more in requests_for(QUESTION):
        reply = client.request(method, address, headers=headers["财务"], **more)
        assert reply.status_code < 500, (method, address, reply.text)
        told = reply.text.replace(QUESTION, "")
        for hint in HINTS:
            if hint == "人事/" and reply.status_code >= 400:
                continue  # a problem may repeat the name that was asked for
            assert hint not in told, (method, address, more)
    assert service.catalog.generation == before


def test_what_is_hidden_is_as_if_it_were_not(groups):
    client, headers, _ = groups
    hidden = client.get(f"/api/v1/documents/{DOC}/text", headers=headers["财务"])
    missing = client.get("/api/v1/documents/人事/没有的.txt/text", headers=headers["财务"])
    check_problem(hidden, 404, "not-found")
    assert hidden.json()["detail"].replace("周转房", "没有的") == missing.json()["detail"]


def test_their_own_people_are_answered(groups):
    client, headers, _ = groups
    for name in ("人事", "管"):
        answer = client.post(ASK, json={"question": QUESTION}, headers=headers[name]).json()
        assert SECRET in answer["excerpts"][0]["text"]
        assert SECRET in client.get(f"/api/v1/documents/{DOC}/text", headers=headers[name]).json()["text"]
        assert DOC in client.get("/page/gold.jsonl", headers=headers[name]).text


def test_also_in_names_only_what_they_may_see(groups):
    client, headers, _ = groups
    body = {"question": "中秋节放假几天，怎么安排值班？", "top_k": 1}
    seen = {
        name: json.dumps(client.post(ASK, json=body, headers=headers[name]).json(), ensure_ascii=False)
        for name in ("人事", "财务")
    }
    assert "人事/放假.txt" in seen["人事"] and "公开.txt" in seen["人事"]
    assert "公开.txt" in seen["财务"] and "人事/" not in seen["财务"]


def test_a_collection_can_be_filled_over_the_web_by_its_own_people(groups):
    client, headers, service = groups
    before, held = service.catalog.generation, service.document(DOC).document.text
    words = "暖气费报销办法：锅炉房每年十一月十五日开炉。"
    for name in ("周转房.txt", "新.txt"):  # whether it is there or not
        sent = {"files": {"file": (name, words.encode())}, "data": {"folder": "人事"}}
        check_problem(client.post("/api/v1/documents", headers=headers["财务"], **sent), 403, "collection-forbidden")
    for folder_name in ("../人事", "人事/../人事", "/人事", "公文.zip"):
        sent = {"files": {"file": ("新.txt", words.encode())}, "data": {"folder": folder_name}}
        check_problem(client.post("/api/v1/documents", headers=headers["财务"], **sent), 400, "folder-name")
    assert service.catalog.generation == before and service.document(DOC).document.text == held
    assert 'value="人事"' not in client.get("/page/admin", headers=headers["财务"]).text
    assert 'value="人事"' in client.get("/page/admin", headers=headers["人事"]).text

    sent = {"files": {"file": ("暖气.txt", words.encode())}, "data": {"folder": "人事/后勤/"}}
    reply = client.post("/api/v1/documents", headers=headers["人事"], **sent)
    assert reply.status_code == 201 and [line["doc"] for line in reply.json()["lines"]] == ["人事/后勤/暖气.txt"]
    asked = {"json": {"question": "锅炉房每年哪天开炉？", "documents": ["*暖气*"]}}
    found = client.post("/api/v1/search", headers=headers["人事"], **asked).json()["documents"]
    assert [one["doc"] for one in found] == ["人事/后勤/暖气.txt"]
    assert client.post("/api/v1/search", headers=headers["财务"], **asked).json()["documents"] == []
    assert client.delete("/api/v1/documents/人事/后勤/暖气.txt", headers=headers["人事"]).status_code == 204


def zipped(name: str, text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, text)
    return buffer.getvalue()


def test_a_hidden_document_cannot_be_replaced(groups):
    client, headers, service = groups
    theirs = {"file": ("公文.zip", zipped("名单.txt", "机要室名单：甲乙丙丁，共四人。"))}
    assert client.post("/api/v1/documents", files=theirs, headers=headers["人事"]).status_code == 201
    held = service.document("公文.zip/名单.txt").document.sha256
    for name in ("公文.zip", "机密名单.txt"):
        other = {
            "file": (name, zipped("名单.txt", "没有人。") if name.endswith("zip") else "没有人在名单上。".encode())
        }
        reply = client.post("/api/v1/documents", files=other, headers=headers["财务"])
        check_problem(reply, 403, "collection-forbidden")
    assert service.document("公文.zip/名单.txt").document.sha256 == held
    assert client.delete("/api/v1/documents/公文.zip/名单.txt", headers=headers["人事"]).status_code == 204


def test_nothing_in_the_web_asks_the_service_itself():
    """Only a reading does, which knows what someone may see."""
    guarded = {name for name in vars(Visible) if callable(getattr(Service, name, None))} | {
        "current",
        "catalog.records",
    }
    wrong = []
    for path in (ROOT / "rag" / "web").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                called = ast.unparse(node.func)
                if re.search(rf"(?:^|\.)service\.(?:{'|'.join(guarded)})$", called):
                    wrong.append(f"{path.name}: {called}")
    assert {one for one in wrong if not one.startswith("visible.py")} == {"state.py: service.current"}  # the warm-up
    assert len(wrong) > 8


def asked_of_the_page(client, headers, question: str, scope: list[str], session: str) -> str:
    """All that Gradio's queue says to a question."""
    config = client.get("/config", headers=headers).json()
    asking = next(one for one in config["dependencies"] if len(one["inputs"]) == 6 and len(one["outputs"]) == 5)
    body = {
        "data": [question, None, scope, "", "", ""],
        "fn_index": asking["id"],
        "session_hash": session,
        "event_data": None,
    }
    assert client.post("/gradio_api/queue/join", json=body, headers=headers).status_code == 200
    with client.stream("GET", f"/gradio_api/queue/data?session_hash={session}", headers=headers) as stream:
        lines = []
        for line in stream.iter_lines():
            lines.append(line)
            if "process_completed" in line or "close_stream" in line:
                break
    return json.dumps([json.loads(line[5:]) for line in lines if line.startswith("data:")], ensure_ascii=False)


def test_the_page_leaks_nothing_either(groups):
    client, headers, _ = groups
    for number, scope in enumerate(([], ["人事/*"], [DOC], ["周转房"])):
        told = asked_of_the_page(client, headers["财务"], QUESTION, scope, f"f{number}")
        assert "process_completed" in told
        assert SECRET not in told.replace(QUESTION, "") and "机要" not in told
    assert SECRET in asked_of_the_page(client, headers["人事"], QUESTION, [], "p")
