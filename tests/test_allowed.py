"""What someone may not see is neither searched nor named: the filter stands in the search itself."""

from __future__ import annotations

import pytest

SECRET = "关于周转房分配的内部通知\n\n周转房分配方案：一号楼归财务处，二号楼归后勤处，八月一日起入住。\n"
OPEN = "关于图书室的通知\n\n图书室每日九点开门，十七点闭馆，节假日照常开放。\n"
QUESTION = "周转房怎么分配？"


@pytest.fixture
def service(make_service, tmp_path):
    home = tmp_path / "corpus"
    for name, text in (("人事/内部.txt", SECRET), ("公开/图书室.txt", OPEN), ("公开/转载.txt", OPEN)):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text, encoding="utf-8")
    found = make_service()
    found.ingest([home])
    return found


def outside(doc_id: str) -> bool:
    return not doc_id.startswith("人事/")


def test_the_search_stays_within_what_is_allowed(service):
    assert service.search(QUESTION)[0].doc_id == "人事/内部.txt"
    assert {d.doc_id for d in service.search(QUESTION, allowed=outside)} == {"公开/图书室.txt", "公开/转载.txt"}
    assert service.search(QUESTION, documents=["人事/*"], allowed=outside) == []
    hits = service.search_passages(QUESTION, allowed=outside)
    assert hits and all(hit.passage.doc_id != "人事/内部.txt" for hit in hits)
    for documents in ((), ("人事/*",), ("*",), ("人事/内部.txt",)):
        answer = service.ask(QUESTION, 5, documents, outside)
        assert all(excerpt.doc_id != "人事/内部.txt" for excerpt in answer.excerpts)


def test_a_twin_that_is_not_allowed_is_not_named(service):
    found = service.ask("图书室每日几点开门闭馆", 1).excerpts[0]
    assert [place.doc_id for place in found.also_in]
    hidden = found.also_in[0].doc_id
    again = service.ask("图书室每日几点开门闭馆", 1, (), lambda doc_id: doc_id != hidden).excerpts[0]
    assert again.also_in == ()


def test_nothing_allowed_is_a_refusal(service):
    assert not service.ask(QUESTION, 5, (), lambda doc_id: False).answerable
