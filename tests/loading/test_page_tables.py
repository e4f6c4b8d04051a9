"""Ruled tables of PDF and OFD pages: a row a line with its header, merged cells in each row, nothing lost."""

from __future__ import annotations

from collections import Counter

import pytest

from rag.datamodels import Document
from rag.ingest.chunking import cut
from rag.ingest.cleaning import find_removals
from rag.ingest.loading import load_bytes

from .known_text import ROW_LINES, TITLE
from .page_files import ofd_of_objects, ofd_ruled, ofd_table_bytes, ofd_text, pdf_bytes, pdf_table_bytes, table_lines_of


def read(data: bytes, name: str = "表.pdf") -> Document:
    return load_bytes(data, name).documents[0]


def lines(document: Document) -> list[str]:
    return document.text.split("\n")[:-1]


@pytest.mark.parametrize("turned", [False, True])
def test_rows_carry_their_header_over_the_page_break(turned: bool) -> None:
    document = read(pdf_table_bytes(turned=turned))
    assert len(document.pages) == 2
    assert lines(document) == [TITLE, *table_lines_of(), "表后文字。"]


def test_a_repeated_header_is_no_row_of_values() -> None:
    found = lines(read(pdf_table_bytes(repeated=True)))
    heads = list(table_lines_of()[:2])
    assert [line for line in found if "：" in line] == list(table_lines_of()[2:])
    assert found.count(heads[0]) == found.count(heads[1]) == 2


def test_no_character_is_lost_or_comes_twice() -> None:
    import pypdfium2

    data = pdf_table_bytes(rows=60)
    raw = Counter[str]()
    with pypdfium2.PdfDocument(data) as document:
        for page in document:
            raw.update(c for c in page.get_textpage().get_text_range() if not c.isspace())
    found = Counter(c for c in read(data).text if not c.isspace())
    assert not raw - found
    assert set(found) - set(raw) <= set("：；|")


def test_rows_have_their_places() -> None:
    document = read(pdf_table_bytes())
    boxes = {document.text[b.start : b.end]: b for b in document.boxes}
    first, second = (boxes[line] for line in table_lines_of()[2:4])
    assert first.page == second.page == 1
    assert first.bottom == pytest.approx(second.top, abs=0.01) and first.x0 == pytest.approx(second.x0)
    from rag.ingest.loading.pdf_pages import page_boxes

    other = page_boxes(pdf_table_bytes(), document.pages, document.text, 0, len(document.text))
    assert not other  # or a quote would be boxed twice


def test_a_row_is_one_unit_downstream() -> None:
    document = read(pdf_table_bytes(rows=60))
    passages = cut(document, find_removals(document), 250)
    for line in table_lines_of(60)[2:]:
        start = document.text.index(line)
        (holder,) = (p for p in passages if p.start <= start < p.end)
        assert holder.end >= start + len(line) and line in holder.text.split("\n")


def test_lines_that_rule_no_table_leave_the_text_as_it_is() -> None:
    plain = pdf_bytes([("第一行文字", "第二行文字")])
    assert lines(read(plain)) == ["第一行文字", "第二行文字"]
    found = read(plain)
    assert [found.text[box.start : box.end] for box in found.boxes] == lines(found)  # those of a first page's lines


def test_tables_of_ofd() -> None:
    document = read(ofd_table_bytes(), "表.ofd")
    assert lines(document) == ["表前", *ROW_LINES, "表后"]
    (row,) = (b for b in document.boxes if "李四" in document.text[b.start : b.end])
    assert row.top == pytest.approx(40 / 297, abs=0.005) and row.x1 == pytest.approx(150 / 210, abs=0.005)


def test_labels_of_one_cell_are_not_glued() -> None:
    objects = ofd_ruled([20, 60, 150], [20, 40, 60])
    for words, x, y in (
        ("购买方", 22, 22),
        ("名称：某区总工会", 62, 22),
        ("地址：某路一号", 62, 30),
        ("备注", 22, 42),
        ("无", 62, 42),
    ):
        objects += ofd_text(words, x, y)
    assert lines(read(ofd_of_objects(objects), "表.ofd")) == ["购买方 | 名称：某区总工会 地址：某路一号", "备注 | 无"]
