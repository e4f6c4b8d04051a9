"""Makes the sample corpus: small real files of every format and encoding, holding known Chinese text.

Run `python tests/loading/make_samples.py FOLDER` to look at them; the tests make them in a folder of their own.
"""

from __future__ import annotations

import email.policy
import io
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

TITLE = "关于开展职工技能培训的通知"
BODY = (
    "各镇、街道工会：",
    "为认真学习宣传贯彻中国工会十八大精神，现就有关事项通知如下。",
    "一、提高思想认识。各级工会要把学习贯彻作为当前的首要政治任务。",
    "二、加强组织领导。要建立健全工作机制，确保各项任务落到实处。",
)
LINES = (TITLE, *BODY)
TRADITIONAL = (
    "關於開展職工技能培訓的通知",
    "為認真學習宣傳貫徹會議精神，現就有關事項通知如下。",
    "一、提高思想認識。各級工會要把學習貫徹作為當前的首要政治任務。",
)
ROWS = (("姓名", "单位", "人数"), ("张三", "市总工会", "12"), ("李四", "区总工会办公室", "305"))
ROW_LINES = (
    "姓名 | 单位 | 人数",
    "姓名：张三；单位：市总工会；人数：12",
    "姓名：李四；单位：区总工会办公室；人数：305",
)
SCAN_LINES = ("武进区总工会工作要点", "加强职工思想政治引领")
SCAN = Path(__file__).with_name("data") / "scan.png"
TEXT = "\n".join(LINES) + "\n"


@dataclass(frozen=True)
class Sample:
    """A file and what must come out of it: documents by doc_id, each with its lines in order.

    pages: (label, first line of the page) of the first document. exact: the whole text, where known to the letter.
    """

    name: str
    documents: dict[str, tuple[str, ...]]
    pages: tuple[tuple[str, str], ...] = ()
    exact: str | None = None
    encoding: str = ""
    facts: dict[str, str] = field(default_factory=dict)


def make(folder: Path) -> list[Sample]:
    """Write every sample into `folder`; returns what each must give."""
    samples: list[Sample] = []
    for maker in (_texts, _markup, _tables, _word, _slides, _sheets, _pdfs, _rtf, _odt, _epub, _ofd, _mail, _zips):
        maker(folder, samples)
    if shutil.which("soffice"):
        _old_word(folder, samples)
    return samples


def _put(folder: Path, samples: list[Sample], name: str, data: bytes, lines: tuple[str, ...], **more: object) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    samples.append(Sample(name, {name: lines}, **more))  # type: ignore[arg-type]


def _texts(folder: Path, samples: list[Sample]) -> None:
    chinese = "\n".join(TRADITIONAL)
    for name, text, codec, encoding in (
        ("文本/utf8.txt", TEXT, "utf-8", "utf-8"),
        ("文本/utf8 回车换行.txt", TEXT.replace("\n", "\r\n"), "utf-8", "utf-8"),
        ("文本/utf8-bom.txt", TEXT, "utf-8-sig", "utf-8"),
        ("文本/gb18030 中文 名.txt", TEXT, "gb18030", "gb18030"),
        ("文本/gbk.txt", TEXT, "gbk", "gb18030"),
        ("文本/gb18030四字节.txt", TEXT + "㐂𠮷\n", "gb18030", "gb18030"),
        ("文本/big5.txt", chinese, "big5", "big5"),
        ("文本/utf16le.txt", TEXT, "utf-16-le", "utf-16-le"),
        ("文本/utf16be.txt", TEXT, "utf-16-be", "utf-16-be"),
        ("文本/老式换行.txt", TEXT.replace("\n", "\r"), "utf-8", "utf-8"),
        ("文本/表情🙂 名 字.txt", TEXT + "🙂\n", "utf-8", "utf-8"),
    ):
        _put(folder, samples, name, text.encode(codec), tuple(text.split()), exact=text, encoding=encoding)
    for name, mark, codec in (("utf16le-bom", b"\xff\xfe", "utf-16-le"), ("utf16be-bom", b"\xfe\xff", "utf-16-be")):
        data = mark + TEXT.encode(codec)
        _put(folder, samples, f"文本/{name}.txt", data, LINES, exact=TEXT, encoding=codec)


