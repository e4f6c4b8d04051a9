"""Runs on the served path: three kinds of input, resuming, bad rows, comparison, report."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest

from rag.config import ANSWER_SETTINGS, OTHER_SETTINGS, ROOT, Settings
from rag.errors import EvaluationError
from rag.evaluation.measures import comparison
from rag.evaluation.measures.evaluate import evaluate_beir, evaluate_gold
from rag.evaluation.measures.indexing import collection_service
from rag.evaluation.measures.runner import ANSWERS, state_of
from rag.evaluation.reports import exports, saved
from rag.evaluation.reports.report import page, write_report
from rag.evaluation.reports.views import pieces
from rag.evaluation.sets.beir import documents, read_collection
from rag.evaluation.sets.excel import read_workbook
from rag.evaluation.sets.library import library_of
from rag.evaluation.sets.records import Shown
from rag.evaluation.sets.sheets import HEADINGS, template_bytes, write_sheet
from rag.evaluation.sets.testset import read_gold
from rag.service import Service
from tests.conftest import SEEDS, ToyEmbedder

DOC = "001_4310a0096f66f682.txt"
TEXT = (SEEDS / DOC).read_bytes().decode("utf-8")
SENTENCES = [line.strip() for line in TEXT.splitlines() if 60 < len(line.strip()) < 400]
TOY = [
    sys.executable, "-c",
    "import rag.service; from tests.conftest import ToyEmbedder; "
    "rag.service.load_embedder = lambda settings: ToyEmbedder(); from rag.cli import main; main()",
]  # fmt: skip


def command(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"} | environment
    return subprocess.run([*TOY, *map(str, arguments)], capture_output=True, text=True, env=env, cwd=ROOT, timeout=120)


@pytest.fixture(scope="module")
def gold(tmp_path_factory) -> Path:
    quotes = [TEXT[at * 300 : at * 300 + 40] for at in range(8)]
    rows: list[dict] = [
        {"id": f"q{at}", "question": quote, "type": ("how", "fact")[at % 2], "evidence": [{"doc": DOC, "quote": quote}]}
        for at, quote in enumerate(quotes)
    ]
    rows.append({"id": "n", "question": "红烧肉怎么做？", "type": "fact", "answerable": False, "note": "off-topic"})
    path = tmp_path_factory.mktemp("gold") / "gold.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def beir(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("beir") / "tiny"
    (folder / "qrels").mkdir(parents=True)
    texts = ["苹果是水果，长在树上。", "工会是职工的群众组织。", "火车从北京开往上海，要四小时。", "苹果公司生产电话。"]
    rows = [json.dumps({"_id": f"d{at}", "title": "", "text": text}) for at, text in enumerate(texts)]
    (folder / "corpus.jsonl").write_text("\n".join(rows), encoding="utf-8")
    asked = {"q1": "工会是什么组织", "q2": "北京到上海的火车要多久", "q3": "苹果长在哪里"}
    lines = [json.dumps({"_id": key, "text": text}, ensure_ascii=False) for key, text in asked.items()]
    (folder / "queries.jsonl").write_text("\n".join(lines), encoding="utf-8")
    judged = "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t1\nq3\td0\t2\n"
    (folder / "qrels" / "test.tsv").write_text(judged, encoding="utf-8")
    return folder


@pytest.fixture
def beir_service(beir, tmp_path) -> Service:
    return collection_service(Settings(index=tmp_path / "index"), beir, embedder=ToyEmbedder())


# -- resuming ------------------------------------------------------------


class Stop(Exception):
    """An interruption in the middle of a run."""


def test_an_interrupted_run_goes_on_and_gives_the_same_bytes(toy_service, gold, tmp_path):
    test_set = read_gold(gold, library_of(toy_service))
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    write_report(evaluate_gold(toy_service, test_set, whole / ANSWERS), None, whole)

    def interrupt(done: int, total: int) -> None:
        if done == 4:
            raise Stop

    with pytest.raises(Stop):
        evaluate_gold(toy_service, test_set, broken / ANSWERS, progress=interrupt)
    kept = (broken / ANSWERS).read_text(encoding="utf-8").splitlines()
    assert len(kept) == 4
    with (broken / ANSWERS).open("a", encoding="utf-8") as file:
        file.write('{"id": "q4", "key": "cut sho')  # the process died while writing

    asked = []
    original = Service.ask

    def counted(self, question, *rest):
        asked.append(question)
        return original(self, question, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Service, "ask", counted)
        write_report(evaluate_gold(toy_service, test_set, broken / ANSWERS), None, broken)
    assert len(asked) == len(test_set.questions) - 4
    assert (broken / ANSWERS).read_text(encoding="utf-8").splitlines()[:4] == kept
    for name in ("figures.json", "run.trec", "problems.txt"):
        assert (broken / name).read_bytes() == (whole / name).read_bytes()


def test_answers_of_another_index_or_setting_are_asked_anew(make_service, gold, tmp_path):
    service = make_service()
    service.ingest([SEEDS], mirror=True)
    store = tmp_path / "report" / ANSWERS
    test_set = read_gold(gold, library_of(service))
    evaluate_gold(service, test_set, store)
    keys = [json.loads(line)["key"] for line in store.read_text(encoding="utf-8").splitlines()]
    extra = tmp_path / "新.txt"
    extra.write_text("食堂十一点半开饭。", encoding="utf-8")
    service.ingest([extra])
    evaluate_gold(service, test_set, store)
    lines = [json.loads(line) for line in store.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == len(keys) and not {line["key"] for line in lines} & set(keys)
    other = Service(service.settings.model_copy(update={"lexical_weight": 0.9}), ToyEmbedder())
    evaluate_gold(other, test_set, store)
    again = {json.loads(line)["key"] for line in store.read_text(encoding="utf-8").splitlines()}
    assert not again & {line["key"] for line in lines}


OTHER_VALUES = {
    "log_level": "warning", "log_questions": True, "port": 9999, "host": "0.0.0.0", "batch_size": 7, "rate_limit": "7/hour",
    "queue_max": 7, "rerank_people": 7, "editors": ("王五",), "collections": {"*": ["x"]}, "mcp": True, "ocr": False,
    "session_hours": 7, "corpus": Path("elsewhere"), "token_secret_file": Path("key"), "portals": ("https://a.example",),
}  # fmt: skip
ANSWER_VALUES = {
    "top_k": 3, "lexical_weight": 0.9, "candidates": 50, "rerank_candidates": 0, "latency_budget_ms": 1.0, "question_max": 99,
}  # fmt: skip


def test_every_setting_is_said_to_change_answers_or_not():
    assert frozenset(Settings.model_fields) == ANSWER_SETTINGS | OTHER_SETTINGS
    assert not ANSWER_SETTINGS & OTHER_SETTINGS


def test_a_setting_that_changes_no_answer_asks_nothing_again(make_service, gold, tmp_path):
    service = make_service()
    service.ingest([SEEDS], mirror=True)
    store, test_set = tmp_path / "report" / ANSWERS, read_gold(gold, library_of(service))
    evaluate_gold(service, test_set, store)
    before = store.read_bytes()
    other = Service(service.settings.model_copy(update=OTHER_VALUES), ToyEmbedder())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Service, "ask", lambda *given: pytest.fail("a question was asked again"))
        evaluate_gold(other, test_set, store)
    assert store.read_bytes() == before


@pytest.mark.parametrize("name", ANSWER_VALUES)
def test_a_setting_that_may_change_answers_is_part_of_a_runs_identity(make_service, name):
    service = make_service()
    service.ingest([SEEDS / DOC], mirror=True)
    other = Service(service.settings.model_copy(update={name: ANSWER_VALUES[name]}), ToyEmbedder())
    assert state_of(other, "ask") != state_of(service, "ask")


# -- BEIR folders ------------------------------------------------------------


def test_a_beir_folder_is_indexed_once_and_scored(beir, beir_service, tmp_path):
    found = evaluate_beir(beir_service, read_collection(beir))
    assert found.ranking.queries == 3 and found.ranking.means["Success@5"] == 1
    assert found.index.documents == 4
    toy = ToyEmbedder()
    collection_service(beir_service.settings, beir, index=beir_service.settings.index, embedder=toy)
    assert not toy.encoded
    html = page(found, None, lambda doc_id: "苹果是一种水果")
    assert "nDCG@10" in html and "苹果是一种水果" in html


def test_an_index_with_other_documents_is_left_alone(beir, make_service):
    service = make_service()
    service.ingest([SEEDS], mirror=True)
    with pytest.raises(EvaluationError, match="没有动它"):
        collection_service(service.settings, beir, index=service.settings.index, embedder=ToyEmbedder())
    assert len(service.documents()) == 5


def test_bad_rows_of_a_beir_folder_are_named_and_the_rest_runs(beir, tmp_path):
    import shutil

    folder = tmp_path / "bad"
    shutil.copytree(beir, folder)
    with (folder / "queries.jsonl").open("ab") as file:
        file.write('\n{"_id": "q1", "text": "重复"}\n{"_id": "q9"}\n[1]\n{oops\n'.encode())
        file.write("坏编码\n".encode("gbk"))
    with (folder / "qrels" / "test.tsv").open("a") as file:
        file.write("q2\td3\tmany\nq2\tnowhere\t1\nq77\td1\t1\nq2 d1\n")
    found = read_collection(folder)
    said = "\n".join(map(str, found.problems))
    for part in (
        "queries.jsonl 第 4 行“_id”：编号 q1 重复", "第 5 行“text”", "第 6 行", "第 7 行", "第 8 行：不是 UTF-8",
        "test.tsv 第 5 行“score”：判定分应为整数，实为“many”", "nowhere", "q77", "第 8 行：应有 3 列",
    ):  # fmt: skip
        assert part in said, part
    assert set(found.qrels) == {"q1", "q2", "q3"}
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n")
    with pytest.raises(EvaluationError, match="没有一行可用的判定"):
        read_collection(folder)


# -- gold files ------------------------------------------------------------


def test_bad_gold_rows_are_named_and_the_good_ones_run(toy_service, tmp_path):
    quote = TEXT[300:340]
    wrong = quote[:10] + "错" + quote[11:]
    rows = [
        {"id": "a", "question": "好的一行", "evidence": [{"doc": DOC, "quote": quote}]},
        {"id": "a", "question": "重复", "evidence": [{"doc": DOC, "quote": quote}]},
        {"id": "b", "question": "错字", "evidence": [{"doc": DOC, "quote": wrong}]},
        {"id": "c", "question": "无此文档", "evidence": [{"doc": "001_4310a0096f66f683.txt", "quote": quote}]},
        {"id": "d", "question": "", "answerable": False},
        {"id": "e", "question": "字符串", "answerable": "false"},
        {"id": "f", "question": "没有出处", "answerable": True},
        {"id": "g", "question": "形状", "evidence": "x"},
        {"id": "h", "question": "工" * 5000, "answerable": False},
    ]
    path = tmp_path / "gold.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    test_set = read_gold(path, library_of(toy_service))
    assert [question.question_id for question in test_set.questions] == ["a", "h"]
    said = "\n".join(map(str, test_set.problems))
    assert "第 2 行“id”：编号 a 重复" in said
    assert "第 3 行“evidence”" in said and quote[12:20] in said  # the nearest text
    assert "第 4 行“evidence”：索引中没有文档" in said and f"最接近的是“{DOC}”" in said
    for part in ("第 5 行“question”", "第 6 行“answerable”", "第 7 行“evidence”", "第 8 行“evidence”"):
        assert part in said
    found = evaluate_gold(toy_service, test_set)
    assert len(found.outcomes) == 1 and "太长" in str(found.problems[-1])


@pytest.mark.slow
def test_a_hundred_thousand_rows_are_read_in_seconds(toy_service, tmp_path):
    path = tmp_path / "many.jsonl"
    good = json.dumps({"id": "good", "question": "工会", "evidence": [{"doc": DOC, "quote": TEXT[300:340]}]})
    path.write_text("".join(f'{{"id": "r{at}", "question": 7}}\n' for at in range(100_000)) + good, encoding="utf-8")
    test_set = read_gold(path, library_of(toy_service))
    assert len(test_set.problems) == 100_000 and len(test_set.questions) == 1 and test_set.rows == 100_001


# -- Excel ------------------------------------------------------------


def workbook(rows: list[list[object]], headings=HEADINGS, title_rows: int = 0) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    for _ in range(title_rows):
        sheet.append(["市总工会评测题"])
    sheet.append(list(headings))
    for row in rows:
        sheet.append(row)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def test_the_template_can_be_read_back_and_offers_the_kinds_of_no_answer(toy_service):
    sheet = openpyxl.load_workbook(io.BytesIO(template_bytes())).worksheets[0]
    assert tuple(cell.value for cell in sheet[1]) == HEADINGS == ("问题", "期望文档", "期望原文", "备注", "无答案")
    (choice,) = sheet.data_validations.dataValidation
    assert choice.formula1 == '"无关,相近,提到而未说明"' and str(choice.sqref).startswith("E2:")
    quote = SENTENCES[0]
    test_set = read_workbook(template_bytes([("问", DOC, quote, "")]), "t.xlsx", library_of(toy_service))
    start = TEXT.index(quote)
    assert test_set.questions[0].evidence[0].spans == ((start, start + len(quote)),)


def test_a_filled_sheet_is_read_as_people_fill_it(toy_service):
    first, second = SENTENCES[0][:30], SENTENCES[1][:30]
    data = workbook([
        ["两处都要", DOC, f"{first}\n{second}", ""],
        ["不填文档", None, SENTENCES[2][:50] + "\n  ", None],
        ["无答案的", None, None, "无答案 无关"],
        ["只问不评", None, None, None],
        [None, None, None, None],
        [12, DOC, None, None],
        ["错的", DOC, "语料里没有的一句话，谁也没写过", None],
        ["矛盾", DOC, first, "无答案"],
        [None, DOC, first, None],
        ["无此文档", "没有.docx", first, None],
    ], title_rows=1)  # fmt: skip
    found = read_workbook(data, "题.xlsx", library_of(toy_service))
    by_text = {question.text: question for question in found.questions}
    assert len(by_text["两处都要"].evidence) == 2
    assert by_text["不填文档"].evidence[0].doc_id == DOC
    assert by_text["无答案的"].answerable is False and by_text["无答案的"].kind == "off-topic"
    assert by_text["只问不评"].answerable is None
    assert by_text["12"].evidence[0].quote == ""
    said = "\n".join(map(str, found.problems))
    assert "题.xlsx 第 9 行“期望原文”" in said and "第 10 行“备注”" in said
    assert "第 11 行“问题”" in said and "第 12 行“期望文档”：索引中没有文档“没有.docx”" in said


def test_the_kind_of_an_unanswerable_row_of_a_sheet_is_its_column_or_how_the_note_begins(toy_service):
    headings = ["问题", "备注", "无答案"]
    rows = [
        ["甲", None, "无关", "off-topic"], ["乙", None, "相近", "near-domain"], ["丙", None, "提到而未说明", "hard"],
        ["丁", "无答案", None, "near-domain"], ["戊", "无答案 无关", None, "off-topic"],
        ["己", "没有答案，提到而未说明", None, "hard"], ["庚", "无答案 未提及", None, "hard"],
        ["辛", "near-domain; hard: masked", None, "hard"], ["壬", "无答案，与无关的那份也无关", "相近", "near-domain"],
        ["癸", "这一题说不定无答案", None, None], ["子", None, "打码", "bad"],
    ]  # fmt: skip
    found = read_workbook(workbook([row[:3] for row in rows], headings), "题.xlsx", library_of(toy_service))
    kinds = {question.text: question.kind if question.answerable is False else None for question in found.questions}
    assert kinds == {row[0]: row[3] for row in rows if row[3] != "bad"}
    assert "第 12 行“无答案”：应为 无关、相近、提到而未说明 之一，实为“打码”" in "\n".join(map(str, found.problems))


def test_the_kind_of_an_unanswerable_line_is_its_field_or_how_the_note_begins(toy_service, tmp_path):
    lines = [
        ({"kind": "off-topic", "note": "near-domain"}, "off-topic"), ({"kind": "hard"}, "hard"),
        ({"note": "near-domain; hard: the number is masked"}, "hard"), ({"note": "off-topic"}, "off-topic"),
        ({"note": "near-domain; 题面提到打码、未提及、无关"}, "near-domain"), ({"note": "a hard one, off-topic"}, "near-domain"),
        ({}, "near-domain"),
    ]  # fmt: skip
    path = tmp_path / "gold.jsonl"
    rows = [{"id": str(at), "question": "问", "answerable": False} | own for at, (own, _) in enumerate(lines)]
    rows += [{"id": "bad", "question": "问", "answerable": False, "kind": "打码"}]
    rows += [{"id": "open", "question": "问", "kind": "something of their own"}]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    found = read_gold(path, library_of(toy_service))
    assert [own.kind for own in found.questions] == [*(kind for _, kind in lines), ""]
    assert [(problem.row, problem.column) for problem in found.problems] == [(len(lines) + 1, "kind")]


def test_missing_columns_are_named_and_the_rows_still_run(toy_service):
    found = read_workbook(workbook([["工会"]], ["问题"]), "题.xlsx", library_of(toy_service))
    assert len(found.questions) == 1 and found.questions[0].answerable is None
    assert str(found.problems[0]) == "题.xlsx 第 1 行“期望文档、期望原文、备注”：缺少这些列，按没有填计"


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04rubbish", "问题,期望文档".encode(), workbook([["x"]], ["题目"])])
def test_a_sheet_that_cannot_be_used_is_one_sentence(toy_service, data):
    with pytest.raises(EvaluationError, match=r"题\.xlsx"):
        read_workbook(data, "题.xlsx", library_of(toy_service))


def test_text_never_becomes_a_formula():
    book = openpyxl.Workbook(write_only=True)
    write_sheet(book.create_sheet("x"), ["问题"], [['=HYPERLINK("http://evil")'], ["\x00\ud800坏"], ["长" * 40_000]])
    target = io.BytesIO()
    book.save(target)
    cells = [row[0] for row in openpyxl.load_workbook(io.BytesIO(target.getvalue())).worksheets[0].iter_rows(min_row=2)]
    assert cells[0].data_type == "s" and cells[0].value.startswith("=") and len(cells[2].value) == 32_767
    assert "'=cmd" in exports.csv_text(iter([["=cmd|' /C calc'!A0"]]))


# -- comparison and report ------------------------------------------------------------


def test_comparison_by_hand_and_by_chance():
    ours = {f"q{at}": float(at % 4 != 0) for at in range(200)}
    theirs = {f"q{at}": float(at % 2) for at in range(200)}
    found = comparison.compare("hit@1", ours, theirs)
    assert (found.wins, found.ties, found.losses) == (50, 150, 0)
    assert found.difference == pytest.approx(0.25) and found.p < 0.001 and 0.18 < found.low < 0.25 < found.high < 0.32
    same = comparison.compare("hit@1", ours, ours)
    assert (same.p, same.low, same.high, same.ties) == (1.0, 0.0, 0.0, 200)
    assert comparison.compare("hit@1", ours, {}).questions == 0
    # 4 questions all better: of the 16 sign flips two are as extreme
    few = comparison.compare("x", dict.fromkeys("abcd", 1.0), dict.fromkeys("abcd", 0.0))
    assert few.p == pytest.approx(2 / 16)
    assert comparison.compare("hit@1", ours, theirs) == found  # a fixed seed
    changes = comparison.changed({"a": 1.0, "b": 0.0, "c": 0.5}, {"a": 0.5, "b": 1.0, "c": 0.5})
    assert [change.question_id for change in changes] == ["b", "a"]


def test_an_excerpt_is_cut_where_the_quote_and_the_highlight_begin():
    shown = Shown("d", 100, 110, "零一二三四五六七八九", highlights=((98, 103),))
    found = pieces(shown, [(102, 105)])
    assert [(piece.text, piece.expected, piece.evidence) for piece in found] == [
        ("零一", False, True), ("二", True, True), ("三四", True, False), ("五六七八九", False, False),
    ]  # fmt: skip


def test_the_report_is_inert_and_needs_nothing(make_service, tmp_path):
    evil = '<script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}]]>&#x27;" \u202e反 \x07'
    service = make_service()
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "<b>恶意&.txt").write_text(f"工会经费的使用办法。{evil}工会经费应当公开。", encoding="utf-8")
    service.ingest([corpus], mirror=True)
    gold = tmp_path / "gold.jsonl"
    row = {"id": "<i>1", "question": f"工会经费 {evil}", "type": "<u>t", "note": "</style>",
           "evidence": [{"doc": "<b>恶意&.txt", "quote": "工会经费应当公开"}]}  # fmt: skip
    gold.write_text(json.dumps(row, ensure_ascii=False) + "\n{bad <s>\n", encoding="utf-8")
    found = evaluate_gold(service, read_gold(gold, library_of(service)))
    html = page(found, comparison.compared(found, found))
    assert html.count("</style>") == 1 and "@import" not in html and "url(" not in html
    for part in ("<script", "<img", "<b>恶意", "<i>1", "<u>t", "http://", "https://"):
        assert part not in html, part
    assert "\x07" not in html and "{{ 7*7 }}" in html and "default-src 'none'" in html
    assert "<mark>" in html


# -- the command line ------------------------------------------------------------


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("eval") / "index"
    assert command("index", SEEDS, "--index", folder).returncode == 0
    return folder


@pytest.mark.slow
def test_eval_writes_the_report_and_compares(index, gold, tmp_path):
    report = tmp_path / "report"
    done = command("eval", gold, "--index", index, "--report", report, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["questions"]["asked"] == 9 and found["spans"]["questions"] == 8
    assert json.loads((report / "figures.json").read_text(encoding="utf-8"))["spans"] == found["spans"]
    names = {path.name for path in report.iterdir()}
    assert names >= {"report.html", "figures.json", "latency.json", "questions.csv", "questions.xlsx", "run.trec"}
    again = command("eval", gold, "--index", index, "--run", report, "--baseline", report, "--json")
    compared = json.loads(again.stdout)
    assert compared["spans"] == found["spans"]
    assert all(own["p"] == 1 and own["wins"] == own["losses"] == 0 for own in compared["comparison"])
    batch = tmp_path / "batch.jsonl"
    assert command("ask", "--batch", gold, "--out", batch, "--index", index).returncode == 0
    scored = json.loads(command("eval", gold, "--index", index, "--run", batch, "--json").stdout)
    assert scored["spans"] == found["spans"] and scored["refusal"] == found["refusal"]


@pytest.mark.slow
def test_eval_on_a_beir_folder_keeps_its_own_index(beir, tmp_path):
    done = command("eval", beir, "--json", "--report", tmp_path / "r", YUANWEN_INDEX=str(tmp_path / "index"))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["documents"]["queries"] == 3 and found["documents"]["Success@5"] == 1
    assert not (tmp_path / "index").exists() and list((tmp_path / "eval").glob("tiny-*/catalog.sqlite3"))
    table = command("eval", beir, "--run", tmp_path / "r" / "run.trec", "--baseline", tmp_path / "r", "--limit", 2)
    assert table.returncode == 0 and "nDCG@10" in table.stdout and "2 题" in table.stdout


@pytest.mark.slow
def test_eval_fails_with_one_line_only_when_nothing_can_run(index, beir, tmp_path):
    empty = tmp_path / "empty.jsonl"
    empty.write_text("", encoding="utf-8")
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_bytes('{"id": 1, "question": "工会"}'.encode("utf-16"))
    plain = tmp_path / "x.csv"
    plain.write_text("问题", encoding="utf-8")
    gone = tmp_path / "gone"
    for data, part in ((empty, "空"), (wrong, "UTF-8"), (plain, "BEIR"), (gone, "gone"), (tmp_path, "corpus")):
        done = command("eval", data, "--index", index)
        assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
        assert len(done.stderr.strip().splitlines()) == 1 and part in done.stderr
    partly = tmp_path / "partly.jsonl"
    partly.write_text('{broken\n{"id": 1, "question": "工会"}\n', encoding="utf-8")
    done = command("eval", partly, "--index", index)
    assert done.returncode == 0 and "第 1 行" in done.stderr
    done = command("eval", partly, "--index", index, "--report", plain)
    assert done.returncode == 1 and "Traceback" not in done.stderr and "写不了" in done.stderr
    assert command("eval").returncode == 2


def test_a_report_folder_is_scored_again_as_it_was_even_when_documents_change(make_service, gold, tmp_path):
    service = make_service()
    service.ingest([SEEDS], mirror=True)
    before = evaluate_gold(service, read_gold(gold, library_of(service)), tmp_path / ANSWERS)
    write_report(before, None, tmp_path)
    changed = tmp_path / "seeds" / DOC
    changed.parent.mkdir()
    changed.write_text("前面加了一段话。\n\n" + TEXT, encoding="utf-8")  # every place moves
    service.ingest([changed])
    assert saved.read_report(tmp_path) == before
    now = evaluate_gold(service, read_gold(gold, library_of(service)))
    both = comparison.compared(now, saved.read_report(tmp_path))
    assert {own.measure: own.questions for own in both.table}["hit@5"] == 8
    other = replace(before, texts={key: f"{text}？" for key, text in before.texts.items()})
    assert not comparison.compared(now, other).table  # the same ids, other questions


def test_a_report_folder_of_version_0_1_is_still_read(toy_service, gold, tmp_path):
    before = evaluate_gold(toy_service, read_gold(gold, library_of(toy_service)), tmp_path / ANSWERS)
    write_report(before, None, tmp_path)
    kept = json.loads((tmp_path / saved.KEPT).read_text(encoding="utf-8"))
    for question in kept["test_set"]["questions"]:
        question["kind"] = question.pop("type")
    (tmp_path / saved.KEPT).write_text(json.dumps(kept), encoding="utf-8")
    assert saved.read_report(tmp_path) == before


def test_a_beir_report_shows_the_passages_found(beir, beir_service, tmp_path):
    found = evaluate_beir(beir_service, read_collection(beir), tmp_path / ANSWERS)
    assert found.found_spans["q2"]["d2"] == (0, len("火车从北京开往上海，要四小时。"))
    write_report(found, None, tmp_path)
    assert saved.read_report(tmp_path) == found
    texts = {document.doc_id: document.text for document in documents(beir)}
    html = page(found, None, texts.__getitem__)
    assert "d2 第 1–15 字" in html and "火车从北京开往上海，要四小时。" in html


def test_a_run_never_mixes_two_indexes(make_service, gold, tmp_path):
    service = make_service()
    service.ingest([SEEDS], mirror=True)
    test_set = read_gold(gold, library_of(service))
    extra = tmp_path / "新.txt"
    extra.write_text("食堂十一点半开饭。", encoding="utf-8")

    def change(done: int, total: int) -> None:
        if done == 3:
            service.ingest([extra])

    with pytest.raises(EvaluationError, match="有了变动"):
        evaluate_gold(service, test_set, tmp_path / ANSWERS, progress=change)
    evaluate_gold(service, test_set, tmp_path / ANSWERS)
    lines = [json.loads(line) for line in (tmp_path / ANSWERS).read_text(encoding="utf-8").splitlines()]
    assert {line["generation"] for line in lines} == {service.catalog.generation} and len(lines) == 9
