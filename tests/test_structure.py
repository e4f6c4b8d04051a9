"""Articles under their own number, their paragraphs and items where they belong, references that are no headings."""

from __future__ import annotations

import pytest

from rag.datamodels import Document, Passage
from rag.ingest.chunking import cut
from rag.ingest.cleaning import find_removals
from rag.text.headings import marker_at, number_of

LONG = (
    "由统筹地区人民政府规定并且根据当地实际情况定期调整公布，调整以前应当听取职工和用人单位的意见；" * 2
    + "费用由工伤保险基金支付"
)
INJURY = f"""工伤保险条例
第一章 总则
第八条 职工因工作遭受事故伤害的，享受以下待遇：
（一）住院伙食补助费，{LONG}；
（二）生活护理费，{LONG}；
其中，护理费按月支付，{LONG}。
（三）其他待遇，{LONG}。
用人单位没有参加工伤保险的，由用人单位支付。
第九条 本条例所称职工，是指劳动者。
"""


def passages(text: str, media_type: str = "text/plain") -> tuple[Passage, ...]:
    document = Document("d.txt", "题", text, "0" * 64, media_type, {"line_breaks": "visual"})
    return cut(document, find_removals(document))


def holding(text: str, words: str) -> Passage:
    return next(one for one in passages(text) if words in one.text)


@pytest.mark.parametrize(
    ("line", "label"),
    [
        ("第一千一百二十一条 继承从被继承人死亡时开始。", "第一千一百二十一条"),
        ("第四十一条 中华人民共和国公民对于任何国家机关有批评的权利。", "第四十一条"),
        ("第九条 以公告方式作出的意思表示，公告发布时生效。", "第九条"),
        ("第二条 与气候条件密切相关的规划应当论证。", "第二条"),
        ("第三条 规定不明确的，由工会解释。", "第三条"),
        ("第四十五条 第二类精神药品不得零售。", "第四十五条"),
        ("第一百二十条之三 以制作方式宣扬的，处罚。", "第一百二十条之三"),
        ("第 十 条 基层工会每届三年。", "第 十 条"),
        ("第十条为了保护职工，制定本条例。", "第十条"),
    ],
)
def test_an_article_is_headed_by_its_own_number(line, label):
    text = f"条例\n第一条 为了规范，制定本条例。\n{line}\n第九千条 本条例自公布之日起施行。"
    assert holding(text, line[8:]).headings == (label,)


@pytest.mark.parametrize(
    "broken",
    [
        "第五条 用人单位有前款所列行为之一的，由工会依照本法\n第三条 规定的程序要求改正。",
        "第五条 用人单位有前款所列行为之一的，由工会依照本法\n第三条第一款的程序要求改正。",
        "第五条 用人单位违反本法第二条、第四条的规定以及本法第七条、\n第八条 第二款的规定的，责令改正。",
        "第五条 人民法院审理前款所称案件的时候应当按照民法典\n第一百七十二条所规定的条件认定。",
        "第五条 在刑法第一百六十二条之一以后增加一条，作为\n第一百六十二条之二：隐匿财产的，处罚。",
        "第五条 前款所称的单位和个人应当接受监督检查和审计并符合\n第二章规定的条件",
    ],
)
def test_a_reference_at_the_start_of_a_line_is_no_heading(broken):
    found = passages(f"条例\n第一章 总则\n{broken}\n第九条 本法自公布之日起施行。")
    assert {heading for one in found for heading in one.headings} == {"第一章 总则", "第五条", "第九条"}


def test_an_article_after_a_title_or_a_chapter_is_no_reference():
    text = "中华人民共和国工会法实施办法和有关规定\n第一条为了保护职工，制定本办法。\n第二章 工会的组织与会员的权利和义务以及履行\n第二条　会员可以退会。"
    assert holding(text, "保护职工").headings == ("第一条",)
    assert holding(text, "可以退会").headings[-1] == "第二条"


def test_a_paragraph_after_an_articles_items_is_of_the_article():
    assert holding(INJURY, "没有参加工伤保险").headings == ("第一章 总则", "第八条")
    assert "没有参加" not in holding(INJURY, "（三）").text


def test_a_paragraph_between_two_items_is_of_the_item():
    assert holding(INJURY, "护理费按月支付").headings[-1].startswith("（二）")


def test_a_paragraph_under_an_item_that_is_a_title_stays_there():
    text = f"第八条 要求如下：\n（一）关于报名\n报名应当持证，{LONG}，{LONG}。\n（二）关于考试\n考试应当公平，{LONG}。\n考试成绩公布，{LONG}。"
    assert holding(text, "成绩公布").headings[-1] == "（二）关于考试"


def test_items_are_under_the_words_that_lead_to_them():
    lead = "职工因工作遭受事故伤害的，享受以下待遇："
    for item in ("（一）", "（二）", "（三）"):
        assert holding(INJURY, item).headings[:3] == ("第一章 总则", "第八条", lead)
    assert holding(INJURY, "第八条").headings == ("第一章 总则", "第八条")
    assert holding(INJURY, "第九条").headings == ("第一章 总则", "第九条")


def test_a_long_lead_in_keeps_its_end():
    text = f"第八条 {'职工和用人单位以及其他组织的有关人员，' * 8}享受以下待遇：\n（一）住院，{LONG}，{LONG}；\n（二）护理，{LONG}，{LONG}。"
    lead = holding(text, "（二）").headings[1]
    assert lead.startswith("…职工") and lead.endswith("享受以下待遇：") and len(lead) <= 81


@pytest.mark.parametrize(
    ("mark", "number"), [("第十二条", 12), ("（三）", 3), ("②", 2), ("第一百○一条", 101), ("【目标】", None)]
)
def test_the_number_in_a_mark(mark, number):
    assert number_of(mark) == number


def test_the_line_before_is_looked_at():
    text = "依照中华人民共和国刑事诉讼法和本解释\n第三条 规定"
    start = text.index("第")
    assert marker_at(text, start, len(text)) is None
    assert marker_at(text[start:], 0, len(text) - start) is not None
