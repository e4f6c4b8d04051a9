"""Every route has its role: the table is walked against the apps, and every role against the table."""

from __future__ import annotations

import re

import pytest
from fastapi.testclient import TestClient

from rag.access.identity import Role
from rag.access.keys import Keys
from rag.access.store import folder
from rag.config import Settings
from rag.service import Service
from rag.web.front.roles import TABLE, rule_for
from rag.web.front.state import Startup
from rag.web.server import build_app
from tests.conftest import SEEDS, ToyEmbedder
from tests.web.test_api import check_problem

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


def test_every_route_of_ours_is_in_the_table_and_no_other(doors):
    offered = {(method, path) for method, path in routes_of(doors[2], set()) if method != "HEAD"}
    ours = {(method, path) for method, path in offered if is_ours(path)}
    assert len(ours) > 20
    assert {(rule.method, rule.path) for rule in TABLE if is_ours(rule.path)} == ours


def test_of_gradios_routes_only_those_of_the_page_answer(doors):
    client, headers, app, _ = doors
    theirs = {(method, path) for method, path in routes_of(app, set()) if not is_ours(path) and method != "HEAD"}
    assert len(theirs) > 60
    answering = {path for method, path in theirs if rule_for(method, filled(path).replace("/run/1", "/run/predict"))}
    assert answering <= GRADIO_OPEN
    for method, path in theirs:
        if path not in answering:
            reply = client.request(method, filled(path), headers=headers[Role.ADMINISTRATOR])
            assert reply.status_code in {404, 405}, (method, path)


@pytest.mark.parametrize("rule", [rule for rule in TABLE if rule.role], ids=lambda rule: f"{rule.method} {rule.path}")
def test_who_may_do_what(doors, rule):
    client, headers, _, service = doors
    before = service.catalog.generation
    address = filled(rule.path)
    check_problem(client.request(rule.method, address), 401, "unauthorized")
    for role in Role:
        if role < rule.role:
            body = check_problem(client.request(rule.method, address, headers=headers[role]), 403, "forbidden")
            assert "角色" in body["detail"]
    assert service.catalog.generation == before
    endless = rule.path.endswith(("queue/data", "heartbeat/{session_hash}", "startup-events"))
    if rule.method != "DELETE" and not endless:
        reply = client.request(rule.method, address, headers=headers[rule.role])
        assert reply.status_code not in {401, 403} and reply.status_code < 500


@pytest.mark.parametrize(
    "rule", [rule for rule in TABLE if not rule.role], ids=lambda rule: f"{rule.method} {rule.path}"
)
def test_what_is_open_to_all_says_nothing_of_the_collection(doors, rule):
    client, _, _, service = doors
    reply = client.request(rule.method, filled(rule.path))
    assert reply.status_code not in {401, 403} and reply.status_code < 500
    for record in service.documents():
        assert record.document.title not in reply.text


def test_a_reader_may_do_nothing_else(doors):
    """Every route and method there is, asked for as a reader: what changes or administers is forbidden."""
    client, headers, app, service = doors
    before = service.catalog.generation
    for method, path in routes_of(app, set()):
        rule = rule_for(method, filled(path))
        if rule and rule.role and rule.role > Role.READER:
            assert client.request(method, filled(path), headers=headers[Role.READER]).status_code == 403
    assert service.catalog.generation == before and len(service.documents()) == 5


def test_people_get_a_sentence_and_not_json(doors):
    client, headers, _, _ = doors
    page = client.get("/page/admin", headers=headers[Role.READER] | {"accept": "text/html"})
    assert page.status_code == 403 and "角色" in page.text and page.headers["content-type"].startswith("text/html")
    assert client.get("/", headers={"sec-fetch-mode": "navigate"}).status_code == 401