def _markup(folder: Path, samples: list[Sample]) -> None:
    plain = f"# {TITLE}\n\n" + "\n\n".join(BODY) + "\n\n[链接文字](https://example.org/a)\n"
    _put(folder, samples, "标记/普通.md", plain.encode(), LINES, exact=plain)
    front = "---\ntitle: 前置标题\nissuer: 市总工会\n---\n\n" + "\n\n".join(BODY) + "\n"
    _put(folder, samples, "标记/前置.md", front.encode(), BODY, exact=front, facts={"issuer": "市总工会"})
    page = (
        "<!DOCTYPE html><html><head><meta charset='{0}'><title>{1}</title><style>p{{color:red}}</style>"
        "<script>var 不该出现 = 1;</script></head><body><h1>{1}</h1>{2}{3}</body></html>"
    )
    paragraphs = "".join(f"<p>{line[:5]}<b>{line[5:9]}</b>{line[9:]}</p>\n" for line in BODY)
    cells = "".join(
        "<tr>" + "".join(f"<{tag}>{c}</{tag}>" for c in row) + "</tr>"
        for tag, row in zip(("th", "td", "td"), ROWS, strict=True)
    )
    table = f"<table>{cells}</table><ol><li><p>甲项</p><p>续</p></li><li>乙项</li></ol>"
    for name, charset in (("utf8", "utf-8"), ("gb2312", "gb2312"), ("gb18030", "gb18030")):
        data = page.format(charset, TITLE, paragraphs, table).encode(charset)
        _put(folder, samples, f"标记/{name}.html", data, (*LINES, *ROW_LINES, "1. 甲项", "续", "2. 乙项"))
    _put(folder, samples, "标记/没声明.htm", page.format("", TITLE, paragraphs, "").encode("gbk"), LINES)


def _tables(folder: Path, samples: list[Sample]) -> None:
    for name, mark, codec in (("逗号", ",", "utf-8-sig"), ("制表符", "\t", "utf-8"), ("国标", ",", "gb18030")):
        data = "".join(mark.join(row) + "\r\n" for row in ROWS).encode(codec)
        _put(folder, samples, f"表格/{name}.csv", data, ROW_LINES)


def _saved(save: Callable[[io.BytesIO], object]) -> bytes:
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
    return _saved(document.save)


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


def _word(folder: Path, samples: list[Sample]) -> None:
    _put(folder, samples, "文字/普通.docx", word_bytes(), LINES)
    _put(folder, samples, "文字/带表.docx", word_bytes(table=True), (*LINES, *ROW_LINES, "表后文字。"))
    edges = ("页眉：内部资料", *LINES, "脚注：见工会法第二条。", "页脚：武进区总工会")
    _put(folder, samples, "文字/页眉 页脚 脚注.docx", word_bytes(edges=True), edges)
    numbered = (*LINES, "1.第一个事项。", "2.第二个事项。")
    _put(folder, samples, "文字/自动编号.docx", word_bytes(numbered=True), numbered)


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
    return _saved(show.save)


def _slides(folder: Path, samples: list[Sample]) -> None:
    for name, table in (("普通", False), ("带表", True)):
        lines: list[str] = []
        for number in (1, 2):
            lines += [f"第{number}讲 {TITLE}", *BODY[number : number + 2], *(ROW_LINES if table else ())]
            lines.append(f"备注{number}：讲解时间十分钟。")
        pages = tuple((f"幻灯片{n}", f"第{n}讲 {TITLE}") for n in (1, 2))
        _put(folder, samples, f"演示/{name}.pptx", slides_bytes(table=table), tuple(lines), pages=pages)


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
    return _saved(book.save)


def _sheets(folder: Path, samples: list[Sample]) -> None:
    first = ("二〇二三年培训名单", *ROW_LINES)
    _put(folder, samples, "表格/名单.xlsx", sheets_bytes(), first, pages=(("工作表“名单”", first[0]),))
    pages = (("工作表“名单”", first[0]), ("工作表“说明”", BODY[0]))
    _put(folder, samples, "表格/两张.xlsx", sheets_bytes(two=True), (*first, *BODY), pages=pages)


