"""The façade: exact citations, honest refusal, one truth, same path, no mixing."""

from __future__ import annotations

import json
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.cli.doctor import examine
from rag.config import ROOT
from rag.errors import CorpusError, IndexMismatch, IndexUnusable, NotFoundError, QuestionError, UsageError
from rag.search.answering import to_json
from rag.search.query import check_question
from tests.conftest import SEEDS, ToyEmbedder

OWN_QUESTIONS = [
    "四同步四衔接指的是什么？", "工会的最高政治原则是什么？", "专题学习了多少次？", "怎样切实转变工会工作作风？",
    "八个对标", "社會財富的創造者", "宣讲组分赴多少个省？", "What is the union's role?", "职工", "大国工匠",
]  # fmt: skip
DEV = ROOT.parent / "shared" / "eval" / "seeds-dev.jsonl"


def questions() -> list[str]:
    """Our own questions, and the development set where it lies beside the project (as it does in CI)."""
    rows = DEV.read_text(encoding="utf-8").splitlines() if DEV.is_file() else []
    return OWN_QUESTIONS + [json.loads(row)["question"] for row in rows]


def source(doc_id: str) -> str:
    return (SEEDS / doc_id).read_bytes().decode("utf-8")


def check_answer(answer, service) -> None:
    found = to_json(answer)
    assert found["answerable"] == bool(found["excerpts"])
    assert [excerpt["marker"] for excerpt in found["excerpts"]] == list(range(1, len(found["excerpts"]) + 1))
    for excerpt in found["excerpts"]:
        text = source(excerpt["doc"])
        assert text[excerpt["start"] : excerpt["end"]] == excerpt["text"]
        for start, end in excerpt["highlights"]:
            assert excerpt["start"] <= start < end <= excerpt["end"]
        before = text[: excerpt["start"]].rstrip()
        assert (
            not before
            or before[-1] in "。！？；：…!?;”’》）)】"
            or "\n" in text[len(before) : excerpt["start"]]
            or any(removal.end == len(before) for removal in service.document(excerpt["doc"]).removals)
        )


@pytest.mark.model
def test_every_excerpt_of_every_answer_is_the_source(model_service):
    answered = [model_service.ask(question) for question in questions()]
    for answer in answered:
        check_answer(answer, model_service)
    assert sum(answer.answerable for answer in answered) > len(answered) / 2


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=80))
def test_any_question_gets_exact_excerpts_or_a_sentence(toy_service, question):
    try:
        check_answer(toy_service.ask(question), toy_service)
    except QuestionError as error:
        assert error.code in {"question-blank", "question-too-long"}


@pytest.mark.model
def test_the_first_question_of_the_house(model_service):
    answer = model_service.ask("四同步四衔接指的是什么？")
    first = answer.excerpts[0]
    assert first.doc_id.startswith("001") and "同步部署推进、同步配置力量" in first.text
    shown = "".join(first.text[a - first.start : b - first.start] for a, b in first.highlights)
    assert "组织建设相衔接" in shown


@pytest.mark.model
def test_foreign_questions_are_refused(model_service):
    for question in ("红烧肉怎么做？", "地球到火星有多远？", "怎样给自行车补胎？"):
        answer = model_service.ask(question)
        assert not answer.answerable and answer.excerpts == ()


@pytest.mark.parametrize("question", ["", "   ", "\n\t", "？？！", "\x00\x01"])
def test_blank_questions_are_named(toy_service, question):
    with pytest.raises(QuestionError) as caught:
        toy_service.ask(question)
    assert caught.value.code == "question-blank"


def test_a_hundred_thousand_characters_are_too_many(toy_service):
    with pytest.raises(QuestionError, match="最多 2000 字"):
        toy_service.ask("工" * 100_000)


def test_control_characters_are_read_as_blanks():
    assert check_question("四同步\x00\u2028四衔接\x1b", 100) == "四同步 四衔接"


def test_a_document_filter_holds(toy_service):
    answered = 0
    for question in OWN_QUESTIONS:
        hits = toy_service.search_passages(question, documents=["002_*"])
        assert {hit.passage.doc_id[:3] for hit in hits} == {"002"}
        answer = toy_service.ask(question, documents=["002_*"])
        if answer.answerable:
            answered += 1
            assert {excerpt.doc_id[:3] for excerpt in answer.excerpts} == {"002"}
    assert answered > 1
    assert toy_service.ask("工会", documents=["nothing*"]).excerpts == ()


