"""All who ask over the web wait in one queue; who is in it decides how much is read again, never whether there is an answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from fastapi.testclient import TestClient

from rag.access.identity import Identity, Role
from rag.config import Settings
from rag.search.answering import to_json
from rag.service import Service
from rag.web.front.metrics import new_metrics
from rag.web.front.queueing import Queue
from rag.web.front.state import Startup
from rag.web.front.visible import Visible
from rag.web.server import build_app
from tests.conftest import SEEDS, ToyEmbedder, apart
from tests.test_search_oracles import Backwards
from tests.web.conftest import LOCAL, Site
from tests.web.test_collections import asked_of_the_page

PEOPLE = 48
QUESTIONS = (
    "工会干部怎样了解职工所思所想所盼？", "怎么弘扬劳模精神、劳动精神、工匠精神？", "四同步四衔接指的是什么？",
    "红烧肉要炖多久才软烂？", "月球背面的温度是多少？", "八个对标是什么？",
)  # fmt: skip


class Slow(Backwards):
    """So slow that others come meanwhile; where the test says so, the first one waits until all have come."""

    def __init__(self) -> None:
        super().__init__()
        self.wait: Callable[[], object] = lambda: time.sleep(0.05)

    def scores(self, question, texts):
        self.wait()
        return super().scores(question, texts)


class Watched(Queue):
    """Counts who has come into the queue."""

    came = 0

    async def turn(self, mine, work):
        type(self).came += 1
        return await super().turn(mine, work)


@pytest.fixture
def crowd(tmp_path, monkeypatch) -> Iterator[tuple[Site, Slow]]:
    """The seeds on a toy embedder and a toy reranker that notes how much it was given."""
    reader = Slow()
    monkeypatch.setattr("rag.service.load_reranker", lambda embedder: reader)
    monkeypatch.setattr("rag.web.front.queueing.Queue", Watched)
    monkeypatch.setattr(Watched, "came", 0)
    service, startup = Service(Settings(index=tmp_path / "index"), ToyEmbedder()), Startup()
    service.ingest([SEEDS])
    startup.warm_up(service)
    with TestClient(build_app(service, startup), client=LOCAL) as client:
        yield Site(client, service, startup), reader


def essence(answer: dict[str, object]) -> tuple[object, object]:
    return answer["answerable"], answer["confidence"]


def test_a_crowd_gets_the_same_answers_with_less_reading_again(crowd):
    site, reader = crowd
    alone = {question: essence(to_json(site.service.ask(question))) for question in QUESTIONS}
    assert len({answerable for answerable, _ in alone.values()}) == 2
    assert set(reader.asked) == {20}
    reader.asked.clear()

    async def all_at_once() -> list[httpx.Response]:
        transport = httpx.ASGITransport(site.client.app, client=LOCAL)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            asking = (client.post("/api/v1/ask", json={"question": QUESTIONS[n % 6]}) for n in range(PEOPLE))
            return await asyncio.gather(*asking)

    answers = [response.json() for response in apart(asyncio.run, all_at_once())]
    assert [essence(answer) for answer in answers] == [alone[QUESTIONS[n % 6]] for n in range(PEOPLE)]
    given_up = [answer for answer in answers if answer["timings_ms"]["rerank"] == 0]
    assert len(given_up) > PEOPLE / 2 and len(given_up) + len(reader.asked) == PEOPLE
    assert min(reader.asked) < 20 == max(reader.asked)  # the last ones have nobody behind them
    watched = site.client.get("/metrics").text
    assert f'yuanwen_hurried_total{{reread="none"}} {len(given_up)}.0' in watched
    assert f'yuanwen_hurried_total{{reread="less"}} {sum(count < 20 for count in reader.asked)}.0' in watched


def test_three_at_once_are_answered_as_one(crowd):
    site, reader = crowd
    with ThreadPoolExecutor(3) as people:
        asked = people.map(lambda q: site.client.post("/api/v1/ask", json={"question": q}).json(), QUESTIONS[:3] * 3)
        answers = list(asked)
    assert reader.asked == [20] * 9
    for question, answer in zip(QUESTIONS[:3] * 3, answers, strict=True):
        assert answer["excerpts"] == to_json(site.service.ask(question))["excerpts"]


WAYS = {
    "page": lambda client, n: "process_completed" in asked_of_the_page(client, {}, QUESTIONS[n % 3], [], f"s{n}"),
    "frame": lambda client, n: "yw-" in client.post("/page/turn", json={"question": QUESTIONS[n % 3]}).json()["cards"],
    "search": lambda client, n: client.post("/api/v1/search", json={"question": QUESTIONS[n % 3]}).json()["documents"],
}


@pytest.mark.parametrize("ways", [["page"], ["frame"], ["search"], ["page", "frame", "search"]])
@pytest.mark.slow
def test_whatever_they_ask_with_they_wait_in_one_queue(crowd, ways):
    """The first is alone; the others meet behind it, and share what three would have had, fewer by one each turn."""
    site, reader = crowd

    def until_all_have_come() -> None:
        end = time.monotonic() + 60
        while Watched.came < 12 and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.1)  # the last one is in the queue's own hands

    reader.wait = until_all_have_come
    with ThreadPoolExecutor(12) as people:
        first = people.submit(WAYS[ways[0]], site.client, 0)
        while Watched.came < 1:
            time.sleep(0.01)
        others = people.map(lambda n: WAYS[ways[n % len(ways)]](site.client, n), range(1, 12))
        assert first.result(120) and all(others)
    assert reader.asked == [20, 5, 6, 6, 7, 8, 10, 12, 15, 20, 20, 20]


def test_who_gives_up_waiting_leaves_the_queue():
    served: list[str] = []
    settings = Settings()

    def work(name: str) -> Callable[[Visible], None]:
        return lambda reading: time.sleep(0.2) or served.append(f"{name} {reading.pace.rerank}")

    async def three() -> None:
        queue = Queue(settings.model_copy(update={"rerank_people": 1}), new_metrics())
        mine = Visible(Service(settings, ToyEmbedder()), Identity("", Role.READER, frozenset(), "local"), None)
        first, second, third = (asyncio.create_task(queue.turn(mine, work(name))) for name in "abc")
        await asyncio.sleep(0.1)
        second.cancel()
        await asyncio.gather(first, third)
        assert second.cancelled()

    apart(asyncio.run, three())
    assert served == ["a 6", "c 20"]
