"""Tables as lines of text, the same way for every format.

A row under a known header becomes `姓名：张三；单位：市总工会`: each row then carries its meaning wherever it is
cut, and every cell is in it unaltered. A table whose header is not certain (forms, layout) becomes
`姓名 | 张三`: a wrong header would state what the source does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_SENTENCE = re.compile(r"[。；！？!?]")
_DIGIT = re.compile(r"\d")
_NUMERIC = re.compile(r"[\d.,%％+\-/年月日:：￥¥$\s]+")
_HAN = re.compile(r"[\u3400-\u9fff]")
_SUMMARY = re.compile(r"[（(]?(?:本页|本月|本年|以上)?\s*[合总小共累]\s*计[）)]?|平均(?:值|数)?|总数|合计数")
_BEGINS = re.compile(r"[^：:，。；]{1,12}[：:]|[一二三四五六七八九十]{1,3}、")
_SHORT_CELL = 40
_LABEL = 12


def table_lines(rows: Sequence[Sequence[str]], *, header: bool | None = None) -> Iterator[str]:
    """Lines of a table, header line first.

    rows: cell texts. header: True when the first row is declared a header, False when it is declared none, None to
    judge by the cells.
    """
    kept = [tidy_row(row) for row in rows]
    kept = [row for row in kept if any(row)]
    if not kept:
        return
    head = kept[0]
    labelled = headed(kept, header=header)
    yield plain_row(head)
    for row in kept[1:]:
        yield labelled_row(head, row) if labelled else plain_row(row)


def tidy_row(row: Sequence[str]) -> list[str]:
    """Cells without outer blanks and without the line breaks of layout."""
    return [_cell(cell) for cell in row]


def headed(rows: Sequence[Sequence[str]], *, header: bool | None = None) -> bool:
    """Whether the rows are labelled with the first of them. rows: tidy, at least one. header: as of table_lines."""
    if header is None:
        header = _looks_headed(rows)
    return header and len(rows) > 1 and sum(map(bool, rows[0])) > 1


def plain_row(row: Sequence[str]) -> str:
    """Cells of one row side by side; blank cells at the end are left out."""
    cells = list(row)
    while cells and not cells[-1]:
        cells.pop()
    if sum(map(bool, cells)) == 1:
        return next(c for c in cells if c)
    return " | ".join(cells)


def labelled_row(head: Sequence[str], row: Sequence[str]) -> str:
    """`表头：内容；…` for the cells that hold something; a summary row begins with 合计 itself."""
    filled = [(i, c) for i, c in enumerate(row) if c]
    if len(filled) == 1 and filled[0][0] == 0 and len(head) > 1:
        return filled[0][1]  # a band across the table, not a value of its first column
    first, summary = filled[0] if filled else (0, "")
    if _SUMMARY.fullmatch(summary) and first < len(head) and head[first] != summary:
        filled, totals = filled[1:], [summary]  # 合计 is no name, no unit and no number: it says what the row is
    else:
        totals = []
    parts = totals + [f"{head[i]}：{cell}" if i < len(head) and head[i] else cell for i, cell in filled]
    return "；".join(parts)


def _cell(text: str) -> str:
    """A cell without outer blanks; line breaks inside a short cell are layout and go."""
    text = text.strip()
    if "\n" not in text or len(text) > _SHORT_CELL:
        return text
    return one_line(text)


def one_line(text: str) -> str:
    """The lines of a cell as one, without blanks between Chinese characters but before what begins of its own."""
    pieces = [p.strip() for p in text.split("\n") if p.strip()]
    joined = pieces[0] if pieces else ""
    for piece in pieces[1:]:
        goes_on = _HAN.match(piece[0]) and _HAN.match(joined[-1]) and not _BEGINS.match(piece)
        joined += ("" if goes_on else " ") + piece
    return joined


def _looks_headed(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns, on evidence; a form of label-value pairs is none."""
    head = rows[0]
    body = rows[1:]
    if len(head) < 2 or not body or not all(head) or len(set(head)) < len(head):
        return False
    if any(len(c) > _LABEL or _DIGIT.search(c) or _SENTENCE.search(c) or "：" in c for c in head):
        return False
    for column in range(len(head)):
        values = [row[column] for row in body if column < len(row) and row[column]]
        if values and all(_NUMERIC.fullmatch(v) for v in values):
            return True
    return not _looks_like_form(rows)


def _looks_like_form(rows: Sequence[Sequence[str]]) -> bool:
    """Label, value, label, value: every cell at an even place is short and bare of digits."""
    if len(rows[0]) % 2:
        return False
    labels = [c for row in rows for c in row[::2] if c]
    return all(len(c) <= 8 and not _DIGIT.search(c) for c in labels)