def test_search_ranks_documents_once(toy_service):
    found = toy_service.search("工会工作", top_k=10)
    assert len({item.doc_id for item in found}) == len(found) == 5
    assert [item.rank for item in found] == [1, 2, 3, 4, 5]
    assert [item.score for item in found] == sorted((item.score for item in found), reverse=True)


def test_deleted_documents_never_answer(make_service, tmp_path):
    service = make_service()
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "a.txt").write_text("工会主席由代表大会选举产生。", encoding="utf-8")
    (folder / "b.txt").write_text("食堂每天中午十一点半开饭。", encoding="utf-8")
    service.ingest([folder])
    other = make_service()  # another process's view of the same index
    assert {hit.passage.doc_id for hit in other.search_passages("食堂几点开饭")} == {"a.txt", "b.txt"}
    service.remove(["b.txt"])
    assert {hit.passage.doc_id for hit in other.search_passages("食堂几点开饭")} == {"a.txt"}
    with pytest.raises(NotFoundError):
        other.document("b.txt")
    assert len(service.catalog.vectors()) == len(
        {k for e in service.catalog.entries() for k in [e.key, *(w.key for w in e.windows)]}
    )


def test_removing_an_unknown_document_removes_none(make_service):
    service = make_service()
    service.ingest([SEEDS])
    with pytest.raises(NotFoundError):
        service.remove(["000_c0928ab3b1901642.txt", "nope.txt"])
    assert len(service.documents()) == 5


def test_unchanged_files_are_not_encoded_again(make_service, tmp_path):
    corpus = tmp_path / "corpus"
    shutil.copytree(SEEDS, corpus)
    embedder = ToyEmbedder()
    service = make_service(embedder)
    service.ingest([corpus], mirror=True)
    embedder.encoded.clear()
    report = service.ingest([corpus], mirror=True)
    assert not embedder.encoded and len(report.unchanged) == 5
    path = next(corpus.glob("004*"))
    path.write_bytes(path.read_bytes() + "新加的一句话。".encode())
    service.ingest([corpus], mirror=True)
    assert 0 < len(embedder.encoded) < 20


def test_a_bad_file_among_good_ones_loses_nothing(make_service, tmp_path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "good.txt").write_text("工会是职工之家。", encoding="utf-8")
    service = make_service()
    service.ingest([corpus], mirror=True)
    (corpus / "good.txt").write_bytes(b"\x00\xff\xfe\x00junk\x00" * 50)
    (corpus / "other.txt").write_text("食堂十一点半开饭。", encoding="utf-8")
    report = service.ingest([corpus], mirror=True)
    assert [line.doc_id for line in report.lines if line.error] == ["good.txt"]
    assert service.document("good.txt").document.text == "工会是职工之家。"  # the readable version stays
    assert service.search("食堂")[0].doc_id == "other.txt"


def test_nothing_readable_is_an_error_and_keeps_the_index(make_service, tmp_path):
    service = make_service()
    service.ingest([SEEDS], mirror=True)
    bad = tmp_path / "bad"
    bad.mkdir()
    with pytest.raises(CorpusError):
        service.ingest([bad], mirror=True)
    (bad / "x.txt").write_bytes(b"")
    with pytest.raises(CorpusError):
        service.ingest([bad], mirror=True)
    with pytest.raises(CorpusError):
        service.ingest([tmp_path / "missing"], mirror=True)
    assert len(service.documents()) == 5


