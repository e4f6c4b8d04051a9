"""What the model is given at ingest: each passage under its headings, each sentence, each two neighbouring sentences."""

from __future__ import annotations

from rag.datamodels import Document
from rag.service import Service
from tests.conftest import ToyEmbedder
from tests.oracles import plain

FIRST = "困难职工由街道工会登记造册，每季度核对一次。救助金每户三千元。发放前在社区公示五天！"
SECOND = "读书班每季度举办一期，参加者由基层工会推荐。结业时交一篇心得。"
FILLER = "职工书屋由区总工会统一配书，每年更新一次，破损的图书随时报送更换，并在门口公布开放时间。"


def test_a_short_document_is_encoded_so(make_service) -> None:
    """Written out by hand: no text more, no text less."""
    toy = ToyEmbedder()
    service = make_service(toy)
    text = f"第一章 生活救助\n{FIRST}\n第二章 学习\n{SECOND}\n"
    service.ingest_documents([Document("a.txt", "办法", text, "a", "text/plain")])
    one, two, three = (part + mark for part, mark in zip(FIRST[:-1].split("。"), "。。！", strict=True))
    four, five = (part + "。" for part in SECOND.split("。")[:-1])
    first, second = "第一章 生活救助", "第二章 学习"
    assert sorted(toy.encoded) == sorted(
        [
            first, one, two, three, f"{first}\n{one}", one + two, two + three, f"{first}\n{FIRST}",
            second, four, five, f"{second}\n{four}", four + five, f"{second}\n{SECOND}",
        ]
    )  # fmt: skip


def test_a_passage_is_read_under_the_headings_above_it(make_service) -> None:
    toy = ToyEmbedder()
    service = make_service(toy)
    text = f"第一章 阵地建设\n第一节 书屋\n{FILLER * 5}\n{SECOND}{FILLER * 4}\n"
    service.ingest_documents([Document("a.txt", "办法", text, "a", "text/plain")])
    passages = [entry.passage for entry in service.catalog.entries()]
    last = passages[-1]
    assert len(passages) > 1 and last.headings == ("第一章 阵地建设", "第一节 书屋")
    assert f"第一章 阵地建设\n第一节 书屋\n{last.text}" in toy.encoded
    assert last.text not in toy.encoded


def test_the_seeds_are_encoded_so(toy_service: Service) -> None:
    """Every passage of the seeds that has no overlong sentence: its windows, and the text that its vector is of."""
    toy, vectors, looked_at = ToyEmbedder(), toy_service.catalog.vectors(), 0
    for entry in toy_service.catalog.entries():
        passage = entry.passage
        assert (vectors[entry.key] == toy.encode_passages([plain.under_headings(passage)])[0]).all()
        for window in entry.windows:
            text = plain.read_without_cuts(passage, window.start, window.end)
            assert (vectors[window.key] == toy.encode_passages([text])[0]).all()
        if all(end - start <= plain.LONG_SENTENCE for start, end in passage.sentences):
            looked_at += 1
            spans = [(window.start, window.end) for window in entry.windows]
            assert sorted(spans) == sorted(plain.window_spans(passage))
    assert looked_at > 50


def test_an_overlong_sentence_is_several_windows(toy_service: Service) -> None:
    """Its stretches follow each other without a gap, end at commas, and come in pairs too."""
    seen = 0
    for entry in toy_service.catalog.entries():
        spans = {(window.start, window.end) for window in entry.windows}
        for start, end in entry.passage.sentences:
            if end - start <= plain.LONG_SENTENCE:
                assert (start, end) in spans
                continue
            seen += 1
            inside = sorted(span for span in spans if start <= span[0] and span[1] <= end)
            ends = {b: a for a, b in reversed(inside)}  # by end, the longest stretch
            shortest = [max(a for a, b in inside if b == stop) for stop in sorted(ends)]
            stops = sorted(ends)
            assert shortest[0] == start and stops[-1] == end and shortest[1:] == stops[:-1]
            assert all((a, b) in spans for a, b in zip(shortest, stops[1:], strict=False))
    assert seen > 10
