"""PDF, EPUB, OFD, mail and zip files with the sample text."""

from __future__ import annotations

import email.policy
import io
import zipfile
from email.message import EmailMessage
from pathlib import Path

from tests.loading.known_text import BODY, GARBLED, LINES, PAGE, SCAN, TITLE
from tests.loading.office_files import word_bytes


def pdf_bytes(
    pages: list[tuple[str, ...]],
    *,
    scan: bool = False,
    numbered: int = 0,
    garbled: bool = False,
    password: str = "",
) -> bytes:
    """A PDF with these lines a page, and then pages that are images.

    scan: one without text. numbered: so many with a page number as their only text. garbled: one whose text layer, unseen
    behind the image, is no text.
    """
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
    for number in range(numbered):
        paper.drawImage(str(PAGE), 50, 180, width=500, height=600)
        paper.setFont("STSong-Light", 10)
        paper.drawString(280, 40, f"第 {len(pages) + number + 1} 页")
        paper.showPage()
    if garbled:
        layer = paper.beginText(60, 780)
        layer.setTextRenderMode(3)
        layer.setFont("STSong-Light", 12)
        for at in range(0, len(GARBLED), 30):
            layer.textLine(GARBLED[at : at + 30])
        paper.drawText(layer)
        paper.drawImage(str(PAGE), 50, 180, width=500, height=600)
        paper.showPage()
    paper.save()
    return buffer.getvalue()


def pdf_table_bytes(*, rows: int = 45, turned: bool = False, repeated: bool = False) -> bytes:
    """A PDF with a ruled table that goes on over a page break, between two paragraphs.

    Its header has two rows and merged cells; a cell covers three rows, another breaks its words over two lines. turned:
    every page is turned by a quarter. repeated: the header is on each page.
    """
    from reportlab.lib import colors
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.platypus import Paragraph, SimpleDocTemplate, Table, TableStyle

    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    cells = [["姓名", "单位", "人数", ""], ["", "", "男", "女"]]
    cells += [[f"职工{n}", "市总工会\n办公室" if n == 2 else "区工会", str(n), str(2 * n)] for n in range(1, rows + 1)]
    style = TableStyle(
        [("FONT", (0, 0), (-1, -1), "STSong-Light", 11), ("GRID", (0, 0), (-1, -1), 0.5, colors.black),
         ("SPAN", (0, 0), (0, 1)), ("SPAN", (1, 0), (1, 1)), ("SPAN", (2, 0), (3, 0)), ("SPAN", (1, 4), (1, 6))]
    )  # fmt: skip
    prose = ParagraphStyle("prose", fontName="STSong-Light", fontSize=12)
    buffer = io.BytesIO()
    paper = SimpleDocTemplate(buffer, pagesize=(595, 842))

    def turn(canvas: object, _: object) -> None:
        if turned:
            canvas.setPageRotation(90)  # type: ignore[attr-defined]

    table = Table(cells, style=style, repeatRows=2 if repeated else 0)
    paper.build([Paragraph(TITLE, prose), table, Paragraph("表后文字。", prose)], onFirstPage=turn, onLaterPages=turn)
    return buffer.getvalue()


def table_lines_of(rows: int = 45) -> tuple[str, ...]:
    """What the table of pdf_table_bytes says, a row a line."""
    units = {2: "市总工会办公室"}
    body = (
        f"姓名：职工{n}；单位：{units.get(n, '区工会')}；人数 男：{n}；人数 女：{2 * n}" for n in range(1, rows + 1)
    )
    return ("姓名 | 单位 | 人数", "姓名 | 单位 | 男 | 女", *body)


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