def pdf_bytes(pages: list[tuple[str, ...]], *, scan: bool = False, password: str = "") -> bytes:
    """A PDF with these lines a page; with `scan` a last page that is only an image."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfgen import canvas

    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    buffer = io.BytesIO()
    paper = canvas.Canvas(buffer, pagesize=(595, 842), encrypt=password or None)
    for lines in pages:
        paper.setFont("STSong-Light", 12)
        for number, line in enumerate(lines):
            paper.drawString(60, 780 - 24 * number, line)
        paper.showPage()
    if scan:
        paper.drawImage(str(SCAN), 60, 600, width=360, height=100)
        paper.showPage()
    paper.save()
    return buffer.getvalue()


def _pdfs(folder: Path, samples: list[Sample]) -> None:
    pages = (("第1页", TITLE), ("第2页", BODY[1]), ("第3页", BODY[3]))
    three = [LINES[:2], LINES[2:4], LINES[4:]]
    _put(folder, samples, "版式/三页.pdf", pdf_bytes(three), LINES, pages=pages)
    blank = [LINES[:2], (), LINES[2:]]
    pages = (("第1页", TITLE), ("第2页", BODY[1]), ("第3页", BODY[1]))
    _put(folder, samples, "版式/空白页.pdf", pdf_bytes(blank), LINES, pages=pages)
    pages = (("第1页", TITLE), ("第2页", SCAN_LINES[0]))
    _put(folder, samples, "版式/扫描 一页.pdf", pdf_bytes([LINES], scan=True), (*LINES, *SCAN_LINES), pages=pages)


def _rtf(folder: Path, samples: list[Sample]) -> None:
    def unicode_run(text: str) -> str:
        units = text.encode("utf-16-le")
        pairs = (int.from_bytes(units[i : i + 2], "little", signed=True) for i in range(0, len(units), 2))
        return "".join(f"\\u{u}?" for u in pairs)

    def byte_run(text: str) -> str:
        return "".join(chr(b) if 0x20 <= b < 0x7F and b not in b"\\{}" else f"\\'{b:02x}" for b in text.encode("gbk"))

    head = "{\\rtf1\\ansi\\ansicpg936\\deff0{\\fonttbl{\\f0\\fnil\\fcharset134 SimSun;}}{\\info{\\title x}}\\f0 "
    for name, run in (("统一码", unicode_run), ("国标码", byte_run)):
        table = "".join("\\trowd" + "".join(f"\\intbl {run(c)}\\cell" for c in row) + "\\row\n" for row in ROWS)
        note = "{\\footnote " + run("脚注：见工会法第二条。") + "}"
        data = (
            head
            + "{\\header "
            + run("页眉文字")
            + "}"
            + "".join(run(x) + "\\par\n" for x in LINES)
            + note
            + table
            + "}"
        )
        lines = ("页眉文字", *LINES, *ROW_LINES, "脚注：见工会法第二条。")
        _put(folder, samples, f"文字/{name}.rtf", data.encode("ascii"), lines)


def _odt(folder: Path, samples: list[Sample]) -> None:
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
    lines = (*LINES, "一、第一个事项。", "二、第二个事项。", "详见附件。", *ROW_LINES, "脚注：见工会法第二条。")
    _put(folder, samples, "文字/开放文档.odt", _saved(document.save), lines)


def epub_bytes() -> bytes:
    """A book of two chapters, whose order in the archive is not the reading order."""
    chapter = (
        '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml">'
        "<head><title>x</title></head><body>{}</body></html>"
    )
    one = chapter.format("".join(f"<p>{line}</p>" for line in LINES[:3]))
    two = chapter.format("".join(f"<p>{line}</p>" for line in LINES[3:]))
    package = (
        '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0"><metadata '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{TITLE}</dc:title></metadata><manifest>'
        '<item id="b" href="text/b%20b.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="a" href="text/a.xhtml" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="a"/><itemref idref="b"/></spine></package>'
    )
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="OEBPS/c.opf"/></rootfiles></container>'
    )
    return zip_bytes(
        {"mimetype": "application/epub+zip", "META-INF/container.xml": container, "OEBPS/c.opf": package,
         "OEBPS/text/b b.xhtml": two, "OEBPS/text/a.xhtml": one}
    )  # fmt: skip


def _epub(folder: Path, samples: list[Sample]) -> None:
    pages = (("第1节", LINES[0]), ("第2节", LINES[3]))
    _put(folder, samples, "版式/书.epub", epub_bytes(), LINES, pages=pages)


def ofd_bytes() -> bytes:
    """Two pages over one template, with a line made of two runs."""
    space = 'xmlns:ofd="http://www.ofdspec.org/2016"'

    def text(number: int, y: float, words: str, x: float = 20) -> str:
        return (
            f'<ofd:TextObject ID="{number}" Boundary="{x} {y} {len(words) * 4} 5" Font="1" Size="4">'
            f'<ofd:TextCode X="0" Y="4">{words}</ofd:TextCode></ofd:TextObject>'
        )

    def page(objects: str, use: str = "") -> str:
        return (
            f"<ofd:Page {space}>{use}<ofd:Area><ofd:PhysicalBox>0 0 210 297</ofd:PhysicalBox></ofd:Area>"
            f'<ofd:Content><ofd:Layer ID="9">{objects}</ofd:Layer></ofd:Content></ofd:Page>'
        )

    use = '<ofd:Template TemplateID="3"/>'
    head = text(31, 10, "武进区总工会文件")
    first = text(11, 40, TITLE[:4]) + text(12, 40, TITLE[4:], 36) + text(13, 60, BODY[0])
    second = "".join(text(20 + n, 40 + 20 * n, line) for n, line in enumerate(BODY[1:]))
    document = (
        f"<ofd:Document {space}><ofd:CommonData><ofd:PageArea><ofd:PhysicalBox>0 0 210 297</ofd:PhysicalBox>"
        '</ofd:PageArea><ofd:TemplatePage ID="3" BaseLoc="Tpls/Tpl_0/Content.xml"/></ofd:CommonData><ofd:Pages>'
        '<ofd:Page ID="1" BaseLoc="Pages/Page_0/Content.xml"/>'
        '<ofd:Page ID="2" BaseLoc="/Doc_0/Pages/Page_1/Content.xml"/>'
        "</ofd:Pages></ofd:Document>"
    )
    root = (
        f'<ofd:OFD {space} Version="1.0" DocType="OFD"><ofd:DocBody><ofd:DocInfo><ofd:Title>{TITLE}</ofd:Title>'
        "</ofd:DocInfo><ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>"
    )
    return zip_bytes(
        {"OFD.xml": root, "Doc_0/Document.xml": document, "Doc_0/Pages/Page_0/Content.xml": page(first, use),
         "Doc_0/Pages/Page_1/Content.xml": page(second), "Doc_0/Tpls/Tpl_0/Content.xml": page(head)}
    )  # fmt: skip


def _ofd(folder: Path, samples: list[Sample]) -> None:
    pages = (("第1页", "武进区总工会文件"), ("第2页", BODY[1]))
    _put(folder, samples, "版式/公文.ofd", ofd_bytes(), ("武进区总工会文件", *LINES), pages=pages)


def mail_bytes(*, html: bool = False) -> bytes:
    """A mail with an attachment, or one whose body is HTML in GB2312."""
    message = EmailMessage(policy=email.policy.SMTP)
    message["Subject"] = TITLE
    message["From"] = "张三 <zhang@example.org>"
    message["To"] = "li@example.org"
    message["Date"] = "Mon, 06 Nov 2023 09:00:00 +0800"
    if html:
        body = "<html><body>" + "".join(f"<p>{line}</p>" for line in BODY) + "</body></html>"
        message.set_content(body, subtype="html", charset="gb2312")
    else:
        message.set_content("\n".join(BODY) + "\n")
        message.add_attachment(
            word_bytes(), maintype="application", subtype="octet-stream", filename="附件 培训方案.docx"
        )
    return message.as_bytes()


def _mail(folder: Path, samples: list[Sample]) -> None:
    head = (
        f"主题：{TITLE}",
        "发件人：张三 <zhang@example.org>",
        "收件人：li@example.org",
        "日期：Mon, 06 Nov 2023 09:00:00 +0800",
    )
    _put(folder, samples, "邮件/国标.eml", mail_bytes(html=True), (*head, *BODY))
    (folder / "邮件/带附件.eml").write_bytes(mail_bytes())
    documents = {"邮件/带附件.eml": (*head, *BODY), "邮件/带附件.eml/附件 培训方案.docx": LINES}
    samples.append(Sample("邮件/带附件.eml", documents))


def zip_bytes(members: dict[str, bytes | str]) -> bytes:
    """A deflated zip of these members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def gbk_zip_bytes(name: str, data: bytes) -> bytes:
    """A zip as Chinese Windows makes it: the member's name in GBK, without the UTF-8 flag."""
    stand_in = "x" * len(name.encode("gbk"))
    return zip_bytes({stand_in: data}).replace(stand_in.encode(), name.encode("gbk"))


