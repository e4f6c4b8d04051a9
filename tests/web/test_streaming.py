"""An upload tells how far it has come, ends with what it would have answered, and is finished though nobody listens."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from rag.config import Settings
from rag.service import Service
from rag.web.front.state import Startup
from rag.web.server import build_app
from tests.conftest import SEEDS, ToyEmbedder

URL = "/api/v1/documents"
STREAM = {"accept": "text/event-stream"}


def events(text: str) -> list[tuple[str, dict]]:
    found = []
    for block in text.strip().split("\n\n"):
        if not block.startswith(":"):
            event, data = block.split("\n")
            found.append((event.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def test_the_stream_ends_with_the_plain_answer(site):
    files = [("file", ("甲.txt", "甲号通知：食堂周三开放。".encode())), ("file", ("坏.docx", b"PK\x03\x04xx"))]
    response = site.client.post(URL, files=files, headers=STREAM)
    assert response.status_code == 200 and response.headers["content-type"].startswith("text/event-stream")
    told = events(response.text)
    assert [name for name, _ in told] == ["reading", "line", "line", "encoding", "report"]
    assert told[0][1] == {"files": 2} and told[3][1]["done"] == told[3][1]["total"] > 0
    assert [data for name, data in told if name == "line"] == told[-1][1]["lines"]
    again = site.client.post(URL, files=files[:1]).json()
    assert set(again) == set(told[-1][1]) and again["unchanged"] == ["甲.txt"]
    assert events(site.client.post(URL, files=files[:1], headers=STREAM).text)[-1] == ("report", again)
    site.client.delete(f"{URL}/甲.txt")


@pytest.mark.parametrize("files", [None, {"file": ("空.txt", b"")}, {"file": ("..", b"x")}])
def test_a_failure_ends_with_the_plain_problem(site, files):
    told = events(site.client.post(URL, files=files, headers=STREAM).text)
    plain = site.client.post(URL, files=files).json()
    assert told[-1][0] == "problem"
    assert {k: v for k, v in told[-1][1].items() if k != "instance"} == {
        k: v for k, v in plain.items() if k != "instance"
    }


class SlowService(Service):
    """Says when it has read the first file, and waits for leave to go on to the next."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, ToyEmbedder())
        self.begun, self.leave = threading.Event(), threading.Event()

    def ingest_uploads(self, files, progress=None, on_line=lambda line: None):
        def pausing(line) -> None:
            on_line(line)
            self.begun.set()
            self.leave.wait(30)

        return super().ingest_uploads(files, progress, pausing)


@pytest.fixture
def slow_server(tmp_path) -> Iterator[tuple[SlowService, int]]:
    """A real server, for only that has clients who hang up."""
    service, startup = SlowService(Settings(index=tmp_path / "index")), Startup()
    service.ingest([SEEDS])
    startup.warm_up(service)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(build_app(service, startup), log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield service, listener.getsockname()[1]
    service.leave.set()
    server.should_exit = True
    thread.join(20)


@pytest.mark.slow
def test_hanging_up_loses_nothing(slow_server):
    """The second file is read after the client has gone: the request, whose file it is, must still stand."""
    service, port = slow_server
    body = b"".join(
        b"--x\r\nContent-Disposition: form-data; name=file; filename=" + name.encode() + b"\r\n\r\n"
        + "第一条 职工食堂周三开放。\n".encode() + name.encode() + b"\r\n"
        for name in ("a.txt", "b.txt")
    ) + b"--x--\r\n"  # fmt: skip
    head = (
        f"POST {URL} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nContent-Length: {len(body)}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    )
    # the connection is closed only when the file made of it is closed too
    with socket.create_connection(("127.0.0.1", port)) as client, client.makefile("rb") as answer:
        client.sendall(head.encode() + body)
        while b"event: line" not in answer.readline():
            pass
        assert service.begun.wait(30)
    time.sleep(0.5)  # the server notices
    service.leave.set()
    deadline = time.monotonic() + 30
    while not {"a.txt", "b.txt"} <= set(service.catalog.sources()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert {"a.txt", "b.txt"} <= set(service.catalog.sources())
