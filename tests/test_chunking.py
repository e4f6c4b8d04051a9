"""Promises 1 and 2 on the way in: spans exact, nothing lost, cuts where sentences end."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.datamodels import Document, Page
from rag.ingest.chunking import cut, windows
from rag.ingest.cleaning import FRAGMENT, PAGE_BREAK, SCRAPED, find_removals
from rag.text.spans import mend, uncovered
from tests.conftest import SEEDS

SEED_NAMES = sorted(path.name for path in SEEDS.glob("*.txt"))


def document(text: str, pages=()) -> Document:
    return Document("d.txt", "题", text, "0" * 64, "text/plain", pages=tuple(pages))


def seed(prefix: str) -> Document:
    path = next(SEEDS.glob(f"{prefix}*.txt"))
    return Document(path.name, "", path.read_bytes().decode("utf-8"), "", "text/plain")


def cut_up(text: str, pages=()):
    source = document(text, pages)
    return cut(source, find_removals(source))


def check_invariants(source: Document) -> None:
    removals = find_removals(source)
    passages = cut(source, removals)
    spans = [(p.start, p.end) for p in passages]
    assert spans == sorted(spans)
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))  # no passage overlaps the next
    assert not uncovered(source.text, spans, [(r.start, r.end) for r in removals])
    for passage in passages:
        assert 0 <= passage.start < passage.end <= len(source.text)
        assert passage.text == mend(source.text, passage.start, passage.end, passage.cuts)
        assert passage.text.strip()
        covered = [(max(a, passage.start), min(b, passage.end)) for a, b in passage.sentences]
        assert not [
            gap for gap in uncovered(source.text[: passage.end], [(0, passage.start), *covered], passage.cuts) if gap
        ]
        for start, end in windows(source.text, passage):
            assert passage.start <= start < end <= passage.end


@pytest.mark.parametrize("name", SEED_NAMES)
def test_seeds_are_whole_and_exact(name):
    check_invariants(Document(name, "", (SEEDS / name).read_bytes().decode("utf-8"), "", "text/plain"))


@pytest.mark.parametrize("name", SEED_NAMES)
def test_no_passage_begins_or_ends_inside_a_sentence(name):
    """So no excerpt does: it is a whole passage. The source's own line ends count as ends of sentences, unless joined."""
    source = seed(name[:3])
    text, removals = source.text, find_removals(source)
    joins = [(r.start, r.end) for r in removals if r.reason == PAGE_BREAK]
    gone = {i for r in removals if r.reason != PAGE_BREAK for i in range(r.start, r.end)}
    for passage in cut(source, removals):
        at = next((i for i in range(passage.end, len(text)) if text[i] not in " \t　\r" and i not in gone), len(text))
        stops = text[passage.end - 1] in "。！？；!?;…”’」』）)】》" or at == len(text) or text[at] == "\n"
        assert stops and not any(a <= passage.end < b for a, b in joins), text[passage.end - 20 : passage.end + 20]
        assert not any(a < passage.start <= b for a, b in joins), text[passage.start - 20 : passage.start + 20]


PIECES = st.sampled_from(
    ["一、", "（二）", "第三条", "【目标】", "1.", "2、", "三是", "\n", "\n\n", "\r\n", "　", " ", "。", "！", "；", "，", "”", "“",
     "…", "\x00", "\x0b", "\u2028", "\ufeff", "𠮷", "😀", "e\u0301", "工会", "职工群众的合法权益", "收藏 分享(赏)", "展开阅读全文",
     "[链接](#)", "](", "# ", "- 3 -", "abc", "3.14", "亲,该文档总共5页"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=60).map("".join) | st.text(max_size=200))
def test_any_text_survives(text):
    check_invariants(document(text))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=40), min_size=3, max_size=8))
def test_any_pages_survive(parts):
    starts, at = [], 0
    for part in parts:
        starts.append(at)
        at += len(part) + 1
    check_invariants(document("\n".join(parts), [Page(s, f"第{i}页") for i, s in enumerate(starts, 1)]))


def test_ten_thousand_characters_without_a_stop():
    passages = cut_up("工会服务职工" * 2000)
    assert max(p.end - p.start for p in passages) <= 1400
    assert passages[-1].end == 12000


def test_page_breaks_of_002_are_joined():
    source = seed("002")
    joins = [r for r in find_removals(source) if r.reason == PAGE_BREAK]
    assert [source.text[r.end : r.end + 2] for r in joins] == [
        "不懈",
        "建设",
        "新工",
        "和工",
        "领广",
        "化”",
        "府报",
        "，深",
    ]
    whole = "".join(p.text for p in cut(source, find_removals(source)))
    for phrase in (
        "要坚持不懈用习近平",
        "加快建设一支知识型",
        "要创新工作方式",
        "组织带领广大职工",
        "同级党委和政府报告",
    ):
        assert phrase in whole


def test_fragment_numbers_of_003_are_joined():
    source = seed("003")
    removals = find_removals(source)
    assert sum(r.reason == FRAGMENT for r in removals) == 16
    passages = cut(source, removals)
    whole = "".join(p.text for p in passages)
    for phrase in (
        "专题学习40次",
        "新时代中国特色社会主义思想的重要内容",
        "2022年6月底",
        "重要论述的根本内涵",
        "新经验、新成效",
    ):
        assert phrase in whole
    forty = next(p for p in passages if "专题学习40次" in p.text)
    assert "4\n\n3、0次" in source.text[forty.start : forty.end]  # the span still points into the file as it stands


