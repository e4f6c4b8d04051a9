"""What goes in: TREC files, and every kind of bad row, named by row and column while the good ones run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.errors import EvaluationError
from rag.evaluation.sets.beir import read_collection
from rag.evaluation.sets.library import library_of
from rag.evaluation.sets.testset import read_gold
from rag.evaluation.sets.trec import qrels_rows, read_run, read_topics
from tests.conftest import SEEDS
from tests.evaluation.test_runs import DOC, TEXT, command, workbook

TOPICS = """
<top>
<num> Number: 301
<title> 工会主席由谁选举
<desc> Description:
哪个会议选举工会主席？
<narr> Narrative:
写明会议名称的才算。
</top>

<top><num>302</num>
<title>四同步
四衔接</title></top>
"""


# -- TREC ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (TOPICS, {"301": "工会主席由谁选举", "302": "四同步 四衔接"}),
        ("<top>\n<num>1\n<title>Topic: 甲\n<top>\n<num>2\n<title>乙\n", {"1": "甲", "2": "乙"}),  # unclosed
        ("q1\t问题一\nq2\t问题 二\n", {"q1": "问题一", "q2": "问题 二"}),
    ],
)
def test_topics_as_trec_hands_them_out(tmp_path, text, found):
    path = tmp_path / "topics.trec"
    path.write_text(text, encoding="utf-8")
    problems: list = []
    assert read_topics(path, problems) == found and not problems


def test_bad_topics_are_named(tmp_path):
    path = tmp_path / "topics.trec"
    path.write_text("<top>\n<num>1\n<title>甲\n</top>\n<top>\n<num>1\n<title>又\n</top>\n<top>\n<title>无编号\n</top>\n"
                    "<top>\n<num>3\n<title> \n</top>\n", encoding="utf-8")  # fmt: skip
    problems: list = []
    assert read_topics(path, problems) == {"1": "甲"}
    said = "\n".join(map(str, problems))
    assert "第 5 行“num”：编号 1 重复" in said and "第 9 行“num”：缺少编号" in said and "第 12 行“title”" in said
    path.write_text("<top>\n</top>\n", encoding="utf-8")
    with pytest.raises(EvaluationError, match="没有一行可用的问题"):
        read_topics(path, [])


def test_qrels_and_runs_name_what_is_wrong(tmp_path):
    qrels, run = tmp_path / "qrels.txt", tmp_path / "run.trec"
    qrels.write_bytes(
        "301 0 a%20b.txt 1\n301 0 c.txt 二\n301 0\n301 0 a%20b.txt 0\n301 0 d.txt --1\n301 0 e.txt -2\n".encode()
        + "301 0 乙.txt 1\n".encode("gbk")
    )
    problems: list = []
    assert [row[1:] for row in qrels_rows(qrels, problems)] == [("301", "a b.txt", 1), ("301", "e.txt", 0)]
    said = "\n".join(map(str, problems))
    for part in ("第 2 行“score”：判定分应为整数，实为“二”", "第 3 行：应有 3 列", "第 4 行“corpus-id”", "第 5 行“score”",
                 "第 7 行：不是 UTF-8"):  # fmt: skip
        assert part in said, part
    run.write_text(
        "301 Q0 a 1 0.9 x\n301 Q0 b 2 高 x\n301 Q0 c 3 nan x\n301 Q0 a 4 0.1 x\n301 Q0 d\n", encoding="utf-8"
    )
    problems = []
    assert read_run(run, problems) == {"301": {"a": 0.9}}
    said = "\n".join(map(str, problems))
    for part in ("第 2 行“score”：分数应为数字，实为“高”", "第 3 行“score”", "第 4 行“docno”", "第 5 行：应有 6 列"):
        assert part in said, part
    run.write_text("x\n", encoding="utf-8")
    with pytest.raises(EvaluationError, match="没有一行可用的TREC 结果"):
        read_run(run, [])


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("inputs") / "index"
    assert command("index", SEEDS, "--index", folder).returncode == 0
    return folder


@pytest.fixture
def trec(tmp_path) -> Path:
    (tmp_path / "topics.trec").write_text(
        f"<top>\n<num>301\n<title>{TEXT[300:330].strip()}\n</top>\n<top>\n<num>302\n<title>工会\n</top>\n",
        encoding="utf-8",
    )
    (tmp_path / "qrels.txt").write_text(f"301 0 {DOC} 1\n302 0 nowhere.txt 1\n303 0 {DOC} 1\n", encoding="utf-8")
    return tmp_path


@pytest.mark.slow
def test_trec_topics_are_judged_over_the_served_index(index, trec):
    topics, qrels = trec / "topics.trec", trec / "qrels.txt"
    done = command("eval", topics, "--qrels", qrels, "--index", index, "--report", trec / "r", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["documents"]["queries"] == 2 and found["documents"]["RR@10"] == 0.5
    said = "\n".join(found["problems"])
    assert "qrels.txt 第 2 行“corpus-id”：文档 nowhere.txt 不在索引中" in said and "第 3 行“query-id”：问题 303" in said
    html = (trec / "r" / "report.html").read_text(encoding="utf-8")
    assert "nowhere.txt" in html and "".join(TEXT[300:330].split())[:12] in "".join(html.split())
    # the run comes back as an input, and so does the folder as a whole
    again = command(
        "eval", trec, "--run", trec / "r" / "run.trec", "--baseline", trec / "r", "--index", index, "--json"
    )
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["documents"] == found["documents"]
    assert json.loads(again.stdout)["comparison"][0]["ties"] == 2


@pytest.mark.slow
def test_topics_without_judgements_are_one_sentence(index, trec, tmp_path):
    done = command("eval", trec / "topics.trec", "--index", index)
    assert done.returncode == 2 and "--qrels" in done.stderr and len(done.stderr.strip().splitlines()) == 1
    (trec / "qrels.txt").write_text("", encoding="utf-8")
    done = command("eval", trec, "--index", index)
    assert done.returncode == 1 and "没有一行可用的判定" in done.stderr and len(done.stderr.strip().splitlines()) == 1


# -- the list of bad inputs, through the command ---------------------------------------------------------------------

GOOD = {"id": "good", "question": "工会", "evidence": [{"doc": DOC, "quote": TEXT[300:340]}]}


def gold(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (GOOD, "第 2 行“id”：编号 good 重复"),
        ({"id": "x"}, "第 2 行“question”：缺少问题"),
        ({"id": "x", "question": "问", "answerable": True}, "第 2 行“evidence”"),
        (
            {"id": "x", "question": "问", "evidence": [{"doc": "无.txt", "quote": "甲"}]},
            "第 2 行“evidence”：索引中没有文档“无.txt”",
        ),
        ({"id": "x", "question": "问", "evidence": [{"doc": DOC, "quote": TEXT[300:339] + "错"}]}, "最接近的是"),
        ({"id": True, "question": "问"}, "第 2 行“id”"),
        ({"id": "x", "question": 3.5}, "第 2 行“question”"),
        ({"id": "x", "question": "问", "type": 7}, "第 2 行“type”"),
    ],
)
def test_a_bad_row_is_named_and_the_good_one_counts(toy_service, tmp_path, row, said):
    test_set = read_gold(gold(tmp_path / "题.jsonl", GOOD, row), library_of(toy_service))
    assert [question.question_id for question in test_set.questions] == ["good"]
    assert said in str(test_set.problems[0]) and str(test_set.problems[0]).startswith("题.jsonl 第 2 行")


def test_a_quote_under_an_unknown_document_says_which_is_nearest(toy_service, tmp_path):
    row = {"id": "x", "question": "问", "evidence": [{"doc": DOC[:-5] + "1.txt", "quote": "甲"}]}
    test_set = read_gold(gold(tmp_path / "题.jsonl", GOOD, row), library_of(toy_service))
    assert f"最接近的是“{DOC}”" in str(test_set.problems[0])


@pytest.mark.slow
def test_wrong_encoding_of_some_lines_loses_only_those(index, tmp_path):
    path = tmp_path / "题.jsonl"
    path.write_bytes(json.dumps(GOOD).encode() + b"\n" + '{"id": "g", "question": "工会"}\n'.encode("gb18030"))
    done = command("eval", path, "--index", index, "--json")
    assert done.returncode == 0 and "第 2 行：不是 UTF-8" in done.stderr
    assert json.loads(done.stdout)["questions"] == {
        "rows": 1, "asked": 1, "bad_rows": 1, "with_quotes": 1, "answerable": 1, "unanswerable": 0, "unlabelled": 0,
    }  # fmt: skip


@pytest.mark.slow
def test_a_hundred_thousand_rows_of_excel_and_qrels(toy_service, tmp_path):
    from rag.evaluation.sets.excel import read_workbook

    data = workbook([["工会", DOC, TEXT[300:340], ""]] + [["", DOC, "x", ""]] * 100_000)
    test_set = read_workbook(data, "题.xlsx", library_of(toy_service))
    assert len(test_set.questions) == 1 and len(test_set.problems) == 100_000
    assert "第 100002 行“问题”" in str(test_set.problems[-1])
    folder = tmp_path / "big"
    (folder / "qrels").mkdir(parents=True)
    (folder / "corpus.jsonl").write_text('{"_id": "d", "text": "甲"}\n', encoding="utf-8")
    (folder / "queries.jsonl").write_text('{"_id": "q", "text": "甲"}\n', encoding="utf-8")
    rows = "".join(f"q\td{at}\t高\n" for at in range(100_000))
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\nq\td\t1\n{rows}", encoding="utf-8")
    found = read_collection(folder)
    assert found.qrels == {"q": {"d": 1}} and len(found.problems) == 100_000


@pytest.mark.slow
def test_bad_rows_of_saved_answers_and_baselines_are_named(index, tmp_path):
    questions = gold(tmp_path / "题.jsonl", GOOD, GOOD | {"id": "b"})
    good = {"id": "good", "answerable": True, "confidence": 0.9, "excerpts": [{"doc": DOC, "start": 300, "end": 340}]}
    bad = [
        {"id": "b", "confidence": "高"},
        {"id": "good"},
        {"question": "无编号"},
        {"id": "c", "excerpts": [{"doc": DOC}]},
    ]
    answers = gold(tmp_path / "答.jsonl", good, *bad)
    done = command("eval", questions, "--run", answers, "--baseline", answers, "--index", index, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["spans"]["hit@1"] == 0.5  # an unreadable answer counts as none
    said = "\n".join(found["problems"])
    for part in ("答.jsonl 第 2 行：编号 b 的回答格式不对", "答.jsonl 第 3 行“id”：编号 good 重复", "答.jsonl 第 4 行“id”：缺少编号",
                 "答.jsonl 第 5 行：编号 c"):  # fmt: skip
        assert part in said and done.stderr.count(part) == 2, part
    done = command("eval", questions, "--run", gold(tmp_path / "空.jsonl", bad[0]), "--index", index)
    assert done.returncode == 1 and len(done.stderr.strip().splitlines()) == 1 and "没有一行可用的回答" in done.stderr
