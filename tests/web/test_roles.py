"""Every route has the role that is written here, and no route is open that is not."""

from __future__ import annotations

import re

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from rag.access.identity import Role
from rag.access.keys import Keys
from rag.access.store import folder
from rag.config import Settings
from rag.service import Service
from rag.web.front.roles import needs, rules_of
from rag.web.front.state import Startup
from rag.web.server import build_app
from tests.conftest import SEEDS, ToyEmbedder
from tests.web.test_api import check_problem

# Who may do what, told apart from the code: role needed, then what it opens. A new route of ours is added here.
EVERYBODY = """
    GET /healthz, GET /readyz, GET /openapi.json, GET /page/login, POST /page/login, GET /embed, GET /embed.js,
    GET /page/page.css, GET /page/page.js, GET /page/messages.js, GET /page/sheets.js, GET /page/basket.js, GET /page/admin.js,
    GET /page/evaluation.js, GET /page/words.js, GET /page/frame.js, GET /page/icon.svg
"""
READERS = """
    POST /api/v1/ask, POST /api/v1/search, POST /api/v1/feedback, GET /api/v1/documents, POST /mcp, GET /metrics,
    GET /api/v1/documents/{doc_id:path}/text, GET /api/v1/documents/{doc_id:path}/context,
    GET /api/v1/documents/{doc_id:path}/pages/{number}, POST /page/logout, POST /page/turn, GET /page/source,
    POST /page/compilation/view, POST /page/compilation/{kind}
"""
EDITORS = """
    POST /api/v1/documents, PATCH /api/v1/documents/{doc_id:path}/metadata, DELETE /api/v1/documents/{doc_id:path},
    GET /page/admin, POST /page/ingest/stop, GET /page/gaps, GET /page/gold.jsonl
"""
ADMINISTRATORS = """
    GET /page/audit, GET /page/words, POST /page/words, POST /page/words/preview, GET /page/evaluation,
    GET /page/evaluation/progress, GET /page/evaluation/template.xlsx, GET /page/evaluation/drafts.xlsx,
    GET /page/evaluation/runs/{run}/{file}, GET /page/evaluation/compare, GET /page/questions, POST /page/evaluation/sets,
    POST /page/evaluation/sets/remove, POST /page/evaluation/runs, POST /page/evaluation/runs/{run}/continue,
    POST /page/evaluation/runs/{run}/remove, POST /page/evaluation/stop, POST /page/evaluation/gate,
    POST /page/evaluation/questions
"""
WHO: dict[tuple[str, str], Role | None] = {
    tuple(one.split()): role
    for role, listed in (
        (None, EVERYBODY), (Role.READER, READERS), (Role.EDITOR, EDITORS), (Role.ADMINISTRATOR, ADMINISTRATORS),
    )
    for one in listed.replace("\n", " ").split(",")
}  # fmt: skip
NEEDING = [(method, path, role) for (method, path), role in WHO.items() if role]
OPEN = [(method, path) for (method, path), role in WHO.items() if not role]
GRADIO_OPEN = {
    "/", "/config", "/gradio_api/info", "/gradio_api/app_id", "/gradio_api/startup-events", "/gradio_api/queue/join",
    "/gradio_api/heartbeat/{session_hash}", "/gradio_api/queue/data", "/gradio_api/run/{api_name}", "/gradio_api/cancel",
    "/gradio_api/reset", "/assets/{path:path}", "/static/{path:path}", "/svelte/{path:path}", "/theme.css",
    "/gradio_api/theme.css", "/favicon.ico", "/manifest.json", "/robots.txt",
}  # fmt: skip


@pytest.fixture(scope="module")
def doors(tmp_path_factory):
    """A site in token mode, with an Authorization header for each role."""
    home = tmp_path_factory.mktemp("doors")
    (home / "portal.secret").write_text("x" * 40)
    settings = Settings(
        index=home / "index", access="token", token_secret_file=home / "portal.secret", rate_limit="100000/minute",
        mcp=True,
    )  # fmt: skip
    service = Service(settings, ToyEmbedder())
    service.ingest([SEEDS])
    keys = Keys(folder(settings.index))
    headers = {
        role: {"Authorization": f"Bearer {keys.add(role.name, role, frozenset(), 1)[1]}"} for role in Role
    }  # fmt: skip
    startup = Startup()
    startup.warm_up(service)
    app = build_app(service, startup)
    with TestClient(app, raise_server_exceptions=False, client=("10.0.0.9", 1), follow_redirects=False) as client:
        yield client, headers, app, service


def routes_of(thing, seen: set[int]) -> set[tuple[str, str]]:
    """(method, path) of every route below an ASGI app, through middleware, mounts and included routers."""
    if id(thing) in seen or not callable(thing):
        return set()
    seen.add(id(thing))
    found: set[tuple[str, str]] = set()
    for route in getattr(thing, "routes", ()):
        contexts = route.effective_route_contexts() if hasattr(route, "effective_route_contexts") else (route,)
        for one in contexts:
            found.update((method, one.path) for method in getattr(one, "methods", None) or ())
    inner = [getattr(route, "app", None) for route in getattr(thing, "routes", ()) if not hasattr(route, "methods")]
    inner.append(getattr(thing, "app", None))
    inner += [cell.cell_contents for cell in getattr(thing, "__closure__", None) or ()]
    for one in inner:
        found |= routes_of(one, seen)
    return found


