"""MCP stands behind the same gate: shut by default, two tools, one's own collections, and no call to anybody else."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import httpx
import pytest
import uvicorn
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import InitializeResult

from rag.access.identity import Role
from rag.access.keys import Keys
from rag.access.store import folder
from rag.config import Settings
from rag.service import Service
from rag.web.front.state import Startup
from rag.web.server import build_app
from tests.conftest import SEEDS, ToyEmbedder, apart
from tests.web.test_api import check_problem

DOC = "人事/周转房.txt"
SECRET = "周转房甲号楼归机要室使用"
QUESTION = "周转房甲号楼归谁使用？"
ACCEPT = {"accept": "application/json, text/event-stream"}


@dataclass(frozen=True)
class Place:
    """A running server. keys: Authorization headers by name."""

    address: str
    keys: dict[str, dict[str, str]]
    service: Service


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Iterator[Place]:
    home = tmp_path_factory.mktemp("mcp")
    (home / "portal.secret").write_text("x" * 40)
    (home / "corpus" / "人事").mkdir(parents=True)
    text = f"周转房分配办法\n\n一、分配原则\n\n{SECRET}，八月一日起入住。\n"
    (home / "corpus" / DOC).write_text(text, encoding="utf-8")
    settings = Settings(
        index=home / "index", access="token", token_secret_file=home / "portal.secret", mcp=True,
        rate_limit="100/minute", collections={"人事/*": ["人事处"]},
    )  # fmt: skip
    service, startup = Service(settings, ToyEmbedder()), Startup()
    service.ingest([SEEDS, home / "corpus"])
    startup.warm_up(service)
    keys = {
        name: {"Authorization": f"Bearer {Keys(folder(settings.index)).add(name, Role.READER, frozenset({own}), 1)[1]}"}
        for name, own in (("人事", "人事处"), ("财务", "财务处"), ("急", "财务处"))
    }
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(build_app(service, startup), log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield Place(f"http://127.0.0.1:{listener.getsockname()[1]}", keys, service)
    server.should_exit = True
    thread.join(20)


@asynccontextmanager
async def talking(place: Place, name: str) -> AsyncIterator[tuple[ClientSession, InitializeResult]]:
    """A session of the protocol's own client, and what it was told at the beginning."""
    async with (
        httpx.AsyncClient(headers=place.keys[name], timeout=30) as http,
        streamable_http_client(f"{place.address}/mcp", http_client=http) as (read, write, _),
        ClientSession(read, write) as session,
    ):
        yield session, await session.initialize()


def call(place: Place, name: str, tool: str, **arguments: object) -> tuple[bool, str]:
    """Whether it went wrong, and the text, as a client of the protocol gets them."""

    async def spoken() -> tuple[bool, str]:
        async with talking(place, name) as (session, _):
            result = await session.call_tool(tool, arguments)
            return result.isError, "".join(part.text for part in result.content)

    return apart(anyio.run, spoken)


def post(place: Place, method: str, params: dict, headers: dict[str, str]) -> httpx.Response:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return httpx.post(f"{place.address}/mcp", json=body, headers=ACCEPT | headers, timeout=30)


def test_it_is_not_there_unless_switched_on(site):
    for method in ("GET", "POST", "DELETE"):
        check_problem(site.client.request(method, "/mcp", headers=ACCEPT), 404, "not-found")
    for path in (
        "/mcp/",
        "/mcp/gradio_api/mcp",
        "/mcp/gradio_api/mcp/sse",
        "/gradio_api/mcp",
        "/gradio_api/mcp/schema",
    ):
        assert site.client.post(path, json={}, headers=ACCEPT).status_code == 404


