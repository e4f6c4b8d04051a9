"""`yuanwen read`, and names of files that differ only for machines."""

from __future__ import annotations

import html
import json
import re
import unicodedata
import zipfile
from pathlib import Path

import pytest

from rag.ingest.loading import discover, load
from rag.ingest.loading.names import plain_name
from rag.text.spans import mend
from tests.test_cli import one_line, run
from tests.test_mending import printed

TEXT = "条例\n第一章 总则\n第一条 为了<保护>职工，制定本条例。\n第二条 本条例自公布之日起施行。\n"


@pytest.fixture
def law(tmp_path) -> Path:
    path = tmp_path / "条例.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_json_has_the_text_the_structure_the_removals_and_the_warnings(tmp_path):
    path = tmp_path / "资料.pdf"
    printed(path, ["各级工会要认真学习，" * 200])
    done = run("read", path, "--json")
    assert done.returncode == 0, done.stderr
    (one,) = json.loads(done.stdout)["documents"]
    text = one["text"]
    assert one["doc"] == "资料.pdf" and one["loader"].startswith("pdf-") and len(one["pages"]) >= 2
    for passage in one["passages"]:
        assert passage["text"] == mend(text, passage["start"], passage["end"], passage["cuts"])
    gone = sum(len("".join(text[r["start"] : r["end"]].split())) for r in one["removals"])
    assert gone == sum(one["removed"].values()) and one["kept"] + gone == len("".join(text.split()))
    assert one["warnings"] == [] and one["metadata"]["line_breaks"] == "visual"


def test_the_page_shows_all_text_and_strikes_what_was_removed(tmp_path):
    path, page = tmp_path / "资料.pdf", tmp_path / "看.html"
    printed(path, ["各级工会要认真学习<文件>，" * 300])
    assert run("read", path, "--html", page).returncode == 0
    shown = page.read_text(encoding="utf-8")
    body = shown[shown.index("<section>") :]
    read = html.unescape(re.sub(r"<h3>.*?</h3>|<mark>.*?</mark>|<[^>]+>", "", body))
    assert "".join(read.split()) == "".join(load(discover([path])[0]).documents[0].text.split())
    assert '<del title="页码">- 2 -</del>' in shown and '<del title="页眉页脚">内部学习资料</del>' in shown
    assert "学习<文件>" not in shown and "http" not in shown.replace("https://www.w3.org", "")


def test_plain_lines_for_people(law):
    done = run("read", law)
    assert done.returncode == 0
    assert (
        "第一章 总则 › 第一条" in done.stdout and "第一条 为了<保护>职工" in done.stdout and "（100%）" in done.stdout
    )


def test_no_index_is_made_or_needed(law, tmp_path):
    assert run("read", law, cwd=tmp_path).returncode == 0
    assert [one.name for one in tmp_path.iterdir()] == ["条例.txt"]


def test_an_archive_gives_its_documents_and_names_what_failed(law, tmp_path):
    with zipfile.ZipFile(tmp_path / "包.zip", "w") as archive:
        archive.write(law, "条例.txt")
        archive.writestr("坏.pdf", b"%PDF-1.7 broken")
    done = run("read", tmp_path / "包.zip", "--json")
    found = json.loads(done.stdout)
    assert [one["doc"] for one in found["documents"]] == ["包.zip/条例.txt"]
    assert [one["doc"] for one in found["failures"]] == ["包.zip/坏.pdf"] and "坏.pdf" in done.stderr


def test_what_cannot_be_read_is_one_line(tmp_path):
    (tmp_path / "坏.pdf").write_bytes(b"%PDF-1.7 broken")
    assert "坏.pdf" in one_line(run("read", tmp_path / "坏.pdf"))
    assert "没有.txt" in one_line(run("read", tmp_path / "没有.txt"))


def names(folder: Path) -> dict[str, str]:
    return {source.doc_id: source.note for source in discover([folder])}


def write(folder: Path, *files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(files):
        (folder / name).write_text(f"第{number}份。", encoding="utf-8")
    return folder


COMPOSED = "Café 方案é.txt"


@pytest.mark.parametrize(
    "other",
    [
        unicodedata.normalize("NFD", COMPOSED),
        "Café\u200b 方案é.txt",
        "\ufeffCafé 方案é.txt",
        "Café 方案é\u2060.txt\u200e",
    ],
)
def test_a_name_that_another_system_wrote_otherwise_is_the_same_document(make_service, tmp_path, other):
    service = make_service()
    service.ingest([write(tmp_path / "甲", COMPOSED)], mirror=True)
    report = service.ingest([write(tmp_path / "乙", other)], mirror=True)
    assert report.unchanged == (COMPOSED,) and report.removed == () and plain_name(other) == COMPOSED


def test_two_such_files_in_one_folder_are_both_read_and_named_in_the_report(make_service, tmp_path):
    folder = write(tmp_path / "夹", "通知.txt", "通\u200b知.txt", "通知\ufeff.txt", "别的.txt")
    found = names(folder)
    assert sorted(found) == ["别的.txt", "通知.txt", "通知〔2〕.txt", "通知〔3〕.txt"]
    assert found["通知.txt"] == "" and "通知.txt" in found["通知〔2〕.txt"]
    report = make_service().ingest([folder])
    warned = {line.doc_id for line in report.lines if any("看不见" in warning for warning in line.warnings)}
    assert warned == {"通知〔2〕.txt", "通知〔3〕.txt"}


def test_names_that_only_look_alike_stay_two_and_are_said(tmp_path):
    found = names(write(tmp_path / "夹", "A计划.txt", "А计划.txt", "附件1（终）.txt", "附件1(终).txt", "附件2.txt"))
    assert len(found) == 5 and found["附件2.txt"] == ""
    assert "А计划.txt" in found["A计划.txt"] and "A计划.txt" in found["А计划.txt"]
    assert "附件1(终).txt" in found["附件1（终）.txt"]


def test_a_document_is_removed_by_either_name(make_service, tmp_path):
    from tests.test_cli import TOY

    index = tmp_path / "index"
    assert run("index", write(tmp_path / "夹", COMPOSED, "b.txt"), "--index", index, command=TOY).returncode == 0
    done = run("documents", "remove", unicodedata.normalize("NFD", COMPOSED), "--index", index, command=TOY)
    assert done.returncode == 0, done.stderr
