"""Terms are found whole on both sides, synonyms widen a question at half weight, bad tables are named by line."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.datamodels import Document
from rag.errors import UsageError
from rag.index.vocabulary import TERM_MARK, Vocabulary, quoted_terms, read_synonyms, read_terms, shipped_synonyms
from rag.search.explaining import place_lines, terms_json, terms_lines


def doc(name: str, text: str) -> Document:
    return Document(name, name, text, name, "text/plain")


def test_terms_are_found_whole_in_either_script_and_width():
    words = Vocabulary(read_terms("四同步四衔接\nTH01 # 型号"))
    assert words.terms_in("什么是四同步四銜接？ＴＨ０１呢") == [f"四同步四衔接{TERM_MARK}", f"th01{TERM_MARK}"]
    assert Vocabulary().terms_in("四同步四衔接") == []


def test_what_documents_quote_is_a_term():
    assert quoted_terms(["做到“四同步、四衔接”，建成“申工通”和「申工社」", "“申工通”", "“这句引文太长了不是名称而是一句话”"]) == (
        "申工社", "申工通",
    )  # fmt: skip


def test_synonyms_go_both_ways_and_the_longest_word_wins():
    words = Vocabulary(synonyms=read_synonyms("答题、竞答\n知识竞答=知识问答"))
    assert words.expand("搞了几回知识竞答") == [("知识竞答", ("知识问答",))]
    assert words.expand("答题几次") == [("答题", ("竞答",))]
    assert words.expand("竞答几次") == [("竞答", ("答题",))]
    assert words.expand("答题就是竞答") == []  # both are there already


def test_bad_tables_are_named_by_line():
    with pytest.raises(UsageError, match="第 3 行只有一个词"):
        read_synonyms("# 说明\n工人、职工\n孤零零\n")
    with pytest.raises(UsageError, match="第 2 行"):
        read_terms("好词\n！！！")
    with pytest.raises(UsageError, match="20001 行"):
        read_terms("词\n" * 20_001)
    assert read_synonyms("\ufeff工人,职工; 员工\n") == (("工人", "职工", "员工"),)


def test_the_shipped_table_reads():
    assert len(read_synonyms(shipped_synonyms())) > 40


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_table_is_read_or_refused(text):
    for read in (read_terms, read_synonyms):
        try:
            read(text)
        except UsageError:
            pass
    Vocabulary(("工会",), (("工人", "职工"),)).tokens_of(text)


def test_a_table_changes_what_is_found_without_encoding_anything_again(make_service):
    service = make_service()
    service.ingest_documents([doc("a.txt", "全总开展五次知识答题活动。"), doc("b.txt", "全总举办三期读书班。")])
    encoded, generation = len(service.embedder.encoded), service.catalog.generation
    service.set_word_tables(synonyms="竞答、答题", terms="读书班")
    assert service.catalog.generation == generation + 1
    assert len(service.embedder.encoded) == encoded
    answer = service.ask("竞答", top_k=1)
    reading = terms_json(service.ask("竞答 读书班").terms)
    assert reading["synonyms"] == {"竞答": ["答题"]} and "读书班" in reading["words"]
    hit = service.search_passages("竞答")[0]
    assert hit.passage.doc_id == "a.txt" and "答题" in hit.matched
    assert "“竞答”也找：答题" in terms_lines(service.ask("竞答").terms, "竞答")
    assert all("答题" in place_lines(excerpt)[0] for excerpt in answer.excerpts)
    with pytest.raises(UsageError):
        service.set_word_tables(synonyms="一个")
    assert service.word_tables()[1] == "竞答、答题"  # a bad table changes nothing
