"""Office, PDF and mail files with what lies beside the running text: comments, charts, inserted files, fields, notes."""

from __future__ import annotations

import io
import re
import zipfile

from tests.loading.known_text import BODY, LINES, TITLE
from tests.loading.office_files import saved, sheets_bytes, slides_bytes
from tests.loading.page_files import zip_bytes

_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_A = "http://schemas.openxmlformats.org/drawingml/2006/main"
CHART = (
    f'<c:chartSpace xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" xmlns:a="{_A}"><c:chart><c:title>'
    "<c:tx><c:rich><a:p><a:r><a:t>培训人数</a:t></a:r></a:p></c:rich></c:tx></c:title><c:plotArea><c:barChart><c:ser>"
    "<c:tx><c:strRef><c:strCache><c:pt idx='0'><c:v>人数</c:v></c:pt></c:strCache></c:strRef></c:tx><c:cat><c:strRef>"
    "<c:strCache><c:pt idx='0'><c:v>上半年</c:v></c:pt><c:pt idx='1'><c:v>下半年</c:v></c:pt></c:strCache></c:strRef></c:cat>"
    "<c:val><c:numRef><c:numCache><c:pt idx='0'><c:v>120</c:v></c:pt><c:pt idx='1'><c:v>305</c:v></c:pt></c:numCache>"
    "</c:numRef></c:val></c:ser></c:barChart></c:plotArea></c:chart></c:chartSpace>"
)
CHART_LINES = ("培训人数", "人数：上半年 120；下半年 305")
DIAGRAM = (
    f'<dgm:dataModel xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram" xmlns:a="{_A}"><dgm:ptLst>'
    + "".join(f"<dgm:pt><dgm:t><a:p><a:r><a:t>{t}</a:t></a:r></a:p></dgm:t></dgm:pt>" for t in ("申请", "审批", "公示"))
    + "</dgm:ptLst></dgm:dataModel>"
)


def members_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def word_extras_bytes() -> bytes:
    """A .docx with a comment, a chart, a diagram, an inserted HTML file, a picture and an embedded workbook."""
    import docx
    from docx.opc.packuri import PackURI
    from docx.opc.part import Part
    from docx.oxml import parse_xml

    document = docx.Document()
    runs = [document.add_paragraph(line).runs[0] for line in LINES]
    document.add_comment(runs[1], text="请核对人数。", author="张三")
    package, body = document.part.package, document.element.body

    def related(path: str, kind: str, content: str, blob: bytes) -> str:
        return document.part.relate_to(Part(PackURI(path), content, blob, package), f"{_REL}/{kind}")

    chart = related(
        "/word/charts/chart1.xml",
        "chart",
        "application/vnd.openxmlformats-officedocument.drawingml.chart+xml",
        CHART.encode(),
    )
    kind = "application/vnd.openxmlformats-officedocument.drawingml.diagramData+xml"
    diagram = related("/word/diagrams/data1.xml", "diagramData", kind, DIAGRAM.encode())
    page = "<html><head><meta charset='utf-8'></head><body><p>插入的网页第一段。</p></body></html>"
    chunk = related("/word/afchunk.html", "aFChunk", "text/html", page.encode())
    related("/word/media/image1.png", "image", "image/png", b"\x89PNG")
    workbook = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    related("/word/embeddings/book.xlsx", "package", workbook, b"PK")
    spaces = f'xmlns:w="{_W}" xmlns:r="{_REL}" xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart" '
    spaces += 'xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram"'
    for inner in (f'<c:chart r:id="{chart}"/>', f'<dgm:relIds r:dm="{diagram}" r:lo="x" r:qs="y" r:cs="z"/>'):
        body.insert(len(body) - 1, parse_xml(f"<w:p {spaces}><w:r><w:drawing>{inner}</w:drawing></w:r></w:p>"))
    body.insert(len(body) - 1, parse_xml(f'<w:altChunk {spaces} r:id="{chunk}"/>'))
    return saved(document.save)


WORD_EXTRAS = (*LINES, *CHART_LINES, "申请", "审批", "公示", "插入的网页第一段。", "批注（张三）：请核对人数。")


def sheet_extras_bytes() -> bytes:
    """An .xlsx of two sheets, each with a comment; on the first a chart, a text box and a summary row."""
    import openpyxl
    from openpyxl.chart import BarChart, Reference
    from openpyxl.comments import Comment

    book = openpyxl.load_workbook(io.BytesIO(sheets_bytes(two=True)))
    first, second = book.worksheets
    first.append(["合计", None, 317])
    first["C3"].comment = Comment("含临时人员", "张三")
    second["A1"].comment = Comment("说明已过时", "李四")
    chart = BarChart()
    chart.add_data(Reference(first, min_col=3, min_row=2, max_row=4), titles_from_data=True)
    first.add_chart(chart, "F2")
    members = members_of(saved(book.save))
    name = "xl/charts/chart1.xml"
    members[name] = CHART.encode()
    space = "http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing"
    box = (
        f'<xdr:sp xmlns:xdr="{space}" xmlns:a="{_A}"><xdr:txBody><a:p><a:r><a:t>数据截至</a:t></a:r><a:r><a:t>六月底</a:t>'
        "</a:r></a:p></xdr:txBody></xdr:sp>"
    )
    drawing = members["xl/drawings/drawing1.xml"].decode()
    end = drawing.rindex("</")
    members["xl/drawings/drawing1.xml"] = (drawing[:end] + box + drawing[end:]).encode()
    return zip_bytes(dict(members))


