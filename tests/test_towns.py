"""A question about one town is not answered from a document that knows only another."""

from __future__ import annotations

import pytest

from rag.datamodels import Document
from rag.search.answering import compose, to_json
from rag.search.evidence import UNREAD, Calibration, confidence, signals_of, weigh
from rag.search.explaining import lacking_line
from rag.search.gazetteer import places_named
from rag.search.sources import Sources
from tests.searching import ranked


def doc(name: str, text: str) -> Document:
    return Document(name, name, text, name, "text/plain")


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("无锡市总工会下面有多少家基层工会？", ("无锡",)),
        ("常州市武进区和無錫的做法", ("常州", "武进", "无锡")),
        ("江苏省怎么规定", ("江苏",)),
        ("工会同意了吗", ()),  # 会同 is a county, and no word here
        ("先进县怎么评", ()),
        ("大家合作共和平安", ()),
        ("", ()),
    ],
)
def test_places_are_whole_words_without_their_endings(question, found):
    assert places_named(question) == found


def test_another_town_is_lacking_and_the_own_one_is_not(make_service):
    service = make_service()
    body = "每户困难职工发放救助金三千元，由基层工会登记造册后发放到人。"
    service.ingest_documents(
        [
            doc("a.txt", f"常州市武进区总工会的通知\n\n现将有关事项通知如下。\n\n{body}"),
            doc("b.txt", "食堂的菜谱每周更换。"),
            doc("c.txt", "停车场从北门进入。"),
        ]
    )

    def signals(question):
        return signals_of(service.current(), ranked(service, question, 3))

    assert not signals("武进困难职工救助金每户多少元").lacking  # the place stands elsewhere in the document
    assert not signals("常州市困难职工救助金每户多少元").lacking
    elsewhere = signals("杭州困难职工救助金每户多少元")
    assert elsewhere.lacking == ("杭州",)
    assert confidence(elsewhere, 0.0, 0.3) < 0.5


def test_a_refusal_says_what_the_nearest_documents_lack(make_service):
    service = make_service()
    service.ingest_documents([doc("a.txt", "常州市困难职工的救助由街道工会办理，登记造册后发放到人。")])
    ranking, current = ranked(service, "杭州困难职工救助金每户多少元", 3), service.current()
    strict = Calibration(9.0, 0.1, 99.0, UNREAD, 0.0, 0.0)
    sources = Sources(service.catalog, current.generation, lambda *_: ())
    answer = compose(current, sources, weigh(current, ranking, strict))
    assert not answer.answerable and answer.lacking == ("所问的数目", "杭州")
    assert lacking_line(answer) == "最接近的文档里没有：所问的数目、杭州。"
    assert to_json(answer, explain=True)["explain"]["lacking"] == ["所问的数目", "杭州"]