def ofd_invoice_bytes(*, scan: bytes = b"") -> bytes:
    """An invoice: labels in the template and values on the page, drawn in another order; other parts of the format.

    Two words of one TextCode far apart, a value a little lower than its label, a composite unit, annotations, members in
    another case. scan: an image that is a second page.
    """
    space = 'xmlns:ofd="http://www.ofdspec.org/2016"'

    def text(words: str, x: float, y: float, more: str = 'X="0" Y="3.2"', boundary: str = "") -> str:
        boundary = boundary or f"{x} {y} {len(words) * 4} 5"
        return (
            f'<ofd:TextObject ID="1" Boundary="{boundary}" Font="1" Size="4">'
            f"<ofd:TextCode {more}>{words}</ofd:TextCode></ofd:TextObject>"
        )

    def page(objects: str, use: str = "") -> str:
        return (
            f"<ofd:Page {space}>{use}<ofd:Area><ofd:PhysicalBox>0 0 210 140</ofd:PhysicalBox></ofd:Area><ofd:Content>"
            f'<ofd:Layer ID="9"><ofd:PageBlock ID="8">{objects}</ofd:PageBlock></ofd:Layer></ofd:Content></ofd:Page>'
        )

    labels = text("购买方名称：", 20, 40) + text("发票号码：", 120, 20) + text("价税合计：", 20, 60)
    values = (
        text("12235358", 142, 20.4)
        + text("300.00", 40, 60.3)
        + text("某区总工会", 44, 40)
        + text("服务费免税", 20, 80, 'X="0" Y="3.2" DeltaX="4 4 60 4"', "20 80 90 5")
        + text("收款人：李四", 0, 0, boundary="20 104 60 5", more='X="0" Y="-0.8" DeltaX="g 3 4 12 4"')
        + '<ofd:CompositeObject ID="6" ResourceID="77" Boundary="100 100 80 10"/>'
    )
    unit = (
        f'<ofd:Res {space} BaseLoc="Res"><ofd:CompositeGraphicUnits><ofd:CompositeGraphicUnit ID="77" Width="80" Height="10">'
        f"<ofd:Content>{text('开票人：王五', 0, 0)}</ofd:Content></ofd:CompositeGraphicUnit></ofd:CompositeGraphicUnits>"
        '<ofd:MultiMedias><ofd:MultiMedia ID="55" Type="Image"><ofd:MediaFile>scan.jpg</ofd:MediaFile></ofd:MultiMedia>'
        "</ofd:MultiMedias></ofd:Res>"
    )
    notes = (
        f'<ofd:PageAnnot {space}><ofd:Annot ID="1" Type="Stamp"><ofd:Appearance Boundary="150 110 40 10">'
        f"{text('已核对', 0, 0)}</ofd:Appearance></ofd:Annot><ofd:Annot ID='2' Type='Highlight'>"
        "<ofd:Remark>金额以合同为准</ofd:Remark></ofd:Annot></ofd:PageAnnot>"
    )
    second = '<ofd:Page ID="2" BaseLoc="Pages/Page_1/Content.xml"/>' if scan else ""
    document = (
        f"<ofd:Document {space}><ofd:CommonData><ofd:PageArea><ofd:PhysicalBox>0 0 210 140</ofd:PhysicalBox>"
        "</ofd:PageArea><ofd:PublicRes>PublicRes.xml</ofd:PublicRes>"
        '<ofd:TemplatePage ID="3" BaseLoc="Tpls/Tpl_0/Content.xml"/></ofd:CommonData><ofd:Pages>'
        f'<ofd:Page ID="1" BaseLoc="Pages/Page_0/Content.xml"/>{second}</ofd:Pages>'
        "<ofd:Annotations>Annots/Annotations.xml</ofd:Annotations></ofd:Document>"
    )
    where = (
        f'<ofd:Annotations {space}><ofd:Page PageID="1"><ofd:FileLoc>Page_0/Annotation.xml</ofd:FileLoc></ofd:Page>'
        "</ofd:Annotations>"
    )
    root = (
        f'<ofd:OFD {space} Version="1.0" DocType="OFD"><ofd:DocBody><ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot>'
        "</ofd:DocBody></ofd:OFD>"
    )
    members: dict[str, bytes | str] = {
        "ofd.xml": root, "Doc_0/document.xml": document, "Doc_0/publicres.xml": unit,
        "Doc_0/pages/page_0/content.xml": page(values, '<ofd:Template TemplateID="3"/>'),
        "doc_0/Tpls/Tpl_0/Content.xml": page(labels), "Doc_0/Annots/Annotations.xml": where,
        "Doc_0/Annots/Page_0/Annotation.xml": notes,
    }  # fmt: skip
    if scan:
        image = '<ofd:ImageObject ID="5" ResourceID="55" Boundary="10 5 130 132" CTM="130 0 0 132 0 0"/>'
        members |= {"Doc_0/Pages/Page_1/Content.xml": page(image), "Doc_0/Res/scan.jpg": scan}
    return zip_bytes(members)


