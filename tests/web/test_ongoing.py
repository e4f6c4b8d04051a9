"""An upload can be stopped; what was committed before stays and nothing is half taken in."""

from __future__ import annotations

import threading

import pytest
from fastapi.testclient import TestClient

from rag.cli.doctor import examine
from rag.config import Settings
from rag.service import Service
from rag.web.front.state import Startup
from rag.web.server import build_app
from tests.conftest import ToyEmbedder


class PatientEmbedder(ToyEmbedder):
    """Encodes in batches and waits after each until it may go on."""

    patient = False

    def __init__(self) -> None:
        super().__init__()
        self.may_go_on, self.waiting = threading.Semaphore(0), threading.Event()

    def encode_passages(self, texts, progress=None):
        for at in range(0, len(texts), 10) if self.patient else ():
            if progress:
                progress(min(at + 10, len(texts)), len(texts))
            self.waiting.set()
            self.may_go_on.acquire(timeout=20)
        return super().encode_passages(texts)


@pytest.fixture
def site(tmp_path):
    embedder = PatientEmbedder()
    service, startup = Service(Settings(index=tmp_path / "index"), embedder), Startup()
    (tmp_path / "旧.txt").write_text("图书室九点开门，周五闭馆。\n", encoding="utf-8")
    service.ingest([tmp_path / "旧.txt"])
    startup.warm_up(service)
    with TestClient(build_app(service, startup), raise_server_exceptions=False) as client:
        yield client, service, embedder


def long_text() -> bytes:
    return "".join(
        f"第{n}条 步道管理事项之{n}，由后勤处第{n}组负责，每年检查{n}次并公布结果。\n" for n in range(60)
    ).encode()


def test_an_upload_can_be_stopped(site):
    client, service, embedder = site
    client.post("/page/ingest/stop")  # nothing to stop: it does not stop what comes later
    embedder.patient = True
    replies = []
    files = [("file", ("新.txt", long_text()))]
    sender = threading.Thread(target=lambda: replies.append(client.post("/api/v1/documents", files=files)))
    sender.start()
    assert embedder.waiting.wait(10)
    assert client.post("/page/ingest/stop").status_code == 204
    embedder.may_go_on.release(100)
    sender.join(20)
    assert replies[0].status_code == 409 and replies[0].json()["code"] == "stopped"
    assert [record.document.doc_id for record in service.documents()] == ["旧.txt"]
    assert all(check.good for check in examine(service))
    embedder.patient = False
    assert client.post("/api/v1/documents", files=files).status_code == 201  # and it can be sent again
