"""Titles, issuers, dates and numbers of 130 made files in 26 layouts; and of a real page, by the size of its type."""

from __future__ import annotations

import io
import re

from rag.ingest.loading import load_bytes
from rag.ingest.loading.metadata import read_metadata
from rag.ingest.loading.titles import find_title
from tests.loading.titled_layouts import Case, cases

BAR = 0.95
FACTS = ("doc_number", "issuer", "date", "effective")


def wanted(case: Case, fact: str) -> str:
    value = str(getattr(case, fact))
    if fact != "effective" or not value:
        return value
    year, month, day = map(int, re.findall(r"\d+", value))
    return f"{year}-{month:02d}-{day:02d}"


def test_titles_of_varied_layouts():
    made = list(cases())
    wrong = {f"{case.layout}: {case.title}": found for case in made if (found := titled(case)) != case.title}
    assert len(made) >= 100 and len(wrong) <= (1 - BAR) * len(made), wrong


def test_facts_of_varied_layouts():
    made = list(cases())
    for fact in FACTS:
        stated = [case for case in made if getattr(case, fact)]
        assert len(stated) >= 20
        wrong = {
            f"{case.layout}: {wanted(case, fact)}": found
            for case in made
            if (found := read_metadata(case.text, titled(case)).get(fact, "")) != wanted(case, fact)
        }
        assert len(wrong) <= (1 - BAR) * len(made), (fact, wrong)


def titled(case: Case) -> str:
    return find_title(case.text, case.declared, case.stem, case.boxes)


def test_the_largest_type_of_a_real_page_is_the_title():
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfgen.canvas import Canvas

    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    buffer = io.BytesIO()
    paper = Canvas(buffer, pagesize=(595, 842))
    for line, size, y in (
        ("职工文化系列读物", 12, 780), ("工会编写小组", 12, 750), ("走进职工书屋", 30, 600), ("二〇二三年春", 12, 400),
        ("书屋建在车间旁边，每天开放到晚上九点，职工下了班就来。", 12, 300),
    ):  # fmt: skip
        paper.setFont("STSong-Light", size)
        paper.drawCentredString(297, y, line)
    paper.save()
    assert load_bytes(buffer.getvalue(), "0a1b2c3d4e5f.pdf").documents[0].title == "走进职工书屋"


def test_the_files_name_wins_over_a_line_that_shares_no_word_with_it():
    text = "机器设备运行情况\n设备全天运行，没有停过。\n"
    assert find_title(text, "", "春节值班安排") == "春节值班安排"
    assert find_title(text, "", "机器设备") == "机器设备运行情况"
    assert find_title(text, "", "3f2a9c7be1d04455") == "机器设备运行情况"
    assert find_title("关于春节放假的通知\n各单位：\n", "", "扫描合集") == "关于春节放假的通知"


def test_words_of_buttons_in_a_title_are_words():
    assert find_title("注册会计师管理办法\n第一条 略。\n", "", "x") == "注册会计师管理办法"
    assert find_title("登录 注册\n职工之家\n工会是职工之家。\n", "", "x") == "职工之家"
