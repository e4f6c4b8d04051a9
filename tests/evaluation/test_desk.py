"""The evaluations kept with an index: sets, runs, history, and the gate before publication."""

from __future__ import annotations

import io
import json
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from rag.errors import EvaluationError, NotFoundError, UsageError
from rag.evaluation.desk import desk
from rag.evaluation.desk.accepting import accept
from rag.evaluation.desk.desk import ReleaseGate
from rag.evaluation.desk.history import EVEN, history
from rag.evaluation.desk.publishing import ReleaseCheck, guard_of, publish, silently
from rag.evaluation.desk.receiving import receive
from rag.evaluation.sets.library import library_of
from rag.evaluation.sets.testset import read_gold
from rag.service import Service
from tests.conftest import ToyEmbedder
from tests.evaluation.test_runs import command, workbook

RULES = {
    "食堂.txt": "职工食堂每天上午十一点半开饭，下午一点收餐。\n\n食堂每周五检修灶具，当日只供应冷餐。\n",
    "书屋.txt": "职工书屋早上八点开门，晚上九点关门，凭会员卡进入。\n\n书屋每次可以借书五册，借期三十天。\n",
    "泳池.txt": "游泳馆七月一日开放，九月一日关闭，须持健康证。\n\n游泳馆每天限三百人，满员即停止入场。\n",
}
ASKED = (
    ("食堂几点开饭", "职工食堂每天上午十一点半开饭"), ("食堂哪天检修灶具", "食堂每周五检修灶具"),
    ("书屋几点开门", "职工书屋早上八点开门"), ("书屋可以借几册书", "书屋每次可以借书五册"),
    ("游泳馆哪天开放", "游泳馆七月一日开放"), ("游泳馆每天限多少人", "游泳馆每天限三百人"),
)  # fmt: skip

ALLOWED = 0.2  # one of six: with so few passages, what is refused moves with every document