def filled(path: str) -> str:
    """An address that a route's path matches."""
    return re.sub(r"\{[^}]*:path\}", "001_4310a0096f66f682.txt", re.sub(r"\{[^:}]*\}", "1", path))


def is_ours(path: str) -> bool:
    return path.startswith(("/api/", "/page/", "/embed")) or path in {
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/mcp",
    }


def test_every_route_of_ours_declares_the_role_that_is_written_here(doors):
    offered = {(method, path) for method, path in routes_of(doors[2], set()) if method != "HEAD"}
    assert {(method, path) for method, path in offered if is_ours(path)} == set(WHO)
    declared = {(rule.method, rule.path): rule.needs.role for rule in doors[2].rules.rules if is_ours(rule.path)}
    assert declared == WHO


def test_what_declares_nothing_is_shut(doors):
    client, headers, app, _ = doors
    inner = FastAPI()
    inner.get("/api/v1/forgotten")(lambda: {})
    inner.get("/api/v1/known")(needs(Role.READER)(lambda: {}))
    assert [(rule.method, rule.path) for rule in rules_of(inner.routes)] == [("GET", "/api/v1/known")]
    assert app.rules.find("GET", "/api/v1/forgotten") is None
    check_problem(client.get("/api/v1/forgotten", headers=headers[Role.ADMINISTRATOR]), 404, "not-found")


def test_only_uploads_may_be_large_and_metrics_know_their_route(doors):
    rules = doors[2].rules
    large = {(rule.method, rule.path) for rule in rules.rules if rule.needs.files}
    assert large == {("POST", "/api/v1/documents"), ("POST", "/page/evaluation/sets")}
    for method, path, label in (
        ("POST", "/api/v1/ask", "/api/v1/ask"), ("GET", "/api/v1/ask", "/api/v1/ask"), ("GET", "/page/admin", "page"),
        ("GET", "/api/v1/documents/甲/乙.txt/text", "/api/v1/documents/{id}/text"), ("GET", "/x", "page"),
        ("DELETE", "/api/v1/documents/甲/text", "/api/v1/documents/{id}"), ("GET", "/api/v1/none", "api-other"),
    ):  # fmt: skip
        assert rules.metric(method, path) == label


def test_of_gradios_routes_only_those_of_the_page_answer(doors):
    client, headers, app, _ = doors
    theirs = {(method, path) for method, path in routes_of(app, set()) if not is_ours(path) and method != "HEAD"}
    assert len(theirs) > 60
    answering = {
        path for method, path in theirs if app.rules.find(method, filled(path).replace("/run/1", "/run/predict"))
    }
    assert answering <= GRADIO_OPEN
    for method, path in theirs:
        if path not in answering:
            reply = client.request(method, filled(path), headers=headers[Role.ADMINISTRATOR])
            assert reply.status_code in {404, 405}, (method, path)


@pytest.mark.parametrize(("method", "path", "needed"), NEEDING, ids=lambda part: str(part))
def test_who_may_do_what(doors, method, path, needed):
    client, headers, _, service = doors
    before = service.catalog.generation
    address = filled(path)
    check_problem(client.request(method, address), 401, "unauthorized")
    for role in Role:
        if role < needed:
            body = check_problem(client.request(method, address, headers=headers[role]), 403, "forbidden")
            assert "角色" in body["detail"]
    assert service.catalog.generation == before
    if method != "DELETE":
        reply = client.request(method, address, headers=headers[needed])
        assert reply.status_code not in {401, 403} and reply.status_code < 500


def test_gradios_page_needs_a_reader(doors):
    client, headers, app, _ = doors
    needing = [rule for rule in app.rules.rules if not is_ours(rule.path) and rule.needs.role]
    assert len(needing) > 8
    for rule in needing:
        check_problem(client.request(rule.method, filled(rule.path)), 401, "unauthorized")
        if not rule.path.endswith(("queue/data", "heartbeat/{session_hash}", "startup-events")):  # these never end
            reply = client.request(rule.method, filled(rule.path), headers=headers[Role.READER])
            assert reply.status_code not in {401, 403} and reply.status_code < 500


@pytest.mark.parametrize(("method", "path"), OPEN, ids=lambda part: part)
def test_what_is_open_to_all_says_nothing_of_the_collection(doors, method, path):
    client, _, _, service = doors
    reply = client.request(method, filled(path))
    assert reply.status_code not in {401, 403} and reply.status_code < 500
    for record in service.documents():
        assert record.document.title not in reply.text


def test_a_reader_may_do_nothing_else(doors):
    """Every route and method there is, asked for as a reader: what changes or administers is forbidden."""
    client, headers, app, service = doors
    before = service.catalog.generation
    for method, path in routes_of(app, set()):
        if (WHO.get((method, path)) or Role.READER) > Role.READER:
            assert client.request(method, filled(path), headers=headers[Role.READER]).status_code == 403
    assert service.catalog.generation == before and len(service.documents()) == 5


def test_people_get_a_sentence_and_not_json(doors):
    client, headers, _, _ = doors
    page = client.get("/page/admin", headers=headers[Role.READER] | {"accept": "text/html"})
    assert page.status_code == 403 and "角色" in page.text and page.headers["content-type"].startswith("text/html")
    assert client.get("/", headers={"sec-fetch-mode": "navigate"}).status_code == 401