SHEET_EXTRAS = (
    "二〇二三年培训名单",
    "姓名 | 单位 | 人数",
    "姓名：张三；单位：市总工会；人数：12",
    "姓名：李四；单位：区总工会办公室；人数：305",
    "合计；人数：317",
    "数据截至六月底",
    *CHART_LINES,
    "批注（C3）：含临时人员",
    *BODY,
    "批注（A1）：说明已过时",
)


def slide_comments_bytes() -> bytes:
    """A .pptx with a comment of the old kind on its first slide and one of the new kind, with a reply, on its second."""
    import pptx
    from pptx.opc.package import Part
    from pptx.opc.packuri import PackURI

    show = pptx.Presentation(io.BytesIO(slides_bytes()))
    space = "http://schemas.openxmlformats.org/presentationml/2006/main"
    old = f'<p:cmLst xmlns:p="{space}"><p:cm authorId="0"><p:text>这一页要更新</p:text></p:cm></p:cmLst>'

    def body(text: str) -> str:
        return f"<p188:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p188:txBody>"

    new = (
        f'<p188:cmLst xmlns:p188="http://schemas.microsoft.com/office/powerpoint/2018/8/main" xmlns:a="{_A}"><p188:cm>'
        f"<p188:replyLst><p188:reply>{body('已补上')}</p188:reply></p188:replyLst>{body('数字待补')}</p188:cm></p188:cmLst>"
    )
    types = (
        (f"{_REL}/comments", "application/vnd.openxmlformats-officedocument.presentationml.comments+xml", old),
        ("http://schemas.microsoft.com/office/2018/10/relationships/comments", "application/vnd.ms-powerpoint.comments+xml", new),
    )  # fmt: skip
    for number, (slide, (kind, content, blob)) in enumerate(zip(show.slides, types, strict=True), start=1):
        part = Part(PackURI(f"/ppt/comments/comment{number}.xml"), content, slide.part.package, blob.encode())
        slide.part.relate_to(part, kind)
    return saved(show.save)


def strict_bytes(data: bytes) -> bytes:
    """An office file as programs write it when told to keep strictly to the standard."""
    pattern = re.compile(rb"http://schemas\.openxmlformats\.org/(\w+)/2006/([\w-]+)")
    names = {b"extended-properties": b"extendedProperties", b"custom-properties": b"customProperties"}
    members: dict[str, bytes | str] = {}
    for name, body in members_of(data).items():
        if name.endswith((".xml", ".rels")) and name != "[Content_Types].xml":
            body = pattern.sub(
                lambda m: m[0] if m[1] in {b"package", b"markup"} else b"http://purl.oclc.org/ooxml/" + m[1] + b"/" + names.get(m[2], m[2]),
                body,
            )  # fmt: skip
        members[name] = body
    return zip_bytes(members)


def pdf_form_bytes() -> bytes:
    """A PDF with filled-in fields, a box ticked and one not, and a note."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfgen import canvas

    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    buffer = io.BytesIO()
    paper = canvas.Canvas(buffer, pagesize=(595, 842))
    paper.setFont("STSong-Light", 12)
    paper.drawString(60, 780, TITLE)
    form = paper.acroForm
    form.textfield(name="Text1", tooltip="姓名", value="Zhang San", x=100, y=740, width=120, height=20)
    form.textfield(name="Text2", value="12345", x=100, y=700, width=120, height=20)
    form.checkbox(name="c1", tooltip="同意", checked=True, x=100, y=660)
    form.checkbox(name="c2", tooltip="反对", checked=False, x=140, y=660)
    paper.textAnnotation("金额待核实", Rect=[300, 700, 320, 720])
    paper.save()
    return buffer.getvalue()


PDF_FORM = (TITLE, "姓名：Zhang San", "12345", "同意：√", "批注：金额待核实")


def seven_bit_mail_bytes(charset: str) -> bytes:
    """A mail in HZ or ISO-2022-CN, subject and body."""
    import base64

    def coded(text: str) -> bytes:
        if charset == "hz-gb-2312":
            return text.encode("hz")
        return b"\n".join(
            b"\x1b$)A\x0e" + bytes(b & 0x7F for b in line.encode("gb2312")) + b"\x0f" for line in text.split("\n")
        )

    subject = b"=?" + charset.encode() + b"?B?" + base64.b64encode(coded(TITLE)) + b"?="
    head = b"Subject: " + subject + b"\nFrom: a@example.org\nMIME-Version: 1.0\nContent-Type: text/plain; charset="
    return head + charset.encode() + b"\nContent-Transfer-Encoding: 7bit\n\n" + coded("\n".join(BODY)) + b"\n"


STRAY_HTML = (
    "<html><head><meta charset='utf-8'></head><body><table>表外的话<tr>行里的话<td>姓名</td><td>人数</td></tr>"
    "<tr><p>行里的一段</p><td>张三</td><td>12</td>尾巴</tr></table></body></html>"
)
