"""Drafting, tuning, the gate before publication, and the history of evaluations."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest

from rag.errors import EvaluationError
from rag.evaluation.desk import drafting, gate
from rag.evaluation.measures import tuning
from rag.evaluation.measures.evaluate import IndexState, evaluate_gold, score_gold
from rag.evaluation.reports.report import write_report
from rag.evaluation.sets import excel, sheets
from rag.evaluation.sets.library import library_of
from rag.evaluation.sets.records import Evidence, Question, Response, Shown, TestSet
from rag.search.query import check_question
from rag.service import Service
from tests.conftest import SEEDS, ToyEmbedder
from tests.evaluation.test_runs import command

DOC = "001_4310a0096f66f682.txt"
TEXT = (SEEDS / DOC).read_bytes().decode("utf-8")


def seeds_set(count: int) -> TestSet:
    """Questions that are stretches of a seed, each with itself as the quote."""
    spans = [(at * 60, at * 60 + 40) for at in range(count)]
    questions = [
        Question(f"q{a}", TEXT[a:b], "fact", True, (Evidence(DOC, TEXT[a:b], ((a, b),)),), row=at)
        for at, (a, b) in enumerate(spans, 1)
    ]
    return TestSet("seeds", tuple(questions), (), count)


# -- drafting ------------------------------------------------------------


def test_drafts_quote_the_source_exactly_and_once(toy_service):
    drafts = drafting.draft(toy_service, 30)
    assert len(drafts) >= 20 and len({own.question for own in drafts}) == len(drafts)
    assert len({own.doc_id for own in drafts[:5]}) >= 4  # spread over the documents
    for own in drafts:
        assert toy_service.text(own.doc_id).count(own.quote) == 1
        assert drafting.QUOTE_MIN <= len(own.quote) <= drafting.QUOTE_MAX


def test_definitions_and_lists_become_questions(make_service, tmp_path):
    file = tmp_path / "办法.txt"
    file.write_text(
        "第一条 本办法所称职工之家，是指工会为职工提供服务的固定场所和线上阵地。\n"
        "第二条 服务对象包括困难职工、农民工和新就业形态劳动者等各类职工群体。\n",
        encoding="utf-8",
    )
    service = make_service()
    service.ingest([file])
    assert [own.question for own in drafting.draft(service)][:2] == ["什么是职工之家？", "服务对象包括哪些？"]


def test_feedback_becomes_a_draft(toy_service):
    useful = drafting.from_feedback(toy_service, "问", [(DOC, 300, 340)], True, "谢谢")
    assert useful.quote == TEXT[300:340].strip() and useful.doc_id == DOC and "谢谢" in useful.origin
    missing = drafting.from_feedback(toy_service, "问", [(DOC, 300, 340)], False)
    assert (missing.doc_id, missing.quote) == ("", "")


@pytest.mark.parametrize(
    ("heading", "question"),
    [
        ("（一）加强职工文化建设", "怎样加强职工文化建设？"),
        ("二、工会经费的使用范围", "工会经费的使用范围是什么？"),
        ("第三条 申请人的权利", "申请人的权利有哪些？"),
        ("一、为什么要建家？", "为什么要建家？"),
        ("附件", ""),
        ("Appendix A", ""),
    ],
)
def test_headings_become_questions(heading, question):
    assert drafting.question_of(heading) == question


@pytest.mark.slow
def test_drafts_can_be_filled_in_and_run(toy_service, tmp_path):
    data = sheets.template_bytes(drafting.rows(drafting.draft(toy_service, 5)))
    test_set = excel.read_workbook(data, "草稿.xlsx", library_of(toy_service))
    assert len(test_set.questions) == 5 and not test_set.problems
    write_report(evaluate_gold(toy_service, test_set), None, tmp_path)
    assert openpyxl.load_workbook(tmp_path / "questions.xlsx")["题目"].max_row == 6


# -- tuning --------------------------------------------------------------


def test_tuning_scores_the_grid_and_validates_on_other_folds(toy_service):
    found = tuning.tune(toy_service, seeds_set(12), {"lexical_weight": (0.0, 0.25, 1.0)}, folds=3)
    assert {row.values["lexical_weight"] for row in found.rows} == {0.0, 0.25, 1.0}
    assert sum(row.current for row in found.rows) == 1
    assert found.best.mrr == max(row.mrr for row in found.rows) and found.validated.questions == 12
    again = tuning.tune(toy_service, seeds_set(12), {"lexical_weight": (0.0, 0.25, 1.0)}, folds=3)
    assert again == found


def test_the_depth_of_reading_is_tuned_with_the_model_itself(model_service):
    """The tuned service reads with the same model, though its embedder remembers questions."""
    found = tuning.tune(model_service, seeds_set(6), {"reader_candidates": (0, 10)}, folds=2)
    depths = {row.values["reader_candidates"]: row for row in found.rows}
    assert set(depths) == {0, 10} and depths[10].current
    twin = tuning.configured(Service(model_service.settings, tuning.remembering(model_service.embedder)), {})
    hits = twin.search_passages("工会干部怎样了解职工所思所想所盼？", 3)
    assert all("reader" in hit.stages for hit in hits)
    assert hits == model_service.search_passages("工会干部怎样了解职工所思所想所盼？", 3)


def test_without_a_reader_the_depth_of_reranking_is_tuned(model_service):
    plain = Service(model_service.settings.model_copy(update={"reader": ""}), model_service.embedder)
    twin = tuning.configured(Service(plain.settings, tuning.remembering(plain.embedder)), {"rerank_candidates": 20})
    hits = twin.search_passages("工会干部怎样了解职工所思所想所盼？", 3)
    assert all("rerank" in hit.stages for hit in hits)
    assert hits == plain.search_passages("工会干部怎样了解职工所思所想所盼？", 3)


def test_a_question_is_encoded_once_whatever_the_grid(make_service):
    class Counting(ToyEmbedder):
        def encode_queries(self, texts):
            asked.extend(texts)
            return super().encode_queries(texts)

    asked: list[str] = []
    service = make_service(Counting())
    service.ingest([SEEDS], mirror=True)
    whole = seeds_set(6)
    tuning.tune(service, whole, {"lexical_weight": (0.0, 0.25, 1.0)}, folds=2)
    assert all(asked.count(check_question(own.text, service.settings.question_max)) == 1 for own in whole.questions)


def test_cross_validation_never_looks_at_the_fold_it_scores():
    # Each of many configurations is perfect on one question only: choosing on the others gains nothing.
    questions = [f"q{at}" for at in range(20)]
    scores = [dict.fromkeys(questions, 0.5)] + [
        {question: 1.0 if question == lucky else 0.5 for question in questions} for lucky in questions
    ]
    found = tuning._cross_validated(scores, 0, 5)
    fold = {question: int(hashlib.sha256(question.encode()).hexdigest(), 16) % 5 for question in questions}
    assert set(found) == set(questions) and len(set(fold.values())) > 2
    assert set(found.values()) == {0.5}


def test_a_passage_size_gets_an_index_of_its_own(make_service):
    service = make_service()
    service.ingest([SEEDS], mirror=True)
    before = service.catalog.generation
    found = tuning.tune(service, seeds_set(6), {"passage_size": (250, 400)}, folds=2)
    assert len(found.rows) == 2 and service.catalog.generation == before
    assert (service.settings.index.parent / "eval" / ".gitignore").read_text() == "*\n"


def test_apply_keeps_the_other_lines_of_the_file(tmp_path):
    path = tmp_path / "yuanwen.toml"
    path.write_text("# 本机\nport = 8000\nlexical_weight = 0.3 # 旧\n", encoding="utf-8")
    tuning.apply({"lexical_weight": 0.4, "passage_size": 300}, path)
    assert tomllib.loads(path.read_text(encoding="utf-8")) == {"port": 8000, "lexical_weight": 0.4, "passage_size": 300}
    assert path.read_text(encoding="utf-8").count("# 本机") == 1
    with pytest.raises(EvaluationError):
        tuning.apply({"nonsense": 1}, path)
    path.write_text("port = = 1\n", encoding="utf-8")
    with pytest.raises(EvaluationError):
        tuning.apply({"top_k": 3}, path)
    assert path.read_text(encoding="utf-8") == "port = = 1\n"


def test_too_few_questions_are_refused(toy_service):
    with pytest.raises(EvaluationError, match="至少要 5 道"):
        tuning.tune(toy_service, seeds_set(3), {"lexical_weight": (0.25,)})


def test_what_was_reported_is_not_tuned_on(make_service, tmp_path):
    from rag.evaluation.desk import desk
    from rag.evaluation.desk.publishing import silently
    from rag.evaluation.desk.receiving import receive

    service = make_service()
    service.ingest([SEEDS], mirror=True)
    whole = seeds_set(8)
    rows = [{"question": own.text, "evidence": [{"doc": DOC, "quote": own.text}]} for own in whole.questions[:3]]
    receive(service, "报告.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    assert tuning.unreported(whole, desk.reported(service.settings.index)).questions == whole.questions
    desk.perform(service, desk.new_run(service.settings.index, "报告.jsonl").name, silently)
    kept = tuning.unreported(whole, desk.reported(service.settings.index))
    assert kept.questions == whole.questions[3:] and "不用来调参" in str(kept.problems[0]) and kept.problems[0].row == 1


@pytest.mark.slow
def test_the_command_prints_the_table_and_writes_nothing_unasked(toy_service, tmp_path):
    path = tmp_path / "题.jsonl"
    rows = [{"question": own.text, "evidence": [{"doc": DOC, "quote": own.text}]} for own in seeds_set(8).questions]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    toml = Path(tuning.TOML)
    before = toml.read_bytes() if toml.is_file() else None
    index = toy_service.settings.index
    done = command("tune", path, "--weights", "0,0.3", "--folds", 2, "--index", index, "--apply")
    assert done.returncode == 0, done.stderr
    assert "lexical_weight" in done.stdout and "交叉验证" in done.stdout and "当前" in done.stdout
    assert "没有可靠的改进，yuanwen.toml 没有改动" in done.stderr
    assert (toml.read_bytes() if toml.is_file() else None) == before
    for option, value in (("--weights", "0.3,2"), ("--sizes", "10"), ("--weights", "多")):
        done = command("tune", path, option, value, "--index", index)
        assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1, done.stderr


# -- the gate --------------------------------------------


def run_with(hits: int, count: int = 20):
    """A scored run in which the first `hits` questions hit."""
    answers = {}
    for at, question in enumerate(seeds_set(count).questions):
        (a, b), wrong = question.evidence[0].spans[0], (9000, 9010)
        start, end = (a, b) if at < hits else wrong
        answers[question.question_id] = Response(question.question_id, True, 0.9, (Shown(DOC, start, end),))
    return score_gold(seeds_set(count), answers, IndexState(1, 5, 100, ""))


def test_a_new_index_is_not_published_when_it_is_worse():
    assert gate.gate(run_with(18), run_with(18)).passed
    assert gate.gate(run_with(19), run_with(18)).passed
    worse = gate.gate(run_with(17), run_with(18))
    assert not worse.passed and "不予发布" in worse.reason and worse.comparison.losses == 1
    assert gate.gate(run_with(17), run_with(18), allowed=0.05).passed  # just the amount allowed
    empty = replace(run_with(1), outcomes=())
    assert not gate.gate(empty, empty).passed