def test_boilerplate_of_003_is_removed_for_a_reason_and_the_rest_kept():
    source = seed("003")
    removed = {source.text[r.start : r.end] for r in find_removals(source) if r.reason == SCRAPED}
    assert {"收藏 分享(赏)", "展开阅读全文", "第1页 / 共5页"} <= removed
    assert not any("强化理论武装,把牢" in text for text in removed)
    whole = "".join(p.text for p in cut(source, find_removals(source)))
    assert "展开阅读全文" not in whole and "该文档总共" not in whole


def test_what_the_site_says_of_003_stays_apart_from_its_sentences():
    passages = cut(seed("003"), find_removals(seed("003")))
    about = [p.text for p in passages if "copyright" in p.text or "上传人" in p.text]
    assert len(about) == 2 and about[1].startswith("copyright@ 2008-2023 wnwk.com网站版权所有")
    assert next(p for p in passages if "诉调对接工作室" in p.text).text.endswith("成功升级")


def test_a_real_numbered_list_is_no_converter_artefact():
    text = "办事流程如下。\n1、提出申请。\n2、初步审核。\n3、批准办理。\n4、归档。"
    assert not [r for r in find_removals(document(text)) if r.reason == FRAGMENT]


LONG_ITEMS = (
    "办公楼一层东侧会议室的桌椅由总务科负责添置并于年底以前验收完毕相关费用列入行政经费预算",
    "办公楼二层西侧阅览室的书架由图书组负责添置并于年底以前验收完毕相关费用列入文化经费预算",
    "办公楼三层北侧活动室的器材由体育组负责添置并于年底以前验收完毕相关费用列入文体经费预算",
    "办公楼四层南侧资料室的柜子由档案组负责添置并于年底以前验收完毕相关费用列入档案经费预算",
)


@pytest.mark.parametrize(
    "items",
    [
        ("张三", "李四", "王五", "赵六"),
        ("身份证复印件", "劳动合同", "工资流水", "其他材料"),
        ("工会主席", "副主席", "组织委员", "宣传委员"),
        ("职工代表大会的筹备工作，", "职工代表的选举与培训工作，", "提案的征集与办理工作，", "大会决议的落实工作"),
    ],
)
@pytest.mark.parametrize("around", ["名单如下\n{}\n以上。", "上传人：某某\n名单如下\n{}\n以上。\n展开阅读全文"])
def test_lists_without_stops_keep_their_numbers_and_lines(items, around):
    listed = "\n".join(f"{number}、{item}" for number, item in enumerate(items, 1))
    found = find_removals(document(around.format(listed)))
    assert not [r for r in found if r.reason in (FRAGMENT, PAGE_BREAK)]
    assert listed in "\n".join(p.text for p in cut(document(around.format(listed)), found))


def test_long_items_of_one_length_that_stop_at_words_are_a_list():
    listed = "\n".join(f"{number}、{item}" for number, item in enumerate(LONG_ITEMS, 1))
    assert len({len(item) for item in LONG_ITEMS}) == 1
    assert not find_removals(document(f"分工如下\n{listed}\n以上。"))


def test_pieces_of_one_length_that_stop_inside_words_are_joined_on_any_page():
    text = "".join(seed("000").text.split())[:1000]
    pieces = [text[at : at + 90] for at in range(0, 900, 90)]
    numbered = "\n\n".join(f"{number}、{piece}" for number, piece in enumerate(pieces, 1))
    found = find_removals(document(numbered))
    assert sum(r.reason == FRAGMENT for r in found) == 10
    assert "".join(p.text for p in cut(document(numbered), found)).replace("\n", "") == "".join(pieces)
    uneven = "\n\n".join(
        f"{number}、{piece[: len(piece) - 9 * (number % 2)]}" for number, piece in enumerate(pieces, 1)
    )
    assert not [r for r in find_removals(document(uneven)) if r.reason == FRAGMENT]


def test_markdown_links_of_004_keep_their_text():
    whole = "".join(p.text for p in cut(seed("004"), find_removals(seed("004"))))
    assert "案例分享：中国中车开展技能竞赛" in whole and "](#)" not in whole


def test_headings_and_hierarchy():
    passages = cut_up(
        "第一章 总则\n第一条 为了保护劳动者，制定本法。\n第二条 依照第一条规定执行。\n第二章 附则\n第三条 自公布之日起施行。"
    )
    assert [p.headings for p in passages] == [
        ("第一章 总则", "第一条"),
        ("第一章 总则", "第二条"),
        ("第二章 附则", "第三条"),
    ]
    assert passages[0].text.startswith("第一章 总则\n第一条")


def test_a_cross_reference_is_no_heading():
    passages = cut_up("第五条 用人单位应当守法。\n第三条规定的情形除外，应当另行处理。")
    assert all("第三条" not in heading for p in passages for heading in p.headings)


def test_run_in_items_head_their_own_sentences():
    source = seed("001")
    eighth = [p for p in cut(source, find_removals(source)) if p.headings and p.headings[-1].startswith("八是")]
    assert eighth and all("作风" in p.text for p in eighth)
    last = cut(source, find_removals(source))[-1]
    assert last.text.startswith("同志们，今年") and last.headings == ()


def test_sentences_end_where_quotes_close():
    passages = cut_up("他说：“工会要站出来。”" + "职工群众的事情无小事，要办好办实。" * 30)
    assert all(p.text[-1] in "。”" for p in passages)
    assert "出来。”" in passages[0].text
