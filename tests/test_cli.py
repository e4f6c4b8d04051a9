"""The command line as other programs call it: names, output, exit codes, one line for a user's mistake."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rag.config import ROOT
from tests.conftest import SEEDS

pytestmark = pytest.mark.slow

YUANWEN = [sys.executable, "-c", "from rag.cli import main; main()"]
# The command line with the toy embedder instead of the model: starts in a second, scores are exact.
TOY = [
    sys.executable,
    "-c",
    "import rag.service; from tests.conftest import ToyEmbedder; "
    "rag.service.load_embedder = lambda settings: ToyEmbedder(); from rag.cli import main; main()",
]


def run(*arguments: object, command=TOY, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"} | environment
    return subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, env=env, cwd=cwd, timeout=120
    )


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "index"
    done = run("index", SEEDS, "--index", folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("可检索") == 5 and "（100%）" in done.stdout
    return folder


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The reason of a failure: exactly one line, no traceback."""
    assert done.returncode == 1, (done.returncode, done.stderr)
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, lines
    return lines[0]


def test_ask_in_json_is_the_contract(index):
    done = run("ask", "政治安全是最大的安全吗？", "--json", "--index", index, "--top-k", 3)
    found = json.loads(done.stdout)
    assert list(found) == ["question", "answerable", "confidence", "excerpts", "timings_ms"]
    assert list(found["timings_ms"]) == ["embed", "search", "rerank", "total"]
    assert len(found["excerpts"]) == 3
    first = found["excerpts"][0]
    assert {"marker", "doc", "title", "headings", "start", "end", "text", "score", "highlights", "also_in"} <= set(
        first
    )
    text = (SEEDS / first["doc"]).read_bytes().decode("utf-8")
    assert text[first["start"] : first["end"]] == first["text"]


def test_ask_for_people_names_the_place(index):
    done = run("ask", "政治安全是最大的安全吗？", "--index", index)
    assert done.returncode == 0
    assert re.search(r"—— 001_\w+\.txt 第 \d+–\d+ 字", done.stdout)


