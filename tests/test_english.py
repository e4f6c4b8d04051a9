"""English questions are searched by the collection's own Chinese words, and the page says by which."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.datamodels import Document
from rag.search.answering import to_json
from rag.search.english import in_chinese
from rag.search.explaining import terms_lines


def doc(name: str, text: str) -> Document:
    return Document(name, name, text, name, "text/plain")


HELD = {"工会": 9, "工人": 5, "职工": 8, "基础": 3, "武进": 2, "通知": 2, "阶级": 4, "党": 7, "劳模": 2, "精神": 6}


def frequency(word: str) -> int:
    return HELD.get(word, 0)


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("What should trade unions do?", "工会 什么"),  # the phrase, not 贸易 and 联合
        ("spirit of model workers", "精神 劳模"),
        ("the workers' notice", "职工 通知"),  # what most passages hold
        ("Wujin", "武进"),  # a name in pinyin
        ("How many workers in 2023?", "职工 2023 多少"),  # numbers stay, and what is asked for can be seen
        ("guitar", "吉他"),  # nothing of it here: the dictionary's first, so that the question can be refused
    ],
)
def test_words_and_phrases_in_the_words_of_the_collection(question, told):
    assert in_chinese(question, frequency) == told


@pytest.mark.parametrize("question", ["工会是什么", "Java 线程池 参数", "TH01", "2023", "x", "xqzzy blorft", "？"])
def test_other_questions_stay_as_they_are(question):
    assert in_chinese(question, frequency) == ""


def test_english_words_of_the_collection_stay_beside_their_translation():
    assert in_chinese("vlog notice", lambda word: {"vlog": 1, "通知": 2}.get(word, 0)).split()[0] == "vlog"


def test_an_english_question_finds_the_chinese_passage_and_says_how(make_service):
    service = make_service()
    texts = ["工会的桥梁和纽带作用。", "职工书屋按时开放。", "食堂的菜谱每周更换。", "停车场从北门进入。"]
    service.ingest_documents([doc(f"{at}.txt", text) for at, text in enumerate(texts)])
    assert service.search("bridge of the trade union", 1)[0].doc_id == "0.txt"
    answer = service.ask("bridge of the trade union")
    assert answer.question == "bridge of the trade union"
    assert to_json(answer, explain=True)["explain"]["translated"] == "桥梁 工会"
    assert terms_lines(answer.terms, answer.question)[0] == "按词典译成“桥梁 工会”再找"
    assert "translated" not in to_json(service.ask("工会的桥梁"), explain=True)["explain"]


@settings(deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=80))
def test_any_text_is_translated_or_left(text):
    assert isinstance(in_chinese(text, frequency), str)
