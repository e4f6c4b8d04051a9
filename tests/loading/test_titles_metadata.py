"""Titles and the facts officials cite by."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.ingest.loading import Source, discover, load, load_bytes
from rag.ingest.loading.metadata import read_metadata
from rag.ingest.loading.titles import find_title
from rag.ingest.loading.word_numbering import format_number
from rag.text.numerals import to_numeral

SEEDS = Path(__file__).parents[2] / "seeds"
NOTICE = (
    "市总工会文件\n\n武工发〔2023〕12号\n\n关于开展职工技能培训的通知\n\n各单位：\n正文内容。\n\n"
    "武进区总工会\n2023年11月6日\n"
)


def test_titles_of_the_seeds() -> None:
    titles = [load(s).documents[0].title for s in discover([SEEDS])]
    assert titles[0].startswith("习近平总书记关于开展学习贯彻") and titles[0].endswith("…") and len(titles[0]) <= 31
    assert titles[1] == "在工会系统理论培训班上的动员讲话"
    assert titles[2].startswith("武进区总工会关于深入学习领会") and titles[2].endswith("的通知")
    assert titles[3:] == ["2023年强化理论武装把牢政治方向", "努力开创新时代工会工作新局面"]


@pytest.mark.parametrize(
    ("text", "declared", "stem", "title"),
    [
        (NOTICE, "Microsoft Word - 模板.doc", "a1b2c3d4e5", "关于开展职工技能培训的通知"),
        ("常州市总工会\n关于印发工作要点的通知\n\n各单位：\n", "", "x", "常州市总工会关于印发工作要点的通知"),
        ("一、正文从这里开始。后面还有。", "真正的标题", "x", "真正的标题"),
        ("一、正文从这里开始。后面还有。", "文档1", "工作总结", "工作总结"),
        (
            "一、正文从这里开始。后面还有许多许多内容，一直写到很长很长的地方。",
            "",
            "20231106",
            "一、正文从这里开始。后面还有许多许多内容…",
        ),
        ("hello world. this is text.", "", "readme", "readme"),
    ],
)
def test_titles(text: str, declared: str, stem: str, title: str) -> None:
    assert find_title(text, declared, stem) == title


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("武工发〔2023〕12号", "武工发〔2023〕12号"),
        ("武工发[2023]12号", "武工发〔2023〕12号"),
        ("武工发(2023)12号", "武工发〔2023〕12号"),
        ("武工发（2023）第12号", "武工发〔2023〕第12号"),
        ("武工发【2023】 12 号", "武工发〔2023〕12号"),
        ("文号：武工发〔2023〕12号", "武工发〔2023〕12号"),
        ("根据《关于加强工会工作的意见》（苏工发〔2022〕3号）要求，现将有关事项通知如下。", ""),
    ],
)
def test_document_numbers(written: str, number: str) -> None:
    assert read_metadata(f"标题\n{written}\n正文", "标题").get("doc_number", "") == number


@pytest.mark.parametrize(
    ("signed", "iso"),
    [
        ("2023年11月6日", "2023-11-06"),
        ("二〇二三年十一月六日", "2023-11-06"),
        ("二○二三年十月三十一日", "2023-10-31"),
        ("二0二四年二月二十日", "2024-02-20"),
        ("（2023年11月6日印发）", "2023-11-06"),
        ("发布日期：2023-11-06", "2023-11-06"),
        ("2023年13月6日", ""),
        ("会议于2023年11月6日在常州市召开，各单位负责人参加了会议并作了交流发言。", ""),
    ],
)
def test_dates(signed: str, iso: str) -> None:
    assert read_metadata(f"标题\n正文。\n{signed}\n", "标题").get("date", "") == iso


def test_facts_of_a_notice_and_its_validity() -> None:
    facts = read_metadata(NOTICE, "关于开展职工技能培训的通知")
    assert facts == {"doc_number": "武工发〔2023〕12号", "date": "2023-11-06", "issuer": "武进区总工会"}
    assert read_metadata("某办法\n时效性：现行有效\n", "某办法")["validity"] == "现行"
    assert read_metadata("某办法（已废止）\n", "某办法")["validity"] == "废止"
    assert "validity" not in read_metadata("某办法\n原办法同时废止。\n", "某办法")


def test_sidecar_overrides(tmp_path: Path) -> None:
    path = tmp_path / "通知.txt"
    path.write_text(NOTICE, "utf-8")
    side = tmp_path / "通知.txt.yaml"
    side.write_text("title: 另一个标题\nissuer: 另一机关\ndate: 2024-01-02\nvalidity: 废止\nencoding: x\n", "utf-8")
    document = load(Source("通知.txt", path)).documents[0]
    assert document.title == "另一个标题"
    assert document.metadata["issuer"] == "另一机关" and document.metadata["date"] == "2024-01-02"
    assert document.metadata["encoding"] == "utf-8" and document.metadata["validity"] == "废止"
    side.write_text("title: [未闭合\n", "utf-8")
    document = load(Source("通知.txt", path)).documents[0]
    assert document.title == "关于开展职工技能培训的通知"
    assert any("通知.txt.yaml" in w and "没有采用" in w for w in document.warnings)


def test_sidecar_inside_an_archive() -> None:
    from .make_samples import zip_bytes

    loaded = load_bytes(zip_bytes({"甲.txt": NOTICE, "甲.txt.yaml": "title: 侧车标题"}), "包.zip")
    assert [(d.doc_id, d.title) for d in loaded.documents] == [("包.zip/甲.txt", "侧车标题")]


def test_word_numbers() -> None:
    assert [to_numeral(n) for n in (0, 5, 10, 11, 20, 99, 100, 105, 110, 1010)] == [
        "零", "五", "十", "十一", "二十", "九十九", "一百", "一百零五", "一百一十", "一千零一十",
    ]  # fmt: skip
    assert format_number(3, "decimalEnclosedCircle") == "③"
    assert format_number(28, "lowerLetter") == "bb"
    assert format_number(1994, "upperRoman") == "MCMXCIV"
