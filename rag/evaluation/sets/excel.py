"""Read the Excel sheet that a person filled in; `sheets` writes it."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import openpyxl
from openpyxl.utils.exceptions import IllegalCharacterError, InvalidFileException

from rag.errors import EvaluationError
from rag.evaluation.sets.library import Library
from rag.evaluation.sets.records import HARD, KINDS, NEAR, OFF, Evidence, Problem, Question, TestSet
from rag.evaluation.sets.rows import nothing_usable
from rag.evaluation.sets.sheets import EXAMPLE
from rag.evaluation.sets.testset import UNTYPED, Lookups, RowError, kind_noted, not_found

REQUIRED = ("问题",)
USUAL = ("期望文档", "期望原文", "备注")  # missing ones are named; the others are for those who want them
_UNANSWERED = re.compile(rf"(?:无答案|没有答案|不应回答)[\s，,；;：:]*|(?={OFF}|{NEAR})")  # how such a note begins
_NAMED_KINDS = {label: kind for kind, label in KINDS.items()} | {"未提及": HARD} | {kind: kind for kind in KINDS}
BYTES_MAX = 50_000_000
UNPACKED_MAX = 500_000_000
HEADING_ROWS = 20  # the heading row is looked for among these


@dataclass(frozen=True, slots=True)
class _Cells:
    """One row as text, with its number."""

    number: int
    by_heading: Mapping[str, str]

    def get(self, heading: str) -> str:
        """The cell under a heading, without outer blanks."""
        return self.by_heading.get(heading, "").strip()


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
            for number, values in enumerate(sheet.iter_rows(values_only=True), 1):
                cells = [_plain(value) for value in values]
                if headings:
                    row = _Cells(number, dict(zip(headings, cells, strict=False)))
                    if any(cells) and not row.get("问题").startswith(EXAMPLE):
                        yield row
                elif set(REQUIRED) <= {cell.strip() for cell in cells}:
                    headings = [cell.strip() for cell in cells]
                    missing = "、".join(heading for heading in USUAL if heading not in headings)
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
    sort = cells.get("类型") or UNTYPED
    if (found := _kind(cells)) is not None:
        column, kind = found
        if quotes or documents:
            raise RowError(column, f"{column}说没有答案，却填了期望文档或期望原文")
        return Question(identifier, text, sort, False, note=note, row=cells.number, kind=kind)
    evidence = evidence_of(documents, quotes, library, lookups)
    return Question(identifier, text, sort, True if evidence else None, evidence, note=note, row=cells.number)


def _kind(cells: _Cells) -> tuple[str, str] | None:
    """(column that says so, kind) of a question that has no answer; None for others."""
    chosen = cells.get("无答案")
    if chosen and chosen not in _NAMED_KINDS:
        raise RowError("无答案", f"应为 {'、'.join(KINDS.values())} 之一，实为“{chosen[:40]}”")
    if chosen:
        return "无答案", _NAMED_KINDS[chosen]
    note = cells.get("备注")
    begins = _UNANSWERED.match(note)
    if begins is None:
        return None
    rest = note[begins.end() :]
    named = next((kind for label, kind in _NAMED_KINDS.items() if rest.startswith(label)), NEAR)
    return "备注", HARD if named == NEAR and kind_noted(rest) == HARD else named


def evidence_of(documents: Sequence[str], quotes: str, library: Library, lookups: Lookups) -> tuple[Evidence, ...]:
    """The places that a person means by names of documents and quotes, one a line, white space aside.

    Raises RowError for a document or a quote that is not there, or is in several documents.
    """
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


def _place(quote: str, doc_ids: Sequence[str], library: Library) -> Evidence | None:
    """The place of a quote: in one of the named documents, or in the only document that holds it."""
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
