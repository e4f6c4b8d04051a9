"""The Excel sheet that a person fills in: template out, questions in, results out; the page calls these too."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import openpyxl
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import IllegalCharacterError, InvalidFileException
from openpyxl.worksheet.worksheet import Worksheet

from rag.errors import EvaluationError
from rag.evaluation.beir import nothing_usable
from rag.evaluation.library import Library, library_of
from rag.evaluation.records import Evidence, Problem, Question, TestSet
from rag.evaluation.testset import UNTYPED, Lookups, RowError, not_found
from rag.service import Service

REQUIRED = ("问题",)
HEADINGS = ("问题", "期望文档", "期望原文", "备注")
OPTIONAL = ("编号", "类型")
SHEET = "评测题"
NO_ANSWER = ("无答案", "没有答案", "不应回答", "off-topic", "near-domain")
EXAMPLES = (
    ("工会主席由谁选举产生？", "工会章程.docx", "工会主席、副主席由会员大会选举产生", ""),
    ("（例）食堂几点开饭？", "", "", "无答案"),
)
HELP = (
    "每行一个问题，从第 2 行填起；示例行可以删掉。",
    "期望文档：文件名或标题；只有一份文档含这句原文时可以不填。",
    "期望原文：从原文复制的一句（15～160 字最好）。需要几处原文才算答全时，每处各占一行（单元格内按 Alt+Enter）。",
    "备注：写“无答案”表示资料里没有答案，服务应当拒答。",
    "“无答案 无关”指题目与资料毫不相干，“无答案 未提及”指话题在、要问的那一点不在；其余算作相近话题。",
    "期望文档、期望原文、备注都空着的题，只回答、不打分。",
)
CELL_MAX = 32_767  # characters; Excel holds no more
BYTES_MAX = 50_000_000
UNPACKED_MAX = 500_000_000
HEADING_ROWS = 20  # the heading row is looked for among these
WIDTHS: Mapping[str, int] = {"问题": 40, "期望文档": 28, "期望原文": 60, "备注": 24, "类型": 10, "编号": 8}
_WRAPPED, _BOLD = Alignment(wrap_text=True, vertical="top"), Font(bold=True)
_SHADE = PatternFill("solid", fgColor="FFE8EEF4")
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class _Cells:
    """One row as text, with its number."""

    number: int
    by_heading: Mapping[str, str]

    def get(self, heading: str) -> str:
        """The cell under a heading, without outer blanks."""
        return self.by_heading.get(heading, "").strip()


def template_bytes(rows: Sequence[Sequence[str]] = EXAMPLES) -> bytes:
    """An .xlsx with the four headings, a help sheet, and rows (examples, or drafted questions)."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(SHEET)
    write_sheet(sheet, HEADINGS, rows)
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


def _cell(sheet: Worksheet, value: str | float, heading: bool = False) -> WriteOnlyCell:
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


def read_workbook(data: bytes, name: str, library: Library, limit: int | None = None) -> TestSet:
    """Questions of a filled-in sheet, the first sheet that has the heading 问题.

    name: for messages. limit: rows beyond it are named and left out. Raises EvaluationError when no row can be used.
    """
    problems: list[Problem] = []
    questions: list[Question] = []
    ids: set[str] = set()
    rows = 0
    lookups = Lookups()
    for cells in _rows(data, name, problems):
        rows += 1
        if limit is not None and len(questions) >= limit:
            problems.append(Problem(name, cells.number, "", f"只用前 {limit} 题，本行起没有用"))
            break
        try:
            question = _question(cells, library, lookups)
            if question.question_id in ids:
                raise RowError("编号", f"编号 {question.question_id} 重复，只用前面的一行")
        except RowError as error:
            problems.append(Problem(name, cells.number, error.column, str(error)))
            continue
        ids.add(question.question_id)
        questions.append(question)
    if not questions:
        raise nothing_usable(name, "问题", problems)
    return TestSet(Path(name).stem, tuple(questions), tuple(problems), rows)


def _rows(data: bytes, name: str, problems: list[Problem]) -> Iterator[_Cells]:
    """Rows that hold anything, under the headings found; a missing column is named."""
    book = _opened(data, name)
    try:
        for sheet in book.worksheets:
            sheet.reset_dimensions()  # the size a file claims may be wrong, and then rows would be lost
            headings: list[str] = []
            for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
                cells = [_plain(value) for value in row]
                if headings:
                    if any(cells):
                        yield _Cells(number, dict(zip(headings, cells, strict=False)))
                elif set(REQUIRED) <= {cell.strip() for cell in cells}:
                    headings = [cell.strip() for cell in cells]
                    missing = "、".join(heading for heading in HEADINGS if heading not in headings)
                    if missing:
                        problems.append(Problem(name, number, missing, "缺少这些列，按没有填计", fatal=False))
                elif number >= HEADING_ROWS:
                    break
            if headings:
                return
    except (ValueError, KeyError, TypeError, SyntaxError, zipfile.BadZipFile, EOFError) as error:
        raise EvaluationError(f"{name} 已损坏，读不出来：{str(error)[:80]}。/ Damaged workbook.") from error
    finally:
        book.close()
    raise EvaluationError(
        f"{name} 缺少“问题”一列（在前 {HEADING_ROWS} 行里没有找到）。请用模板：yuanwen eval --template 评测.xlsx。"
        " / No column 问题."
    )


