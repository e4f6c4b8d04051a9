"""What recurs at one height on most pages is cut; data that look alike are not, and the report tells the two apart."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pytest

from rag.cli.doctor import examine
from rag.cli.terminal import kept_and_removed
from rag.datamodels import Document, LineBox, Page, Passage
from rag.ingest.chunking import cut
from rag.ingest.cleaning import PAGE_NUMBER, REASONS, RUNNING_HEAD, find_removals
from rag.ingest.loading import load_bytes
from rag.ingest.preparing import make_of, prepared
from rag.web.page import source

TOP, BODY, FOOT = 0.05, 0.4, 0.93
Lines = Sequence[tuple[str, float]]


def paged(pages: Sequence[Lines], media_type: str = "application/pdf") -> Document:
    """A document whose pages have these lines, each at its height."""
    text, starts, boxes = "", [], []
    for number, lines in enumerate(pages, 1):
        starts.append(Page(len(text), f"第{number}页"))
        for line, height in lines:
            boxes.append(LineBox(len(text), len(text) + len(line), number, 0.1, height, 0.9, height + 0.02))
            text += line + "\n"
    visual = {"line_breaks": "visual"}
    return Document("d.pdf", "题", text, "0" * 64, media_type, visual, tuple(starts), tuple(boxes))


def body(number: int) -> tuple[str, float]:
    return f"这一页讲的是第{number * 17}件事情，各不相同。", BODY


def removed(document: Document) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for removal in find_removals(document):
        words = document.text[removal.start : removal.end].strip()
        if words:
            found.setdefault(removal.reason, []).append(words)
    return found


def passages(document: Document) -> tuple[Passage, ...]:
    return cut(document, find_removals(document))


def readable(document: Document) -> str:
    return "\n".join(passage.text for passage in passages(document))


@pytest.mark.parametrize(
    "number",
    ["{0}", "- {0} -", "— {0} —", "第 {0} 页", "第{0}页 共 6 页", "{0}/6", "Page {0} of 6", "·{0}·", "第{0}页/共6页"],
)
def test_page_numbers_are_removed_as_such(number):
    document = paged([(body(at), (number.format(at + 2), FOOT)) for at in range(1, 7)])
    assert removed(document) == {PAGE_NUMBER: [number.format(at + 2) for at in range(1, 7)]}


def test_a_head_with_a_page_number_is_removed_and_kept_once_where_it_is_nowhere_else():
    document = paged([((f"内部资料  第 {at} 页", TOP), body(at)) for at in range(1, 6)])
    assert removed(document) == {RUNNING_HEAD: [f"内部资料  第 {at} 页" for at in range(2, 6)]}
    titled = paged([((f"内部资料 {at}", TOP), ("内部资料", 0.2), body(at)) for at in range(1, 6)])
    assert removed(titled) == {RUNNING_HEAD: [f"内部资料 {at}" for at in range(1, 6)]}


def test_a_sentence_is_joined_over_head_and_page_number():
    halves = [
        "各单位要认真学习有关文件精神，进一步提高认识，切",
        "实把各项工作任务落实到位，不断增强职工群众的获得",
        "感和满意度。",
    ]
    document = paged([(("总工会文件", TOP), (half, BODY), (f"- {at} -", FOOT)) for at, half in enumerate(halves, 1)])
    assert "切实把各项" in readable(document) and "获得感和满意度" in readable(document)
    assert readable(document).count("总工会文件") == 1


def test_the_head_that_is_kept_parts_no_sentence_and_is_glued_to_none():
    halves = [
        "封面",
        "各单位要认真学习有关文件精神，进一步提高认识，",
        "切实把各项工作任务落实到位。",
        "再次强调，要落实。",
        "完了。",
    ]
    head = "某某市总工会关于加强职工服务工作文件汇编第二辑"
    document = paged([(((head, TOP),) if at > 1 else ()) + ((half, BODY),) for at, half in enumerate(halves, 1)])
    assert readable(document).count(head) == 1
    assert "进一步提高认识，切实把" in readable(document)
    assert all(head in passage.text.splitlines() for passage in passages(document) if head in passage.text)


def test_heads_of_left_and_right_pages_alternate():
    heads = ("工会工作手册", "第二章 组织建设")
    document = paged([((heads[at % 2], TOP), body(at)) for at in range(1, 9)])
    assert len(removed(document)[RUNNING_HEAD]) == 6


@pytest.mark.parametrize(
    "line",
    [
        "价税合计 ¥10000.00",  # the same amount on each invoice of a bundle
        "合计：3,200.50",
        "贰仟叁佰元整",
        "完成率 85%",
    ],
)
def test_amounts_are_never_removed(line):
    document = paged([(body(at), (line, FOOT)) for at in range(1, 6)])
    assert removed(document) == {}


@pytest.mark.parametrize(
    "line",
    [
        "发票号码：1223{0}",  # counts up with the pages, and is no page number
        "发票号码 1223535{0}",
        "合计 ¥{0}0000.00",
        "第{0}章 总则",
        "表{0}",
        "2023年{0}月",
        "No. {0}",
        "共计 {0}00 人",
    ],
)
def test_numbers_that_are_no_page_numbers_make_lines_differ(line):
    document = paged([((line.format(at), TOP), body(at)) for at in range(1, 7)])
    assert removed(document) == {}


def test_a_number_that_does_not_count_the_pages_is_data():
    document = paged([(body(at), (str(number), FOOT)) for at, number in enumerate((3, 3, 3, 7, 12, 2), 1)])
    assert removed(document) == {}


def test_what_a_page_alone_shows_is_kept():
    pages = [[body(at), (f"- {at} -", FOOT)] for at in range(1, 7)]
    pages[5].insert(1, ("武进区总工会", 0.9))
    pages[2].insert(0, ("12", TOP))
    document = paged(pages)
    assert removed(document) == {PAGE_NUMBER: [f"- {at} -" for at in range(1, 7)]}


def test_a_line_at_other_heights_or_inside_the_page_is_kept():
    wandering = paged([(("审批意见：同意", 0.02 + 0.03 * (at % 3)), body(at)) for at in range(1, 7)])
    inside = paged([(("姓名 部门 职务", 0.3), body(at)) for at in range(1, 7)])
    assert removed(wandering) == removed(inside) == {}


def test_a_line_in_the_head_of_some_pages_and_the_foot_of_others():
    half = paged([(("学习材料", TOP if at % 2 else FOOT), body(at)) for at in range(1, 5)])
    assert removed(half) == {}
    most = paged([(("学习材料", FOOT if at == 2 else TOP), body(at)) for at in range(1, 7)])
    assert removed(most) == {RUNNING_HEAD: ["学习材料"] * 5}


def test_lines_whose_place_is_unknown_are_kept():
    document = paged([(("内部资料", TOP), body(at)) for at in range(1, 6)])
    blind = Document("d", "", document.text, "", document.media_type, document.metadata, document.pages)
    assert removed(document) and removed(blind) == {}


def test_sheets_slides_and_chapters_are_no_pages():
    import openpyxl
    import pptx

    book, show = openpyxl.Workbook(), pptx.Presentation()
    for number in range(1, 6):
        sheet = book.create_sheet(f"{number}月")
        for row in (("序号", "姓名", "金额"), (number, "张三", 1000), ("合计", "", 1000)):
            sheet.append(row)
        slide = show.slides.add_slide(show.slide_layouts[1])
        slide.shapes.title.text = f"工作汇报 {number}"
        slide.placeholders[1].text = "要点"
    for name, made in (("表.xlsx", book), ("片.pptx", show)):
        buffer = io.BytesIO()
        made.save(buffer)
        document = load_bytes(buffer.getvalue(), name).documents[0]
        assert len(document.pages) >= 5 and removed(document) == {}


def test_heads_of_a_real_pdf_are_found_by_their_height():
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfgen.canvas import Canvas

    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    buffer = io.BytesIO()
    paper = Canvas(buffer, pagesize=(595, 842))
    for number in range(1, 6):
        paper.setFont("STSong-Light", 12)
        paper.drawString(60, 800, "内部资料")
        paper.drawString(60, 600 - number * 20, "审批意见：同意")
        paper.drawString(60, 200, f"第{number * 13}件事情。")
        paper.drawString(60, 60, "金额合计：¥10000.00")
        paper.drawString(290, 30, f"{number}")
        paper.showPage()
    paper.save()
    document = load_bytes(buffer.getvalue(), "五页.pdf").documents[0]
    assert removed(document) == {RUNNING_HEAD: ["内部资料"] * 4, PAGE_NUMBER: list("12345")}


def test_the_report_tells_kept_from_removed(make_service, toy):
    document = paged([(("内部资料", TOP), body(at), (f"- {at} -", FOOT)) for at in range(1, 6)])
    report = prepared(document, make_of(toy, 250), 250).record.report
    removals = find_removals(document)
    gone = sum(len("".join(document.text[one.start : one.end].split())) for one in removals)
    assert report.removals == {RUNNING_HEAD: 16, PAGE_NUMBER: 15} and gone == 31
    assert report.kept + gone == len("".join(document.text.split()))
    assert 0 < report.coverage == report.kept / (report.kept + gone) < 1
    assert kept_and_removed([report]) == f"可检索 {report.kept} 字；剔除 31 字（页眉页脚 16，页码 15）"

    service = make_service()
    service.ingest_documents([document])
    whole = next(check for check in examine(service) if check.name.startswith("内容完整"))
    assert whole.good and "剔除 31 字（页眉页脚 16，页码 15）" in whole.detail and "100%" not in whole.detail


def test_a_hundred_per_cent_is_said_only_where_nothing_was_removed(toy):
    document = Document("a.txt", "题", "工会是职工之家。", "0" * 64, "text/plain")
    report = prepared(document, make_of(toy, 250), 250).record.report
    assert kept_and_removed([report]) == "可检索 8 字（100%）" and report.coverage == 1


def test_every_reason_has_one_name():
    assert {reason: str(name) for reason, name in source.REASONS.items()} == REASONS