def test_batch_keeps_order_and_ids(index, tmp_path):
    rows = [
        {"id": "b", "question": "四同步四衔接"},
        {"id": "a", "question": "  "},
        {"id": "ü 3", "question": "职工之家"},
    ]
    batch, result = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    batch.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n{broken\n", encoding="utf-8")
    done = run("ask", "--batch", batch, "--out", result, "--index", index)
    assert done.returncode == 0
    assert "第 2 行" in done.stderr and "第 4 行" in done.stderr
    found = [json.loads(line) for line in result.read_text(encoding="utf-8").splitlines()]
    assert [row["id"] for row in found] == ["b", "a", "ü 3", "4"]
    assert found[0]["answerable"] and not found[1]["answerable"] and found[1]["error"]["code"] == "question-blank"


def test_batch_answers_are_the_single_answers(index, tmp_path):
    batch, result = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    batch.write_text('{"id": 7, "question": "八个对标"}\n', encoding="utf-8")
    run("ask", "--batch", batch, "--out", result, "--index", index)
    many = json.loads(result.read_text(encoding="utf-8"))
    one = json.loads(run("ask", "八个对标", "--json", "--index", index).stdout)
    assert many.pop("id") == "7" and many.pop("timings_ms") and one.pop("timings_ms")
    assert many == one


def test_a_line_of_a_batch_names_the_documents_it_is_asked_of(index, tmp_path):
    here, there = sorted(path.name for path in SEEDS.glob("*.txt"))[1:3]
    asked = {"question": "工会干部要做好职工的思想政治工作"}
    rows = [
        {"id": "all"} | asked,
        {"id": "here", "documents": [here]} | asked,
        {"id": "two", "documents": [here, f"{there[:3]}*"]} | asked,
        {"id": "none", "documents": ["没有这份.txt"]} | asked,
        {"id": "bad", "documents": here} | asked,
    ]
    batch, result = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    batch.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    done = run("ask", "--batch", batch, "--out", result, "--index", index, "--top-k", 20, "--doc", "000*")
    assert done.returncode == 0 and "第 5 行" in done.stderr and "documents" in done.stderr
    found = {row["id"]: row for row in map(json.loads, result.read_text(encoding="utf-8").splitlines())}
    documents = {
        name: {one["doc"] for one in (*row["excerpts"], *row.get("nearest", ()))} for name, row in found.items()
    }
    assert found["here"]["answerable"] and documents["here"] == {here}
    assert found["two"]["answerable"] and documents["two"] == {here, there}
    assert documents["all"] == {sorted(path.name for path in SEEDS.glob("*.txt"))[0]}  # none named: as --doc says
    assert documents["none"] == set() and not found["none"]["answerable"]
    assert found["bad"]["error"]["code"] == "row"

    run_file = tmp_path / "run.trec"
    assert run("search", "--batch", batch, "--out", run_file, "--index", index).returncode == 0
    ranked = [line.split() for line in run_file.read_text(encoding="utf-8").splitlines()]
    assert {row[2] for row in ranked if row[0] == "here"} == {here}
    assert len({row[2] for row in ranked if row[0] == "all"}) == 5


def test_search_writes_a_trec_run(index, tmp_path):
    batch, result = tmp_path / "in.jsonl", tmp_path / "run.trec"
    batch.write_text('{"id": "q1", "question": "红烧肉"}\n{"id": "q2", "question": "工会"}\n', encoding="utf-8")
    assert run("search", "--batch", batch, "--out", result, "--index", index, "--top-k", 3).returncode == 0
    rows = [line.split(" ") for line in result.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 6 and all(len(row) == 6 and row[1] == "Q0" for row in rows)
    assert [row[3] for row in rows] == ["1", "2", "3"] * 2
    for query in ("q1", "q2"):
        scores = [float(row[4]) for row in rows if row[0] == query]
        assert scores == sorted(scores, reverse=True)


def test_ids_with_any_blank_come_back_from_a_trec_run(index, tmp_path):
    from rag.evaluation.sets.trec import read_run

    ids = ["全\u3000角 半", "100%", "a\u00a0b", "tab\there"]
    batch, result = tmp_path / "in.jsonl", tmp_path / "run.trec"
    batch.write_text("".join(json.dumps({"id": one, "question": "工会"}) + "\n" for one in ids), encoding="utf-8")
    assert run("search", "--batch", batch, "--out", result, "--index", index, "--top-k", 2).returncode == 0
    assert all(len(line.split()) == 6 for line in result.read_text(encoding="utf-8").splitlines())
    problems = []
    assert list(read_run(result, problems)) == ids and not problems


def test_documents_are_listed_added_and_removed(tmp_path):
    folder, extra = tmp_path / "index", tmp_path / "食堂 须知😀.txt"
    extra.write_text("食堂十一点半开饭。", encoding="utf-8")
    assert run("index", SEEDS / "004_9bfbc4b03e2c5a4f.txt", "--index", folder).returncode == 0
    assert run("documents", "add", extra, "--index", folder).returncode == 0
    listed = json.loads(run("documents", "list", "--json", "--index", folder).stdout)
    assert [row["doc_id"] for row in listed] == ["004_9bfbc4b03e2c5a4f.txt", extra.name]
    assert run("documents", "remove", extra.name, "--index", folder).returncode == 0
    assert "没有文档" in one_line(run("documents", "remove", extra.name, "--index", folder))
    assert len(json.loads(run("documents", "list", "--json", "--index", folder).stdout)) == 1


def test_doctor_passes_and_fails(index, tmp_path):
    assert run("doctor", "--index", index).returncode == 0
    import shutil
    import sqlite3

    broken = tmp_path / "broken"
    shutil.copytree(index, broken)
    with sqlite3.connect(broken / "catalog.sqlite3") as raw:
        raw.execute("DELETE FROM passages WHERE ordinal = 3")
    done = run("doctor", "--index", broken)
    assert done.returncode == 1 and "✗ 内容完整" in done.stdout


def test_wrong_usage_is_two(index):
    assert run("nonsense").returncode == 2
    assert run("ask", "--top-k", "many", "问").returncode == 2
    assert run("ask", "--index", index).returncode == 2  # neither question nor batch
    wrong = run("index", SEEDS, YUANWEN_PORT="many")
    assert wrong.returncode == 2 and "port" in wrong.stderr and "Traceback" not in wrong.stderr
    assert run("ask", "问", "--batch", "x.jsonl", "--out", "y", "--index", index).returncode == 2


def test_bad_input_is_one_line(index, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "空白" in one_line(run("ask", "  ", "--index", index))
    assert "太长" in one_line(run("ask", "工" * 20_000, "--index", index))
    assert "yuanwen index" in one_line(run("ask", "工会", "--index", tmp_path / "none"))
    for corpus in (tmp_path / "missing", empty):
        one_line(run("index", corpus, "--index", tmp_path / "new"))
    assert "--batch" not in one_line(
        run("ask", "--batch", tmp_path / "no.jsonl", "--out", tmp_path / "o", "--index", index)
    )


def test_one_unreadable_file_among_good_ones(tmp_path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "好.txt").write_text("工会是职工之家。", encoding="utf-8")
    (corpus / "坏.pdf").write_bytes(b"%PDF-1.7 broken")
    done = run("index", corpus, "--index", tmp_path / "index", "--report", tmp_path / "report.json")
    lines = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["lines"]
    assert {line["doc_id"]: (line["coverage"], bool(line["error"])) for line in lines} == {
        "好.txt": (1.0, False),
        "坏.pdf": (0.0, True),
    }
    assert done.returncode == 0 and "坏.pdf" in done.stderr and "Traceback" not in done.stderr
    assert "1 个失败" in done.stdout


@pytest.mark.model
def test_a_missing_model_is_one_line(tmp_path):
    done = run("index", SEEDS, "--index", tmp_path / "i", command=YUANWEN, YUANWEN_MODEL=str(tmp_path / "gone"))
    assert "make install" in one_line(done)