def _opened(data: bytes, name: str) -> openpyxl.Workbook:
    if len(data) > BYTES_MAX:
        raise EvaluationError(f"{name} 太大：最多 {BYTES_MAX // 1_000_000} MB。/ Too large.")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(member.file_size for member in archive.infolist()) > UNPACKED_MAX:
                raise EvaluationError(f"{name} 解开后过大，疑似压缩炸弹，没有打开。/ Looks like an archive bomb.")
        return openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, IllegalCharacterError, ValueError, KeyError, OSError) as error:
        raise EvaluationError(
            f"{name} 不是可以打开的 .xlsx（旧的 .xls 或加密的文件请另存为 .xlsx）。/ Not a readable .xlsx."
        ) from error


def _plain(value: object) -> str:
    """A cell as text; Excel's line ends as \\n; whole numbers without .0."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).replace("_x000D_", "").replace("\r\n", "\n").replace("\r", "\n")


def _question(cells: _Cells, library: Library, lookups: Lookups) -> Question:
    text, note = cells.get("问题"), cells.get("备注")
    if not any(char.isalnum() for char in text):
        raise RowError("问题", "没有填问题")
    documents = [line.strip() for line in cells.get("期望文档").splitlines() if line.strip()]
    quotes = cells.get("期望原文")
    identifier = cells.get("编号") or str(cells.number)
    kind = cells.get("类型") or UNTYPED
    if any(mark in note for mark in NO_ANSWER):
        if quotes or documents:
            raise RowError("备注", "备注说无答案，却填了期望文档或期望原文")
        return Question(identifier, text, kind, False, note=note, row=cells.number)
    evidence = _evidence(documents, quotes, library, lookups)
    return Question(identifier, text, kind, True if evidence else None, evidence, note=note, row=cells.number)


def _evidence(documents: list[str], quotes: str, library: Library, lookups: Lookups) -> tuple[Evidence, ...]:
    doc_ids = []
    for name in documents:
        doc_id = library.resolve(name)
        if doc_id is None:
            raise RowError("期望文档", library.unknown(name))
        doc_ids.append(doc_id)
    if not quotes:
        return tuple(Evidence(doc_id, "") for doc_id in doc_ids)
    whole = _place(quotes, doc_ids, library)
    if whole is not None:
        return (whole,)
    found = []
    for quote in (line.strip() for line in quotes.splitlines() if line.strip()):
        place = _place(quote, doc_ids, library)
        if place is None:
            raise RowError("期望原文", not_found(quote, doc_ids[0] if len(doc_ids) == 1 else None, library, lookups))
        found.append(place)
    return tuple(found)


def _place(quote: str, doc_ids: list[str], library: Library) -> Evidence | None:
    """Where a quote stands: in one of the named documents, or in the only document that holds it."""
    named = [(doc_id, spans) for doc_id in doc_ids if (spans := library.find_loosely(doc_id, quote))]
    if named:
        return Evidence(named[0][0], quote, named[0][1])
    if doc_ids:
        return None
    everywhere = library.everywhere(quote)
    if len(everywhere) > 1:
        names = "、".join(doc_id for doc_id, _ in everywhere[:3])
        raise RowError("期望文档", f"这句原文在 {len(everywhere)} 份文档里都有（{names}…），请写明是哪一份")
    return Evidence(everywhere[0][0], quote, everywhere[0][1]) if everywhere else None


def run_excel(
    service: Service,
    data: bytes,
    folder: Path,
    name: str = "评测.xlsx",
    limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Ask and score a filled-in sheet, as `yuanwen eval` does, and write the report. Returns the report's page.

    folder: where answers are kept and the report goes; the same folder again goes on after an interruption.
    """
    from rag.evaluation.evaluate import evaluate_gold
    from rag.evaluation.report import write_report
    from rag.evaluation.runner import ANSWERS

    test_set = read_workbook(data, name, library_of(service), limit)
    evaluation = evaluate_gold(service, test_set, folder / ANSWERS, progress=progress)
    return write_report(evaluation, None, folder)
