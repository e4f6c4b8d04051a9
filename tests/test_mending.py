"""A printed page read back: wrapped lines are sentences again, heads and page numbers are gone, spans still exact."""

from __future__ import annotations

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from rag.datamodels import Document
from rag.ingest.chunking import cut
from rag.ingest.cleaning import PAGE_NUMBER, RUNNING_HEAD, find_removals
from rag.ingest.loading import Source, load
from rag.text.spans import mend
from tests.conftest import SEEDS

WIDTH, LINES = 34, 36  # characters a line, lines a page


def printed(path, paragraphs: list[str], head: str = "内部学习资料") -> None:
    """Set paragraphs as an office printer would: fixed width, indented, a head and a page number on each page."""
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    canvas = Canvas(str(path), pagesize=A4)
    lines = []
    for paragraph in paragraphs:
        indented = "　　" + paragraph
        lines += [indented[at : at + WIDTH] for at in range(0, len(indented), WIDTH)]
    for number, at in enumerate(range(0, len(lines), LINES), 1):
        canvas.setFont("STSong-Light", 12)
        canvas.drawString(250, 810, head)
        for row, line in enumerate(lines[at : at + LINES]):
            canvas.drawString(60, 780 - row * 20, line)
        canvas.drawString(290, 30, f"- {number} -")
        canvas.showPage()
    canvas.save()


@pytest.fixture(scope="module")
def paragraphs() -> list[str]:
    text = next(SEEDS.glob("000*")).read_bytes().decode("utf-8")
    return [line.strip() for line in text.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def page(tmp_path_factory, paragraphs) -> Document:
    path = tmp_path_factory.mktemp("pdf") / "文件.pdf"
    printed(path, paragraphs)
    return load(Source("文件.pdf", path)).documents[0]


def test_every_sentence_is_whole_again(page, paragraphs):
    read = "".join("".join(p.text.split()) for p in cut(page, find_removals(page)))
    assert read == "内部学习资料" + "".join("".join(paragraph.split()) for paragraph in paragraphs)


def test_a_wrapped_line_is_no_sentence_end(page):
    for passage in cut(page, find_removals(page)):
        assert passage.text == mend(page.text, passage.start, passage.end, passage.cuts)
        for start, end in passage.sentences:
            sentence = mend(page.text, start, end, passage.cuts)
            assert sentence[-1] in "。！？；”：" or len(sentence) < 30, sentence


def test_a_wrapped_line_that_looks_like_an_item_goes_on(tmp_path):
    printed(tmp_path / "文件.pdf", [("团结就是力量，" * 10)[:65] + "统一是最持久最可靠的保证。"] * 3)
    document = load(Source("文件.pdf", tmp_path / "文件.pdf")).documents[0]
    assert "\n一是最持久" in document.text
    passages = cut(document, find_removals(document))
    assert "统一是最持久最可靠的保证" in passages[0].text and passages[0].headings == ()


def test_heads_and_page_numbers_have_their_reason(page):
    removed = [(r.reason, page.text[r.start : r.end]) for r in find_removals(page)]
    assert removed.count((RUNNING_HEAD, "内部学习资料")) == len(page.pages) - 1 >= 3  # nowhere else, so one is kept
    assert [text for reason, text in removed if reason == PAGE_NUMBER] == [
        f"- {number} -" for number in range(1, len(page.pages) + 1)
    ]


def test_headings_survive_the_printer(page):
    headings = {heading for p in cut(page, find_removals(page)) for heading in p.headings}
    assert "四、在检视整改上做到更加有力有序" in headings


def test_paragraphs_of_word_files_are_never_glued():
    text = "参会人员名单如下，请各单位认真核对相关信息\n张三，市总工会\n李四，区总工会"
    document = Document(
        "a.docx", "", text, "", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    )
    assert not find_removals(document)
