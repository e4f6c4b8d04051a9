"""Office files with the sample text, made by the public libraries of their formats."""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.loading.known_text import BODY, LINES, ROWS, TITLE


def saved(save: Callable[[io.BytesIO], object]) -> bytes:
    buffer = io.BytesIO()
    save(buffer)
    return buffer.getvalue()


def word_bytes(*, table: bool = False, edges: bool = False, numbered: bool = False) -> bytes:
    """A .docx with the sample text, and on demand a table, header, footer and footnote, or a numbered list."""
    import docx

    document = docx.Document()
    for line in LINES:
        document.add_paragraph(line)
    if table:
        grid = document.add_table(len(ROWS), len(ROWS[0]))
        for row, cells in zip(grid.rows, ROWS, strict=True):
            for cell, text in zip(row.cells, cells, strict=True):
                cell.text = text
        document.add_paragraph("表后文字。")
    if numbered:
        for text in ("第一个事项。", "第二个事项。"):
            document.add_paragraph(text, style="List Number")
    if edges:
        document.sections[0].header.paragraphs[0].text = "页眉：内部资料"
        document.sections[0].footer.paragraphs[0].text = "页脚：武进区总工会"
        _footnote(document)
    return saved(document.save)


def _footnote(document: object) -> None:
    from docx.opc.packuri import PackURI
    from docx.opc.part import Part

    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    blob = (
        f'<w:footnotes xmlns:w="{space}"><w:footnote w:type="separator" w:id="0"><w:p/></w:footnote>'
        '<w:footnote w:id="1"><w:p><w:r><w:t>脚注：见工会法第二条。</w:t></w:r></w:p></w:footnote></w:footnotes>'
    ).encode()
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"
    part = Part(PackURI("/word/footnotes.xml"), kind, blob, document.part.package)  # type: ignore[attr-defined]
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"
    document.part.relate_to(part, relation)  # type: ignore[attr-defined]


def slides_bytes(*, table: bool = False) -> bytes:
    """A .pptx of two slides with notes, and on demand a table."""
    import pptx
    from pptx.util import Inches

    show = pptx.Presentation()
    for number in (1, 2):
        slide = show.slides.add_slide(show.slide_layouts[1])
        slide.shapes.title.text = f"第{number}讲 {TITLE}"
        slide.placeholders[1].text = "\n".join(BODY[number : number + 2])
        slide.notes_slide.notes_text_frame.text = f"备注{number}：讲解时间十分钟。"
        if table:
            frame = slide.shapes.add_table(len(ROWS), len(ROWS[0]), 0, 0, Inches(4), Inches(2))
            for row, cells in zip(frame.table.rows, ROWS, strict=True):
                for cell, text in zip(row.cells, cells, strict=True):
                    cell.text = text
    return saved(show.save)


def sheets_bytes(*, two: bool = False) -> bytes:
    """An .xlsx with a title row above the header, and on demand a second sheet."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "名单"
    sheet.append(["二〇二三年培训名单"])
    for number, row in enumerate(ROWS):
        sheet.append([*row[:2], int(row[2]) if number else row[2]])
    if two:
        other = book.create_sheet("说明")
        for line in BODY:
            other.append([line])
    return saved(book.save)


def rtf_bytes(*, unicode: bool) -> bytes:
    """An .rtf with header, footnote and table, its characters as code points or as bytes of GBK."""

    def unicode_run(text: str) -> str:
        units = text.encode("utf-16-le")
        pairs = (int.from_bytes(units[i : i + 2], "little", signed=True) for i in range(0, len(units), 2))
        return "".join(f"\\u{u}?" for u in pairs)

    def byte_run(text: str) -> str:
        return "".join(chr(b) if 0x20 <= b < 0x7F and b not in b"\\{}" else f"\\'{b:02x}" for b in text.encode("gbk"))

    run = unicode_run if unicode else byte_run
    head = "{\\rtf1\\ansi\\ansicpg936\\deff0{\\fonttbl{\\f0\\fnil\\fcharset134 SimSun;}}{\\info{\\title x}}\\f0 "
    table = "".join("\\trowd" + "".join(f"\\intbl {run(c)}\\cell" for c in row) + "\\row\n" for row in ROWS)
    note = "{\\footnote " + run("脚注：见工会法第二条。") + "}"
    body = "".join(run(line) + "\\par\n" for line in LINES)
    return (head + "{\\header " + run("页眉文字") + "}" + body + note + table + "}").encode("ascii")


def odt_bytes() -> bytes:
    """An .odt with an automatic list, a footnote and a table."""
    from odf import table as tables
    from odf import teletype
    from odf.opendocument import OpenDocumentText
    from odf.text import H, List, ListItem, ListLevelStyleNumber, ListStyle, Note, NoteBody, NoteCitation, P

    document = OpenDocumentText()
    heading = H(outlinelevel=1)
    teletype.addTextToElement(heading, TITLE)
    document.text.addElement(heading)
    for line in BODY:
        document.text.addElement(P(text=line))
    style = ListStyle(name="编号")
    style.addElement(ListLevelStyleNumber(level=1, numformat="一, 二, 三, ...", numsuffix="、"))
    document.automaticstyles.addElement(style)
    numbered = List(stylename="编号")
    for text in ("第一个事项。", "第二个事项。"):
        item = ListItem()
        item.addElement(P(text=text))
        numbered.addElement(item)
    document.text.addElement(numbered)
    note = Note(noteclass="footnote", id="n1")
    note.addElement(NoteCitation(text="1"))
    body = NoteBody()
    body.addElement(P(text="脚注：见工会法第二条。"))
    note.addElement(body)
    last = P(text="详见附件。")
    last.addElement(note)
    document.text.addElement(last)
    grid = tables.Table(name="t")
    for row in ROWS:
        line = tables.TableRow()
        for text in row:
            cell = tables.TableCell()
            cell.addElement(P(text=text))
            line.addElement(cell)
        grid.addElement(line)
    document.text.addElement(grid)
    return saved(document.save)


def old_word_bytes(folder: Path) -> bytes:
    """A .doc (WPS writes the same format) made by LibreOffice in a folder of its own below `folder`."""
    return _old_bytes(folder, word_bytes(table=True), "docx", "doc", "doc:MS Word 97")


def old_sheets_bytes(folder: Path) -> bytes:
    """An .xls, the same way."""
    return _old_bytes(folder, sheets_bytes(two=True), "xlsx", "xls", "xls:MS Excel 97")


def old_slides_bytes(folder: Path) -> bytes:
    """A .ppt, the same way."""
    return _old_bytes(folder, slides_bytes(table=True), "pptx", "ppt", "ppt:MS PowerPoint 97")


def _old_bytes(folder: Path, data: bytes, newer: str, older: str, kind: str) -> bytes:
    work = folder / "work"
    work.mkdir(parents=True)
    source = work / f"旧式.{newer}"
    source.write_bytes(data)
    subprocess.run(
        ["soffice", "--headless", f"-env:UserInstallation={(work / 'profile').as_uri()}", "--convert-to", kind,
         "--outdir", str(work), str(source)],
        check=True, timeout=120, capture_output=True,
    )  # fmt: skip
    made = (work / f"旧式.{older}").read_bytes()
    shutil.rmtree(work)
    return made