def _zips(folder: Path, samples: list[Sample]) -> None:
    (folder / "压缩").mkdir(exist_ok=True)
    inner = zip_bytes({"里面/深处.md": TEXT})
    name = "压缩/混合.zip"
    (folder / name).write_bytes(zip_bytes({"一 号/名.docx": word_bytes(), "二.txt": TEXT, "套.zip": inner}))
    documents = {f"{name}/一 号/名.docx": LINES, f"{name}/二.txt": LINES, f"{name}/套.zip/里面/深处.md": LINES}
    samples.append(Sample(name, documents))
    name = "压缩/国标名.zip"
    (folder / name).write_bytes(gbk_zip_bytes("通知文件.txt", TEXT.encode("gbk")))
    samples.append(Sample(name, {f"{name}/通知文件.txt": LINES}))


def _old_word(folder: Path, samples: list[Sample]) -> None:
    """.doc and .wps (WPS writes the same format) made by LibreOffice."""
    work = folder / "旧版"
    work.mkdir()
    source = work / "旧式.docx"
    source.write_bytes(word_bytes(table=True))
    profile = (work / "profile").as_uri()
    subprocess.run(
        ["soffice", "--headless", f"-env:UserInstallation={profile}", "--convert-to", "doc:MS Word 97",
         "--outdir", str(work), str(source)],
        check=True, timeout=120, capture_output=True,
    )  # fmt: skip
    data = (work / "旧式.doc").read_bytes()
    source.unlink()
    shutil.rmtree(work / "profile")
    lines = (*LINES, *ROW_LINES, "表后文字。")
    _put(folder, samples, "旧版/旧式.doc", data, lines)
    _put(folder, samples, "旧版/旧式.wps", data, lines)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    sys.stdout.write(f"{len(make(target))} samples in {target}\n")