def test_same_words_are_shown_once_and_named_elsewhere(make_service, tmp_path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for name in ("甲.txt", "乙 份.txt"):
        (corpus / name).write_text("困难职工可以申请生活救助，由基层工会初审。", encoding="utf-8")
    (corpus / "丙.txt").write_text("食堂十一点半开饭，周末不供应晚饭。", encoding="utf-8")
    service = make_service()
    service.ingest([corpus])
    hits = service.search_passages("困难职工 申请 救助")
    assert len(hits) == 2
    answer = service.ask("困难职工可以申请生活救助")
    assert answer.answerable and len(answer.excerpts[0].also_in) == 1


def test_another_model_is_refused_by_name(make_service):
    make_service(ToyEmbedder("toy@1")).ingest([SEEDS])
    with pytest.raises(IndexMismatch, match="模型"):
        make_service(ToyEmbedder("toy@2")).ask("工会")
    with pytest.raises(IndexMismatch, match="段落长度"):
        make_service(ToyEmbedder("toy@1"), passage_size=120).ask("工会")
    rebuilt = make_service(ToyEmbedder("toy@2"))
    assert rebuilt.rebuild_if_other_make() and rebuilt.search("工会")
    assert not rebuilt.rebuild_if_other_make()


def test_an_empty_index_says_what_to_do(make_service):
    with pytest.raises(IndexUnusable, match="yuanwen index"):
        make_service().ask("工会")


@pytest.mark.parametrize("name", ["passages.faiss", "windows.faiss", "twins.json", "derived.json"])
@pytest.mark.parametrize("damage", ["cut", "flip", "gone"])
def test_damaged_derived_files_are_rebuilt(make_service, name, damage):
    service = make_service()
    service.ingest([SEEDS])
    expected = [hit.passage.passage_id for hit in service.search_passages("工会")]
    path = service.settings.index / name
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(data[: len(data) // 2] if damage == "cut" else data[:-1] + bytes([data[-1] ^ 255]))
    assert [hit.passage.passage_id for hit in make_service().search_passages("工会")] == expected


def test_a_damaged_database_is_named(make_service, tmp_path):
    folder = tmp_path / "index"
    folder.mkdir()
    (folder / "catalog.sqlite3").write_bytes(b"SQLite format 3\0" + b"garbage" * 1000)
    with pytest.raises(IndexUnusable, match="损坏"):
        make_service().ask("工会")


def test_text_spans_are_checked(toy_service):
    doc_id = toy_service.documents()[0].document.doc_id
    assert toy_service.text(doc_id, 0, 5) == source(doc_id)[:5]
    with pytest.raises(UsageError):
        toy_service.text(doc_id, 5, 2)


def test_doctor_finds_a_loose_quote(make_service):
    service = make_service()
    service.ingest([SEEDS])
    assert all(check.good for check in examine(service))
    import sqlite3

    with sqlite3.connect(service.settings.index / "catalog.sqlite3") as raw:
        raw.execute("UPDATE documents SET text = replace(text, '工会', '公会') WHERE doc_id LIKE '004%'")
    assert "引文精确 / exact" in [check.name for check in examine(make_service()) if not check.good]


def test_as_many_documents_as_asked_for_even_when_one_long_document_fills_the_top(make_service, tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    rule = (
        "工会经费的使用要公开，第{}项支出每季度由经费审查委员会审查一次，结果向全体会员公布，接受会员的监督和质询。\n\n"
    )
    (folder / "long.txt").write_text("".join(rule.format(at) * 4 for at in range(200)), encoding="utf-8")
    for at in range(8):
        (folder / f"short{at}.txt").write_text(f"第{at}号通知：食堂周{at}供应面食，请大家排队。", encoding="utf-8")
    service = make_service()
    service.ingest([folder])
    question = "工会经费的使用怎样公开"
    assert {hit.passage.doc_id for hit in service.search_passages(question, 5 * 4)} == {"long.txt"}
    found = service.search(question, 5)
    assert len({one.doc_id for one in found}) == 5 and found[0].doc_id == "long.txt"
    assert [one.rank for one in found] == [1, 2, 3, 4, 5]
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert len(service.search(question, 100)) == 9  # all there are
    assert [one.doc_id for one in service.search(question, 100, ["short[12].txt"])] in (
        ["short1.txt", "short2.txt"], ["short2.txt", "short1.txt"],
    )  # fmt: skip


def test_a_document_that_repeats_another_is_found_with_it(make_service, tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text("职工书屋每天早上八点开门，晚上九点关门，凭工会会员卡进入。", encoding="utf-8")
    service = make_service()
    service.ingest([folder])
    assert [one.doc_id for one in service.search("职工书屋几点开门", 10)] == ["a.txt", "b.txt"]
    assert [one.doc_id for one in service.search("职工书屋几点开门", 10, ["b*"])] == ["b.txt"]
