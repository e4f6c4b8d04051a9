"""An answer is of one generation: what changes between ranking and composing is answered from afterwards, never mixed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

import rag.service
from rag.datamodels import Document
from rag.errors import BusyError
from rag.service import Service

QUESTION = "白鹭湖步道哪天封闭检修"


def path(day: str, number: int = 0) -> Document:
    text = f"白鹭湖步道管理办法第{number}版。\n\n白鹭湖步道每周{day}封闭检修，由后勤处负责。"
    return Document("步道.txt", f"步道管理办法{number}", text, f"{day}{number}", "text/plain")


CANTEEN = Document("食堂.txt", "食堂", "食堂每天十一点半开饭，周末不供应晚饭。", "食堂", "text/plain")


@pytest.fixture
def two(make_service) -> tuple[Service, Service]:
    """Two processes' views of one index."""
    service = make_service()
    service.ingest_documents([path("二"), CANTEEN])
    return service, make_service()


def between(monkeypatch, *changes: Callable[[], object]) -> list[Callable[[], object]]:
    """Make each change once, between the ranking and the composing of an answer; the list holds those still to come."""
    left, compose = list(changes), rag.service.compose

    def changed_first(*given, **named):
        if left:
            left.pop(0)()
        return compose(*given, **named)

    monkeypatch.setattr(rag.service, "compose", changed_first)
    return left


def test_a_document_replaced_meanwhile_is_quoted_as_it_is_now(two, monkeypatch):
    service, other = two
    left = between(monkeypatch, lambda: other.ingest_documents([path("五", 1)]))
    first = service.ask(QUESTION).excerpts[0]
    assert not left and "每周五" in first.text and first.title == "步道管理办法1"
    assert service.text(first.doc_id, first.start, first.end) == first.text


def test_a_document_removed_meanwhile_is_not_quoted(two, monkeypatch):
    service, other = two
    between(monkeypatch, lambda: other.remove(["步道.txt"]))
    answer = service.ask(QUESTION)
    assert {excerpt.doc_id for excerpt in answer.excerpts} <= {"食堂.txt"}


def test_a_changed_title_is_not_mixed_with_an_older_text(two, monkeypatch):
    service, other = two
    between(monkeypatch, lambda: other.describe("步道.txt", {"title": "新题名", "issuer": "后勤处"}))
    first = service.ask(QUESTION).excerpts[0]
    assert (first.title, first.facts) == ("新题名", {"issuer": "后勤处"})


def test_what_changes_all_the_time_is_a_busy_service_and_no_endless_work(two, monkeypatch):
    service, other = two
    changes = [lambda number=number: other.ingest_documents([path("五", number)]) for number in range(1, 10)]
    left = between(monkeypatch, *changes)
    with pytest.raises(BusyError, match="正在更新") as caught:
        service.ask(QUESTION)
    assert caught.value.retry_after >= 1 and len(left) == 9 - rag.service.TRIES
    assert not left.clear() and service.ask(QUESTION).excerpts


def test_what_was_read_before_the_change_is_answered_from(two, monkeypatch):
    """All of it is of the older generation, so nothing needs to be done again."""
    service, other = two
    service.ask(QUESTION)
    asked = len(between(monkeypatch, lambda: other.ingest_documents([path("五", 1)])))
    first = service.ask(QUESTION).excerpts[0]
    assert asked == 1 and "每周二" in first.text and first.title == "步道管理办法0"
    assert "每周五" in service.ask(QUESTION).excerpts[0].text


def test_answers_while_a_document_is_replaced_again_and_again(make_service):
    """Each excerpt's number is that of its title, whatever the other thread has done meanwhile."""
    service = make_service()
    service.ingest_documents([path("二"), CANTEEN])
    stop = threading.Event()

    def replace() -> None:
        number = 0
        while not stop.wait(0.01):
            number += 1
            service.ingest_documents([path("五", number)])

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(replace)
        try:
            for _ in range(12):
                try:
                    excerpts = service.ask(QUESTION).excerpts
                except BusyError:
                    continue
                for excerpt in (one for one in excerpts if "版。" in one.text):
                    assert f"第{excerpt.title.removeprefix('步道管理办法')}版。" in excerpt.text
        finally:
            stop.set()
        writing.result()