@pytest.fixture
def corpus(tmp_path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name, text in RULES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def gold(tmp_path) -> Path:
    path = tmp_path / "题库.xlsx"
    path.write_bytes(workbook([[question, None, quote, None] for question, quote in ASKED]))
    return path


@pytest.fixture
def service(make_service, corpus):
    service = make_service()
    service.ingest([corpus], mirror=True)
    return service


# -- test sets -------------------------------------------------------------------------------------------------------


def test_a_set_is_kept_replaced_and_removed(service, gold):
    index = service.settings.index
    found = receive(service, "题库.xlsx", gold.read_bytes())
    assert (found.name, found.questions, list(found.problems)) == ("题库.xlsx", 6, [])
    again = receive(
        service,
        r"C:\表\题库.xlsx",
        workbook([["食堂几点开饭", None, "职工食堂每天上午十二点开饭", None], ["书屋", None, None, None]]),
    )
    assert (
        again.questions == 1
        and "第 2 行“期望原文”" in str(again.problems[0])
        and "最接近的是" in str(again.problems[0])
    )
    assert desk.sets(index) == ("题库.xlsx",)
    desk.remove_set(index, "题库.xlsx")
    assert desk.sets(index) == ()
    with pytest.raises(NotFoundError):
        desk.remove_set(index, "../catalog.sqlite3")


@pytest.mark.parametrize("name", ["../x.xlsx", "x.exe", ".xlsx", "", "a/b.jsonl", "长" * 90 + ".jsonl", "x\x00.xlsx"])
def test_names_stay_in_their_folder(service, gold, name):
    index = service.settings.index
    try:
        receive(service, name, gold.read_bytes())
    except (UsageError, EvaluationError):
        assert desk.sets(index) == ()
    else:
        assert desk.sets(index) in (("x.xlsx",), ("b.jsonl",))


def zipped(files: dict[str, str]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return target.getvalue()


def test_a_zip_of_a_beir_folder_is_run_over_its_own_corpus(service):
    data = zipped({
        "小集/corpus.jsonl": "".join(json.dumps({"_id": name, "text": text}) + "\n" for name, text in RULES.items()),
        "小集/queries.jsonl": '{"_id": "1", "text": "书屋几点开门"}\n',
        "小集/qrels/test.tsv": "query-id\tcorpus-id\tscore\n1\t书屋.txt\t1\n",
        "小集/../../evil.txt": "x", "__MACOSX/queries.jsonl": "x",
    })  # fmt: skip
    found = receive(service, "小集.zip", data)
    assert found.questions == 1 and desk.sets(service.settings.index) == ("小集",)
    run = desk.new_run(service.settings.index, "小集")
    done = desk.perform(service, run.name, silently)
    assert done.ranking.means["Success@1"] == 1 and done.index.documents == 3
    assert (desk.home(service.settings.index) / "indexes" / "小集" / "catalog.sqlite3").is_file()
    assert not list(Path(service.settings.index).rglob("evil.txt"))


def test_a_zip_of_topics_is_judged_over_the_index(service):
    data = zipped({"topics.txt": "1\t书屋几点开门\n", "qrels.txt": "1 0 书屋.txt 1\n"})
    assert receive(service, "题.zip", data).questions == 1
    done = desk.perform(service, desk.new_run(service.settings.index, "题").name, silently)
    assert done.ranking.means["Success@1"] == 1


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04rubbish", zipped({"readme.txt": "x"}), zipped({"corpus.jsonl": ""})])
def test_a_zip_that_cannot_be_used_is_one_sentence_and_leaves_nothing(service, data):
    with pytest.raises(EvaluationError):
        receive(service, "x.zip", data)
    assert desk.sets(service.settings.index) == ()
    assert not list((desk.home(service.settings.index) / "sets").iterdir())


def test_a_question_is_accepted_with_the_exact_quote(service):
    accept(service, "核对.jsonl", "食堂几点开饭？", "", "职工食堂每天上午 十一点半开饭", True)
    accept(service, "核对.jsonl", "有没有网球场？", "", "", False, "hard")
    path = desk.set_path(service.settings.index, "核对.jsonl")
    found = read_gold(path, library_of(service))
    assert not found.problems and [question.answerable for question in found.questions] == [True, False]
    assert [question.kind for question in found.questions] == ["", "hard"]
    assert found.questions[0].evidence[0].quote == "职工食堂每天上午十一点半开饭"
    for arguments, said in (
        (("食堂几点开饭？", "", "x", True), "已有这道题"), (("另一题", "", "", True), "期望原文"),
        (("另一题", "", "食堂半夜开饭，谁都可以来", True), "期望原文"), (("另一题", "无.txt", "甲", True), "期望文档"),
    ):  # fmt: skip
        with pytest.raises(UsageError, match=said):
            accept(service, "核对.jsonl", *arguments)


# -- runs and history ------------------------------------------------------------------------------------------------


def test_history_says_what_changed_and_whether_it_helped(service, gold, corpus):
    index = service.settings.index
    receive(service, "题库.xlsx", gold.read_bytes())
    first = desk.new_run(index, "题库.xlsx")
    assert not history(index)[0].done
    desk.perform(service, first.name, silently)
    (corpus / "新.txt").write_text("工会经费应当公开。", encoding="utf-8")
    service.ingest([corpus / "新.txt"])
    second = desk.new_run(index, "题库.xlsx")
    desk.perform(service, second.name, silently)
    (desk.home(index) / "runs" / "不相干").mkdir()
    latest, earliest = history(index)
    assert (latest.folder, earliest.folder) == (second.name, first.name)
    assert latest.note.previous == first.name and latest.differs == ("文档 3 → 4",)
    assert latest.generation > earliest.generation and min(latest.figures["hit@5"], earliest.figures["hit@5"]) > 0.6
    assert latest.verdict == EVEN and earliest.verdict == "" and latest.change.questions == 6
    service.catalog.replace([], {}, service.catalog.fact("make"))  # a generation in which no document changed
    third = desk.new_run(index, "题库.xlsx")
    desk.perform(service, third.name, silently)
    assert history(index)[0].differs == ("文档没变，词表或著录有改动",)
    html = desk.compared_page(service, second.name, first.name)
    assert "与基线比较" in html
    desk.remove_run(index, first.name)
    assert len(history(index)) == 2


class Stop(Exception):
    """The administrator stops the run."""


def test_a_stopped_run_goes_on_to_the_same_bytes(service, gold):
    index = service.settings.index
    receive(service, "题库.xlsx", gold.read_bytes())

    @contextmanager
    def stopping(label):
        def update(done, total):
            if done == 3:
                raise Stop

        yield update

    broken, whole = desk.new_run(index, "题库.xlsx"), desk.new_run(index, "题库.xlsx")
    with pytest.raises(Stop):
        desk.perform(service, broken.name, stopping)
    assert not desk.is_done(broken) and len((broken / "answers.jsonl").read_text().splitlines()) == 3
    desk.perform(service, whole.name, silently)
    desk.perform(service, broken.name, silently)
    assert (broken / "figures.json").read_bytes() == (whole / "figures.json").read_bytes()


# -- the gate --------------------------------------------------------------------------------------------------------


def replaced(corpus: Path, name: str, text: str):
    (corpus / name).write_text(text, encoding="utf-8")
    return lambda target: target.ingest([corpus / name])


def test_a_change_that_costs_answers_is_not_published(service, gold, corpus):
    before = service.catalog.generation
    guard = ReleaseCheck(gold, 0.1)
    with pytest.raises(EvaluationError, match="不予发布") as refused:
        publish(service, replaced(corpus, "书屋.txt", "职工书屋闭馆，开放时间另行通知。\n"), guard)
    assert refused.value.code == "gate-refused"
    assert service.catalog.generation == before and "八点开门" in service.text("书屋.txt")
    (trial,) = history(service.settings.index)
    assert trial.note.label.endswith("没有发布") and not trial.note.published and trial.done
    assert trial.change.losses >= 1 and trial.change.difference < 0
    assert not list(desk.home(service.settings.index).glob(".staging-*"))


def test_a_change_that_costs_nothing_is_published_in_one_step(service, gold, corpus):
    before = service.current().generation
    change = replaced(corpus, "食堂.txt", RULES["食堂.txt"] + "\n食堂二楼设清真窗口。\n")
    report, verdict = publish(service, change, ReleaseCheck(gold, ALLOWED))
    assert verdict is not None and verdict.passed and [line.doc_id for line in report.lines] == ["食堂.txt"]
    assert service.current().generation > before and "清真窗口" in service.text("食堂.txt")
    assert service.ask("清真窗口设在哪里").excerpts and not service.catalog.check()
    assert history(service.settings.index)[0].note.published
    same = service.catalog.generation
    report, verdict = publish(service, lambda target: target.ingest([corpus / "食堂.txt"]), ReleaseCheck(gold, ALLOWED))
    assert verdict is None and report.unchanged == ("食堂.txt",) and service.catalog.generation == same


def test_an_allowed_loss_is_published(service, gold, corpus):
    change = replaced(corpus, "书屋.txt", "职工书屋早上八点开门，晚上九点关门，凭会员卡进入。\n")
    _, verdict = publish(service, change, ReleaseCheck(gold, 0.5))
    assert verdict.passed and verdict.comparison.losses >= 1


def test_a_change_meanwhile_is_not_lost(service, gold, corpus):
    def change(target):
        service.remove(["泳池.txt"])
        return replaced(corpus, "食堂.txt", RULES["食堂.txt"] + "\n新的一句话。\n")(target)

    with pytest.raises(EvaluationError, match="别的变动"):
        publish(service, change, ReleaseCheck(gold, 1.0))
    assert "泳池.txt" not in service.catalog.sources() and "新的一句话" not in service.text("食堂.txt")


@pytest.mark.slow
def test_the_gate_set_in_the_page_holds_for_uploads_and_the_command_line(service, gold, corpus, tmp_path):
    from rag.access.identity import Identity, Role
    from rag.web.front.ongoing import Ongoing
    from rag.web.front.visible import Visible
    from rag.web.rest.uploads import take_in

    index = service.settings.index
    receive(service, "题库.xlsx", gold.read_bytes())
    assert guard_of(index) is None
    desk.write_gate(index, ReleaseGate("题库.xlsx", 0.02))
    assert guard_of(index) == ReleaseCheck(desk.set_path(index, "题库.xlsx"), 0.02)
    with pytest.raises(UsageError, match="把关"):
        desk.remove_set(index, "题库.xlsx")
    bad = "职工书屋闭馆，开放时间另行通知。\n"
    with pytest.raises(EvaluationError, match="不予发布"):
        take_in(
            Visible(service, Identity("editor", Role.EDITOR, frozenset(), "local"), None),
            [("书屋.txt", io.BytesIO(bad.encode()))],
            Ongoing(),
        )
    (corpus / "书屋.txt").write_text(bad, encoding="utf-8")
    done = command("documents", "add", corpus / "书屋.txt", "--index", index)
    assert done.returncode == 1 and "不予发布" in done.stderr and "Traceback" not in done.stderr
    assert command("documents", "add", corpus / "书屋.txt", "--index", index, "--no-gate").returncode == 0
    assert "闭馆" in service.text("书屋.txt")
    desk.write_gate(index, None)
    other = tmp_path / "别的题.xlsx"
    other.write_bytes(workbook([["职工食堂每天几点开饭", None, "职工食堂每天上午十一点半开饭", None]]))
    (corpus / "食堂.txt").write_text("食堂停业。", encoding="utf-8")
    done = command("index", corpus, "--index", index, "--gate", other, "--gate-drop", "0.5")
    assert done.returncode == 1 and "不予发布" in done.stderr
    done = command("index", corpus, "--index", index, "--gate", other, "--gate-drop", "1")
    assert done.returncode == 0 and "可以发布" in done.stdout, done.stderr
    for gate, said in ((ReleaseGate("无.xlsx", 0.1), "没有题集"), (ReleaseGate("题库.xlsx", 2), "0 到 1")):
        with pytest.raises((UsageError, NotFoundError), match=said):
            desk.write_gate(index, gate)


def test_a_new_model_is_judged_by_the_last_report_of_the_old_one(service, gold, corpus):
    index = service.settings.index
    other = Service(service.settings, ToyEmbedder("toy@2"))
    change = lambda target: target.ingest([corpus], mirror=True)  # noqa: E731
    with pytest.raises(EvaluationError, match="没有可比的结果"):
        publish(other, change, ReleaseCheck(gold, 0.5))
    assert "toy@1" in service.catalog.fact("make")
    receive(service, "题库.xlsx", gold.read_bytes())
    desk.perform(service, desk.new_run(index, "题库.xlsx").name, silently)
    _, verdict = publish(other, change, ReleaseCheck(gold, 0.5))
    assert verdict.passed and "toy@2" in service.catalog.fact("make")
    (latest, _) = history(index)
    assert any("模型" in one for one in latest.differs)
