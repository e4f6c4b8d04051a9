"""A question that asks for an amount, a share or a year is answered only by a passage that holds one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.datamodels import Document
from rag.search.evidence import Signals, confidence, signals_of
from rag.search.expecting import expected, pointing
from tests.searching import ranked


@pytest.mark.parametrize(
    ("question", "holds", "lacks"),
    [
        ("救助金每户多少元？", "每户发放3000元", "发放救助金，按户计算"),
        ("救助金每户多少元？", "每户三千余元", "共计3批"),
        ("报销多少比例", "报销比例为百分之七十", "可以按比例报销"),
        ("占比多少？", "占 12.5%", "占绝大部分"),
        ("建了多少万个站点", "建成12.6万个", "四个方面"),
        ("搞了几回竞赛", "开展5次竞赛", "开展竞赛"),
        ("培训了几个人", "培训120余人", "举办培训班"),
        ("哺乳假几个小时", "每天一小时", "每天可以休息"),
        ("哪一年召开", "二〇二三年召开", "按期召开"),
        ("提前几天通知", "提前三十日通知", "应当提前通知"),
    ],
)
def test_kinds_of_facts(question, holds, lacks):
    wanted = expected(question).pattern
    assert wanted.search(holds) and not wanted.search(lacks)


@pytest.mark.parametrize("question", ["第几次代表大会", "谁来评判", "工会的职责是什么", "为工人做了什么"])
def test_other_questions_expect_nothing(question):
    assert expected(question) is None


@settings(deadline=None)
@given(st.text(max_size=80), st.text(max_size=200))
def test_any_text_can_be_asked(question, text):
    wanted = expected(question)
    found = wanted and wanted.pattern.search(text)
    assert found is None or found[0] in text


def test_what_is_lacking_costs_confidence_but_a_named_place_is_named():
    held, lacking = (confidence(Signals(0.3, 0.5, lacking), 0.2, 0.05) for lacking in ((), ("所问的数目",)))
    assert held > 0.5 > lacking
    assert confidence(Signals(0.3, 0.5, ("所问的数目",), True), 0.2, 0.05) > 0.9


def test_a_passage_on_the_matter_without_the_amount_does_not_answer(make_service):
    service = make_service()
    texts = {"a.txt": "对困难职工家庭按户发放救助金，由街道工会送到家中。", "b.txt": "读书班每季度举办，学习重要论述。"}
    service.ingest_documents([Document(name, name, text, name, "text/plain") for name, text in texts.items()])
    sum_asked, way_asked = "困难职工家庭救助金每户多少元", "困难职工家庭救助金由谁送到家中"
    assert signals_of(service.current(), ranked(service, sum_asked, 2)).lacking == ("所问的数目",)
    assert not signals_of(service.current(), ranked(service, way_asked, 2)).lacking


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("这份文档是哪个网站上的？", ["这份文档"]),
        ("该文件里怎么规定经费", ["该文件里"]),
        ("本文中提到几次", ["本文中"]),
        ("文件精神怎么传达", []),
        ("基本文化设施", []),
    ],
)
def test_words_that_point_at_the_document_are_known(question, found):
    assert pointing(question) == found


def test_pointing_at_the_document_does_not_count_as_a_word_that_is_missing(make_service):
    service = make_service()
    texts = ["本网站由市总工会主办，网站版权所有。", "食堂的菜谱每周更换。", "停车场从北门进入。"]
    service.ingest_documents([Document(f"{n}.txt", "", text, str(n), "text/plain") for n, text in enumerate(texts)])

    def coverage(question):
        return signals_of(service.current(), ranked(service, question, 3)).coverage

    assert coverage("这份文档的网站") == coverage("网站") == 1.0
    assert coverage("档案的网站") < 1.0