def ofd_of_objects(objects: str) -> bytes:
    """An OFD of one page with these objects."""
    space = 'xmlns:ofd="http://www.ofdspec.org/2016"'
    return zip_bytes(
        {
            "OFD.xml": f"<ofd:OFD {space}><ofd:DocBody><ofd:DocRoot>D/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>",
            "D/Document.xml": f'<ofd:Document {space}><ofd:Pages><ofd:Page ID="1" BaseLoc="P.xml"/></ofd:Pages>'
            "</ofd:Document>",
            "D/P.xml": f"<ofd:Page {space}><ofd:Content><ofd:Layer>{objects}</ofd:Layer></ofd:Content></ofd:Page>",
        }
    )


def ofd_text(words: str, x: float, y: float, more: str = "", code: str = 'X="0" Y="3"') -> str:
    """A TextObject of size 4, its baseline 3 below its box's edge."""
    return (
        f'<ofd:TextObject Boundary="{x} {y} {4 * len(words)} 4" Size="4" {more}><ofd:TextCode {code}>{words}</ofd:TextCode>'
        "</ofd:TextObject>"
    )


def ofd_ruled(xs: list[int], ys: list[int]) -> str:
    """A grid of lines as OFD draws them, half of them as narrow boxes."""
    paths = [f"M 0 0 L {xs[-1] - xs[0]} 0" for _ in ys]
    level = "".join(
        f'<ofd:PathObject Boundary="{xs[0]} {y} {xs[-1] - xs[0]} 0.2"><ofd:AbbreviatedData>{path}</ofd:AbbreviatedData>'
        "</ofd:PathObject>"
        for y, path in zip(ys, paths, strict=True)
    )
    tall = ys[-1] - ys[0]
    upright = "".join(
        f'<ofd:PathObject Boundary="{x} {ys[0]} 0.2 {tall}" Stroke="false" Fill="true"><ofd:AbbreviatedData>'
        f"M 0 0 L 0.2 0 L 0.2 {tall} L 0 {tall} C</ofd:AbbreviatedData></ofd:PathObject>"
        for x in xs
    )
    return level + upright


def ofd_table_bytes() -> bytes:
    """A ruled table between two lines; a cell's words take two lines."""
    words = [
        ("姓名", 22, 21),
        ("单位", 62, 21),
        ("人数", 112, 21),
        ("张三", 22, 31),
        ("市总工会", 62, 31),
        ("12", 112, 31),
    ]
    words += [("李四", 22, 41), ("区总工会", 62, 40), ("办公室", 62, 44.5), ("305", 112, 41)]
    objects = ofd_ruled([20, 60, 110, 150], [20, 30, 40, 50]) + "".join(ofd_text(*word) for word in words)
    objects += ofd_text("表前", 20, 10) + ofd_text("表后", 20, 60)
    return ofd_of_objects(objects)


def jpeg_bytes(image: Path) -> bytes:
    """An image as JPEG, as scanners write it."""
    return image_bytes("JPEG", image)


def image_bytes(kind: str, *images: Path) -> bytes:
    """Images in another format; several are the pages of one TIFF."""
    from PIL import Image

    first, *others = [Image.open(image).convert("L") for image in images]
    buffer = io.BytesIO()
    more = {"save_all": True, "append_images": others} if others else {}
    first.save(buffer, kind, **more)
    return buffer.getvalue()


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