def test_two_tools_and_nothing_else(place):
    async def offered():
        async with talking(place, "财务") as (session, begun):
            return begun.capabilities, (await session.list_tools()).tools

    can, tools = apart(anyio.run, offered)
    assert can.tools and not can.resources and not can.prompts
    assert [tool.name for tool in tools] == ["ask", "search"]
    for tool in tools:
        assert list(tool.inputSchema["properties"]) == tool.inputSchema["required"] == ["question"]
        assert tool.inputSchema["properties"]["question"]["description"]
    assert "原文摘录" in tools[0].description


def test_an_answer_is_the_exact_excerpt(place):
    wrong, text = call(place, "财务", "ask", question="推进四同步、四衔接")
    answer = json.loads(text)
    assert not wrong and answer["answerable"]
    for one in answer["excerpts"]:
        assert place.service.text(one["doc"], one["start"], one["end"]) == one["text"]
    rest = httpx.post(
        f"{place.address}/api/v1/ask", json={"question": "推进四同步、四衔接"}, headers=place.keys["财务"]
    ).json()
    assert rest["excerpts"] == answer["excerpts"]


def test_collections_hold(place):
    assert SECRET in call(place, "人事", "ask", question=QUESTION)[1]
    assert DOC in call(place, "人事", "search", question=QUESTION)[1]
    for tool in ("ask", "search"):
        wrong, text = call(place, "财务", tool, question=QUESTION)
        assert not wrong
        assert all(hint not in text.replace(QUESTION, "") for hint in (SECRET, "机要", "人事/"))


@pytest.mark.parametrize(
    "arguments",
    [{"question": " "}, {"question": "问" * 5000}, {"question": 3}, {"question": {"path": "/etc/passwd"}}, {}],
)
def test_a_bad_question_is_an_error_of_the_tool(place, arguments):
    wrong, text = call(place, "财务", "ask", **arguments)
    assert wrong and len(text) < 300 and "Traceback" not in text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"3",
        b"\xff",
        b"[" * 500_000,
        b'{"jsonrpc": "2.0"}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "x"}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "ask", "arguments": {"question": "\\ud800"}}}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "respond", "arguments": {}}}',
    ],
    ids=range(10),
)
def test_what_is_not_the_protocol_is_refused(place, body):
    sent = ACCEPT | place.keys["财务"] | {"content-type": "application/json"}
    reply = httpx.post(f"{place.address}/mcp", content=body, headers=sent, timeout=30)
    assert reply.status_code in {200, 400}
    assert '"error"' in reply.text or '"isError":true' in reply.text or check_problem(reply, 400, "json-invalid")
    check_problem(httpx.get(f"{place.address}/mcp", headers=ACCEPT | place.keys["财务"]), 405, "method-not-allowed")


def test_a_body_without_end_is_refused(place):
    def endless() -> Iterator[bytes]:
        for _ in range(40):
            yield b" " * 65536

    sent = ACCEPT | place.keys["财务"] | {"content-type": "application/json"}
    reply = httpx.post(f"{place.address}/mcp", content=endless(), headers=sent, timeout=30)
    check_problem(reply, 413, "too-large")


def test_the_gate_stands_before_it(place):
    for headers in ({}, {"Authorization": "Bearer ywk_nobody"}):
        reply = post(place, "tools/list", {}, headers)
        assert reply.status_code == 401 and reply.headers["content-type"] == "application/problem+json"
    replies = [post(place, "ping", {}, place.keys["急"]).status_code for _ in range(101)]
    assert replies[0] == 200 and replies[-1] == 429


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("resources/read", {"uri": "file:///etc/passwd"}),
        ("prompts/get", {"name": "x"}),
        ("tools/call", {"name": "ask", "arguments": {"question": "四同步"}}),
    ],
)
def test_the_host_header_sends_it_nowhere(place, method, params):
    """Gradio's client would call whatever address the request names."""
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(1)
        named = f"127.0.0.1:{trap.getsockname()[1]}"
        headers = place.keys["财务"] | {"host": named, "x-forwarded-host": named}
        assert post(place, method, params, headers).status_code < 500
        with pytest.raises(TimeoutError):
            trap.accept()
