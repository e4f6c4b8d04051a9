"""Exact addresses are found exactly, and only where the question says."""

from __future__ import annotations

import pytest

from rag.datamodels import Document
from rag.ingest.chunking import cut
from rag.ingest.cleaning import find_removals
from rag.search.addressing import read_address, resolve

LAW = "工会条例\n第一章 总则\n第一条 为了保护职工，制定本条例。\n第二条 工会是群众组织。\n第三条 依照第二条规定，职工可以入会。\n第十条 基层工会每届三年。"
NOTICE = "关于报销的通知\n武工发〔2023〕12号\n各单位：\n一、报销须附发票。\n二、逾期不予受理。\n三、本通知自发布之日起执行，请遵照办理。"


@pytest.fixture(scope="module")
def corpus():
    passages, titles = [], {}
    for doc_id, text in (("law.txt", LAW), ("notice.txt", NOTICE)):
        document = Document(doc_id, text.splitlines()[0], text, "", "text/plain")
        passages += cut(document, find_removals(document))
        titles[doc_id] = document.title
    return passages, titles


def texts(corpus, question: str) -> list[str]:
    passages, titles = corpus
    return [passages[row].text for row in resolve(read_address(question), question, passages, titles)]


@pytest.mark.parametrize("question", ["《工会条例》第三条说了什么", "工会条例第3条", "《条例》第 三 条"])
def test_an_article_by_title_and_number(corpus, question):
    assert [text[:3] for text in texts(corpus, question)] == ["第三条"]


def test_an_article_without_a_document_is_no_guess(corpus):
    assert texts(corpus, "第三条说了什么") == []


def test_a_chapter_holds_its_articles(corpus):
    assert len(texts(corpus, "工会条例第一章")) == 4


def test_a_document_number_in_any_brackets(corpus):
    for question in ("武工发〔2023〕12号", "武工发[2023]012号文件", "（2023）第12号"):
        assert any("〔2023〕12号" in text for text in texts(corpus, question))
    assert texts(corpus, "武工发〔2022〕12号") == []


def test_points_of_a_named_document(corpus):
    found = texts(corpus, "关于报销的通知第二点是什么")
    assert found and all("逾期不予受理" in text for text in found)
    assert texts(corpus, "关于报销的通知第九点是什么") == []


def test_a_question_without_an_address(corpus):
    assert not read_address("工会是什么样的组织？")


def test_an_address_comes_first_and_is_answered(make_service, tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "law.txt").write_text(LAW, encoding="utf-8")
    (folder / "notice.txt").write_text(NOTICE, encoding="utf-8")
    service = make_service()
    service.ingest([folder])
    answer = service.ask("《工会条例》第十条", top_k=2)
    assert answer.answerable and answer.excerpts[0].text.startswith("第十条")
    assert service.ask("武工发〔2023〕12号").excerpts[0].doc_id == "notice.txt"
