"""Write Excel sheets: the template that a person fills in, drafted questions, and results."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence

import openpyxl
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from rag.evaluation.sets.records import KINDS

HEADINGS = ("问题", "期望文档", "期望原文", "备注", "无答案")
SHEET = "评测题"
EXAMPLE = "（例）"  # a question that begins so is passed over
EXAMPLES = (
    ("（例）工会主席由谁选举产生？", "工会章程.docx", "工会主席、副主席由会员大会选举产生", "", ""),
    ("（例）食堂几点开饭？", "", "", "", "相近"),
)
HELP = (
    "每行一个问题，从第 2 行填起；以“（例）”开头的示例行不会运行，可以删掉。",
    "期望文档：文件名或标题；只有一份文档含这句原文时可以不填。",
    "期望原文：从原文复制的一句（15～160 字最好）。需要几处原文才算答全时，每处各占一行（单元格内按 Alt+Enter）。",
    "无答案：资料里没有答案、服务应当拒答的题，从下拉表里选一种：无关（与资料毫不相干）、相近（话题相近）、"
    "提到而未说明（话题在，要问的那一点不在）。有答案的题空着。",
    "备注：随便写；以“无答案”开头的，也算没有答案（“无答案 无关”“无答案 提到而未说明”，不写明的算相近）。",
    "期望文档、期望原文、无答案、备注都空着的题，只回答、不打分。",
)
CHOICE_ROWS = 5000  # rows of the template that offer the choice
CELL_MAX = 32_767  # characters; Excel holds no more
WIDTHS: Mapping[str, int] = {
    "问题": 40,
    "期望文档": 28,
    "期望原文": 60,
    "备注": 24,
    "类型": 10,
    "编号": 8,
    "无答案": 16,
}
_WRAPPED, _BOLD = Alignment(wrap_text=True, vertical="top"), Font(bold=True)
_SHADE = PatternFill("solid", fgColor="FFE8EEF4")
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def template_bytes(rows: Sequence[Sequence[str]] = EXAMPLES) -> bytes:
    """An .xlsx with the headings, a help sheet, and rows (examples, or drafted questions)."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(SHEET)
    write_sheet(sheet, HEADINGS, rows)
    choice = DataValidation(type="list", formula1=f'"{",".join(KINDS.values())}"', allow_blank=True)
    column = get_column_letter(HEADINGS.index("无答案") + 1)
    choice.add(f"{column}2:{column}{CHOICE_ROWS}")
    sheet.data_validations.append(choice)
    notes = book.create_sheet("填写说明")
    notes.column_dimensions["A"].width = 120
    for line in HELP:
        notes.append([line])
    return _saved(book)


def results_bytes(sheets: Mapping[str, Sequence[Sequence[str | float]]]) -> bytes:
    """An .xlsx of results: by sheet name, a heading row and rows."""
    book = openpyxl.Workbook(write_only=True)
    for name, rows in sheets.items():
        write_sheet(book.create_sheet(name), [str(cell) for cell in rows[0]], rows[1:])
    return _saved(book)


def write_sheet(sheet: Worksheet, headings: Sequence[str], rows: Sequence[Sequence[str | float]]) -> None:
    """Headings in bold and frozen, cells wrapped; every text stays text, whatever it begins with."""
    sheet.freeze_panes = "A2"
    for at, heading in enumerate(headings, 1):
        sheet.column_dimensions[get_column_letter(at)].width = WIDTHS.get(heading, 40 if "摘录" in heading else 14)
    sheet.append([_cell(sheet, heading, heading=True) for heading in headings])
    for row in rows:
        sheet.append([_cell(sheet, value) for value in row])


def _cell(sheet: Worksheet, value: str | float, heading: bool = False) -> Cell:
    if isinstance(value, str):
        value = _ILLEGAL.sub("\ufffd", value)
        value = value if len(value) <= CELL_MAX else value[: CELL_MAX - 1] + "…"
    cell = WriteOnlyCell(sheet, value=value)
    if isinstance(value, str):
        cell.data_type = "s"  # openpyxl would make a formula of a text that begins with =
    cell.alignment = _WRAPPED
    if heading:
        cell.font = _BOLD
        cell.fill = _SHADE
    return cell


def _saved(book: openpyxl.Workbook) -> bytes:
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()
