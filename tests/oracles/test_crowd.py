"""How many requests may be at work at once, without a clock: the ones at work are held until the next one has been told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from fastapi.testclient import TestClient

from rag.config import Settings
from rag.errors import BusyError
from rag.service import Service
from rag.web.front.limits import Limits
from rag.web.front.roles import Work
from rag.web.front.state import Startup
from rag.web.server import build_app
from tests.conftest import ToyEmbedder
from tests.oracles.codes import collection
from tests.web.conftest import LOCAL


class Held(ToyEmbedder):
    """Encodes a question when it is told to, once `held` is set, and counts how many are inside."""

    def __init__(self) -> None:
        super().__init__()
        self.held = False
        self.inside, self.most = 0, 0
        self.came, self.go = threading.Semaphore(0), threading.Event()
        self.lock = threading.Lock()

    def encode_queries(self, texts):
        if self.held:
            with self.lock:
                self.inside += 1
                self.most = max(self.most, self.inside)
            self.came.release()
            assert self.go.wait(30)
            with self.lock:
                self.inside -= 1
        return super().encode_queries(texts)


@pytest.fixture
def held(tmp_path, request) -> Iterator[tuple[TestClient, Held]]:
    """A site with room for as many requests as the test says."""
    embedder = Held()
    service, startup = Service(Settings(index=tmp_path / "index", queue_max=request.param), embedder), Startup()
    service.ingest_documents(collection(10))
    startup.warm_up(service)
    with TestClient(build_app(service, startup), client=LOCAL) as client:
        embedder.held = True
        yield client, embedder
        embedder.go.set()


def ask(client: TestClient, question: str) -> int:
    return client.post("/api/v1/ask", json={"question": question}).status_code


@pytest.mark.parametrize("held", [1], indirect=True)
def test_past_the_limit_a_request_is_told_that_it_is_busy(held):
    client, embedder = held
    with ThreadPoolExecutor(2) as people:
        first = people.submit(ask, client, "b2m k7r")
        assert embedder.came.acquire(timeout=30)  # it is at work
        second = people.submit(ask, client, "h5q d3n")
        try:
            assert second.result(20) == 429  # at once; one that was let in would wait for the first
        finally:
            embedder.go.set()
        assert first.result(30) == 200
    assert ask(client, "h5q d3n") == 200  # the place is free


@pytest.mark.parametrize("held", [64], indirect=True)
def test_questions_are_answered_one_at_a_time(held):
    client, embedder = held
    with ThreadPoolExecutor(6) as people:
        asked = [people.submit(ask, client, f"b2m k7r {code}") for code in ("h5q", "d3n", "f2p", "g7m", "k2n", "b3p")]
        assert embedder.came.acquire(timeout=30)
        beside = embedder.came.acquire(timeout=2)  # a second one inside would be a second one in the model
        embedder.go.set()
        assert [one.result(30) for one in asked] == [200] * 6
    assert not beside and embedder.most == 1


@pytest.mark.parametrize("most", [1, 2, 7])
def test_there_are_exactly_so_many_places(most):
    limits = Limits(Settings(queue_max=most, queue_max_each=64))
    with ExitStack() as places:
        for at in range(most):
            places.enter_context(limits.at_work(Work.ASK, f"person {at}"))
        with pytest.raises(BusyError), limits.at_work(Work.ASK, "one more"):
            pass
    with limits.at_work(Work.ASK, "one more"):  # all were given back, the refused one's too
        pass


@pytest.mark.parametrize("most", [1, 3])
def test_each_person_has_exactly_so_many_of_them(most):
    limits = Limits(Settings(queue_max=64, queue_max_each=most))
    with ExitStack() as places:
        for _ in range(most):
            places.enter_context(limits.at_work(Work.ASK, "a"))
        with pytest.raises(BusyError), limits.at_work(Work.ASK, "a"):
            pass
        with limits.at_work(Work.ASK, "b"):
            pass
