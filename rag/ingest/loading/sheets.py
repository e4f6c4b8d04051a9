"""Workbooks (.xlsx): each sheet a page, each row a line `表头：内容；…`, values as the sheet shows them."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from rag.ingest.loading.ooxml import left_out, office_package
from rag.ingest.loading.records import Extracted, Job, TextBuilder
from rag.ingest.loading.safety import parsing, too_large
from rag.ingest.loading.sheet_parts import beside_cells
from rag.ingest.loading.tables import labelled_row, plain_row

if TYPE_CHECKING:
    from openpyxl.cell.read_only import ReadOnlyCell
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_DECIMALS = re.compile(r"\.(0+)")
_LOOK = 12


def extract_xlsx(data: bytes, job: Job) -> Extracted:
    """Sheets in order, hidden ones too. Formulas give the value Excel stored, or themselves where it stored none."""
    import openpyxl

    builder = TextBuilder()
    warnings: list[str] = []
    data, archive = office_package(data, job, "Excel 工作簿")
    with archive, parsing(job.name, "Excel 工作簿"):
        formulas = any(_mentions_formula(archive.read(n)) for n in archive.namelist() if "/worksheets/" in n)
        beside = beside_cells(archive)
        workbook = openpyxl.load_workbook(BytesIO(data), read_only=True, data_only=True)
        plain = openpyxl.load_workbook(BytesIO(data), read_only=True) if formulas else None
        try:
            unstored = 0
            for sheet in workbook.worksheets:
                builder.page(f"工作表“{sheet.title}”")
                if sheet.sheet_state != "visible":
                    warnings.append(f"工作表“{sheet.title}”是隐藏的，也已读入。 (hidden sheet read)")
                twin = plain[sheet.title] if plain is not None else None
                rows, missing = _rows(sheet, twin, job)
                unstored += missing
                for line in (*sheet_lines(rows), *beside.pop(sheet.title, ())):
                    builder.add(line)
            for name, lines in beside.items():  # chart sheets
                if lines:
                    builder.page(f"工作表“{name}”")
                for line in lines:
                    builder.add(line)
            title = str(workbook.properties.title or "")
        finally:
            workbook.close()
            if plain is not None:
                plain.close()
        warnings.extend(left_out(archive.namelist()))
    if unstored:
        warnings.append(f"{unstored} 个公式没有存下结果，读入的是公式本身。 (formulas without stored values)")
    return Extracted(builder.text, MEDIA_TYPE, title=title, pages=builder.pages, warnings=tuple(warnings))


def _mentions_formula(xml: bytes) -> bool:
    return b"<f>" in xml or b"<f " in xml


def _rows(sheet: ReadOnlyWorksheet, twin: ReadOnlyWorksheet | None, job: Job) -> tuple[list[list[str]], int]:
    """Cell texts by row, blank rows left out, and how many formulas had no stored value."""
    sheet.reset_dimensions()  # the declared size may be anything
    rows: list[list[str]] = []
    missing = 0
    seen = 0
    others: Iterator[Sequence[ReadOnlyCell]] | None = None
    if twin is not None:
        twin.reset_dimensions()
        others = twin.iter_rows()  # type: ignore[misc, assignment]  # its stub wants the self of another class
    for number, row in enumerate(sheet.iter_rows()):  # type: ignore[misc]  # the same
        other = next(others, ()) if others is not None else ()
        seen += len(row) + 1
        if seen > job.limits.max_cells:
            raise too_large(job.name, f"单元格超过上限 {job.limits.max_cells} 个")
        if number % 1000 == 0:
            job.check_time()
        line = [shown_value(c.value, c.number_format) if c.value is not None else "" for c in row]
        for place, cell in enumerate(other):
            if place < len(line) and not line[place] and isinstance(cell.value, str) and cell.value.startswith("="):
                line[place] = cell.value
                missing += 1
        if any(line):
            rows.append(line)
    return rows, missing


def sheet_lines(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines of a sheet: titles above the header as they are, the header, then rows labelled with it."""
    at = _header_row(rows)
    for number, row in enumerate(rows):
        cells = [c.strip() for c in row]
        if number > at >= 0:
            yield labelled_row([c.strip() for c in rows[at]], cells)
        else:
            yield plain_row(cells)


def _header_row(rows: Sequence[Sequence[str]]) -> int:
    """The first row, near the top, that names at least two columns and as many as the rows below fill; -1 for none."""
    filled = [sum(1 for c in row if c.strip()) for row in rows[: _LOOK + 20]]
    if len(filled) < 2:
        return -1
    usual = sorted(filled)[len(filled) // 2]
    for at, row in enumerate(rows[:_LOOK]):
        cells = [c.strip() for c in row if c.strip()]
        if len(cells) < 2 or len(cells) < usual * 0.8 or at + 1 == len(rows):
            continue
        words = all(len(c) <= 30 and not re.fullmatch(r"[\d.,%/:\-\s]+", c) for c in cells)
        return at if words and len(set(cells)) == len(cells) else -1
    return -1


def shown_value(value: object, number_format: str) -> str:
    """A cell's value as the sheet shows it, for the formats in everyday use; others as Python writes them."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time()
        return value.strftime("%Y-%m-%d") if midnight else value.strftime("%Y-%m-%d %H:%M:%S").removesuffix(":00")
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (int, float)):
        return _shown_number(value, (number_format or "General").split(";")[0])
    return str(value)


def _shown_number(value: int | float, pattern: str) -> str:
    decimals = _DECIMALS.search(pattern)
    places = len(decimals[1]) if decimals else 0
    if pattern.endswith("%"):
        return f"{value * 100:.{places}f}%"
    if "#,##0" in pattern:
        return f"{value:,.{places}f}"
    if re.fullmatch(r"0+(?:\.0+)?_?\s?", pattern):
        whole = len(pattern.split(".")[0].rstrip("_ "))
        return f"{value:0{whole + places + (1 if places else 0)}.{places}f}"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.15g}"
    return str(value)
