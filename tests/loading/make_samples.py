"""Makes the sample corpus: small real files of every format and encoding, holding known Chinese text.

Run `python -m tests.loading.make_samples FOLDER` to look at them; the tests make them in a folder of their own.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.loading import extra_files
from tests.loading.known_text import (
    BODY,
    INVOICE_LINES,
    LINES,
    PAGE,
    PAGE_LINES,
    ROW_LINES,
    ROWS,
    SCAN,
    SCAN_LINES,
    TEXT,
    TITLE,
    TRADITIONAL,
)
from tests.loading.office_files import (
    odt_bytes,
    old_sheets_bytes,
    old_slides_bytes,
    old_word_bytes,
    rtf_bytes,
    sheets_bytes,
    slides_bytes,
    word_bytes,
)
from tests.loading.page_files import (
    epub_bytes,
    gbk_zip_bytes,
    image_bytes,
    jpeg_bytes,
    mail_bytes,
    ofd_bytes,
    ofd_invoice_bytes,
    ofd_table_bytes,
    pdf_bytes,
    pdf_table_bytes,
    table_lines_of,
    zip_bytes,
)


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
    for maker in (
        _texts,
        _markup,
        _tables,
        _word,
        _slides,
        _sheets,
        _pdfs,
        _rtf,
        _odt,
        _epub,
        _ofd,
        _mail,
        _zips,
        _extras,
        _images,
    ):
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
    _damaged_texts(folder, samples)


def _damaged_texts(folder: Path, samples: list[Sample]) -> None:
    """Long texts in which a byte was lost, altered or became NUL, and UTF-16 without a mark that is mostly ASCII."""
    long = "\n".join(f"第{n}条 {line}" for n in range(1, 31) for line in BODY[1:]) + "\n"
    place = long.index("第9条")
    before, after = long[:place].encode("gbk"), long[place:].encode("gbk")
    for name, data, exact, codec in (
        # a lost byte leaves half of 第; what follows it on the line shifts, and must come back in step
        ("gbk少一字节", before + after[1:], long[:place] + "\ufffd" + long[place + 1 :], "gb18030"),
        ("gbk坏字节", before + b"\xff" + after, long[:place] + "\ufffd" + long[place:], "gb18030"),
        ("gbk有零字节", before + b"\x00" + after, long[:place] + "\ufffd" + long[place:], "gb18030"),
        ("utf8有零字节", f"{long[:place]}\0{long[place:]}".encode(), long[:place] + "\ufffd" + long[place:], "utf-8"),
        ("utf8坏字节", long[:place].encode() + b"\xe7\xac" + long[place:].encode(),
         long[:place] + "\ufffd" + long[place:], "utf-8"),
    ):  # fmt: skip
        _put(folder, samples, f"文本/{name}.txt", data, (), exact=exact, encoding=codec)
    figures = "".join(f"Name {n}\t{n * 37}\tunit {n % 5}\t工会\r\n" for n in range(40))
    for codec in ("utf-16-le", "utf-16-be"):
        _put(folder, samples, f"文本/{codec}英文多.txt", figures.encode(codec), (), exact=figures, encoding=codec)


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


def _word(folder: Path, samples: list[Sample]) -> None:
    _put(folder, samples, "文字/普通.docx", word_bytes(), LINES)
    _put(folder, samples, "文字/带表.docx", word_bytes(table=True), (*LINES, *ROW_LINES, "表后文字。"))
    edges = ("页眉：内部资料", *LINES, "脚注：见工会法第二条。", "页脚：武进区总工会")
    _put(folder, samples, "文字/页眉 页脚 脚注.docx", word_bytes(edges=True), edges)
    numbered = (*LINES, "1.第一个事项。", "2.第二个事项。")
    _put(folder, samples, "文字/自动编号.docx", word_bytes(numbered=True), numbered)


def _extras(folder: Path, samples: list[Sample]) -> None:
    """Comments, charts, text boxes, inserted files, fields, notes; strict packages; mail of seven bits."""
    word, sheet = extra_files.word_extras_bytes(), extra_files.sheet_extras_bytes()
    _put(folder, samples, "文字/批注 图表 插入.docx", word, extra_files.WORD_EXTRAS)
    _put(
        folder,
        samples,
        "文字/严格.docx",
        extra_files.strict_bytes(word_bytes(table=True)),
        (*LINES, *ROW_LINES, "表后文字。"),
    )
    pages = (("工作表“名单”", extra_files.SHEET_EXTRAS[0]), ("工作表“说明”", BODY[0]))
    _put(folder, samples, "表格/批注 图表 文本框.xlsx", sheet, extra_files.SHEET_EXTRAS, pages=pages)
    _put(folder, samples, "表格/严格.xlsx", extra_files.strict_bytes(sheet), extra_files.SHEET_EXTRAS, pages=pages)
    lines: list[str] = []
    for number, notes in ((1, ("批注：这一页要更新",)), (2, ("批注：已补上", "批注：数字待补"))):
        lines += [f"第{number}讲 {TITLE}", *BODY[number : number + 2], f"备注{number}：讲解时间十分钟。", *notes]
    pages = tuple((f"幻灯片{n}", f"第{n}讲 {TITLE}") for n in (1, 2))
    _put(folder, samples, "演示/批注.pptx", extra_files.slide_comments_bytes(), tuple(lines), pages=pages)
    data = extra_files.pdf_form_bytes()
    _put(folder, samples, "版式/表单.pdf", data, extra_files.PDF_FORM, pages=(("第1页", TITLE),))
    stray = ("表外的话", "行里的话", "行里的一段", "尾巴", "姓名 | 人数", "姓名：张三；人数：12")
    _put(folder, samples, "标记/表外文字.html", extra_files.STRAY_HTML.encode(), stray)
    for charset in ("hz-gb-2312", "iso-2022-cn"):
        head = (f"主题：{TITLE}", "发件人：a@example.org")
        _put(folder, samples, f"邮件/{charset}.eml", extra_files.seven_bit_mail_bytes(charset), (*head, *BODY))


def _slides(folder: Path, samples: list[Sample]) -> None:
    for name, table in (("普通", False), ("带表", True)):
        lines: list[str] = []
        for number in (1, 2):
            lines += [f"第{number}讲 {TITLE}", *BODY[number : number + 2], *(ROW_LINES if table else ())]
            lines.append(f"备注{number}：讲解时间十分钟。")
        pages = tuple((f"幻灯片{n}", f"第{n}讲 {TITLE}") for n in (1, 2))
        _put(folder, samples, f"演示/{name}.pptx", slides_bytes(table=table), tuple(lines), pages=pages)


def _sheets(folder: Path, samples: list[Sample]) -> None:
    first = ("二〇二三年培训名单", *ROW_LINES)
    _put(folder, samples, "表格/名单.xlsx", sheets_bytes(), first, pages=(("工作表“名单”", first[0]),))
    pages = (("工作表“名单”", first[0]), ("工作表“说明”", BODY[0]))
    _put(folder, samples, "表格/两张.xlsx", sheets_bytes(two=True), (*first, *BODY), pages=pages)


def _pdfs(folder: Path, samples: list[Sample]) -> None:
    pages = (("第1页", TITLE), ("第2页", BODY[1]), ("第3页", BODY[3]))
    three = [LINES[:2], LINES[2:4], LINES[4:]]
    _put(folder, samples, "版式/三页.pdf", pdf_bytes(three), LINES, pages=pages)
    blank = [LINES[:2], (), LINES[2:]]
    pages = (("第1页", TITLE), ("第2页", BODY[1]), ("第3页", BODY[1]))
    _put(folder, samples, "版式/空白页.pdf", pdf_bytes(blank), LINES, pages=pages)
    pages = (("第1页", TITLE), ("第2页", SCAN_LINES[0]))
    _put(folder, samples, "版式/扫描 一页.pdf", pdf_bytes([LINES], scan=True), (*LINES, *SCAN_LINES), pages=pages)
    table = table_lines_of()
    pages = (("第1页", TITLE), ("第2页", table[34]))
    _put(folder, samples, "版式/跨页的表.pdf", pdf_table_bytes(), (TITLE, *table, "表后文字。"), pages=pages)
    pages = (("第1页", TITLE), ("第2页", PAGE_LINES[0]))
    lines = (*LINES, *PAGE_LINES)
    _put(folder, samples, "版式/扫描页有页码.pdf", pdf_bytes([LINES], numbered=1), (*lines, "第 2 页"), pages=pages)
    _put(folder, samples, "版式/乱码文字层.pdf", pdf_bytes([LINES], garbled=True), lines, pages=pages)


def _rtf(folder: Path, samples: list[Sample]) -> None:
    lines = ("页眉文字", *LINES, *ROW_LINES, "脚注：见工会法第二条。")
    for name, unicode in (("统一码", True), ("国标码", False)):
        _put(folder, samples, f"文字/{name}.rtf", rtf_bytes(unicode=unicode), lines)


def _odt(folder: Path, samples: list[Sample]) -> None:
    lines = (*LINES, "一、第一个事项。", "二、第二个事项。", "详见附件。", *ROW_LINES, "脚注：见工会法第二条。")
    _put(folder, samples, "文字/开放文档.odt", odt_bytes(), lines)


def _epub(folder: Path, samples: list[Sample]) -> None:
    pages = (("第1节", LINES[0]), ("第2节", LINES[3]))
    _put(folder, samples, "版式/书.epub", epub_bytes(), LINES, pages=pages)


def _ofd(folder: Path, samples: list[Sample]) -> None:
    pages = (("第1页", "武进区总工会文件"), ("第2页", BODY[1]))
    _put(folder, samples, "版式/公文.ofd", ofd_bytes(), ("武进区总工会文件", *LINES), pages=pages)
    table = ("表前", *ROW_LINES, "表后")
    _put(folder, samples, "版式/有表.ofd", ofd_table_bytes(), table, pages=(("第1页", "表前"),))
    pages = (("第1页", INVOICE_LINES[0]), ("第2页", PAGE_LINES[0]))
    data = ofd_invoice_bytes(scan=jpeg_bytes(PAGE))
    _put(folder, samples, "版式/发票和扫描.ofd", data, (*INVOICE_LINES, *PAGE_LINES), pages=pages)


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


def _images(folder: Path, samples: list[Sample]) -> None:
    pages = (("第1页", SCAN_LINES[0]),)
    for name, kind in (("图.png", "PNG"), ("图.bmp", "BMP"), ("图.gif", "GIF"), ("图.jpg", "JPEG")):
        _put(folder, samples, f"图片/{name}", image_bytes(kind, SCAN), SCAN_LINES, pages=pages)
    pages = (("第1页", SCAN_LINES[0]), ("第2页", PAGE_LINES[0]))
    _put(folder, samples, "图片/两页.tif", image_bytes("TIFF", SCAN, PAGE), (*SCAN_LINES, *PAGE_LINES), pages=pages)


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
    data = old_word_bytes(folder / "旧版")
    lines = (*LINES, *ROW_LINES, "表后文字。")
    _put(folder, samples, "旧版/旧式.doc", data, lines)
    _put(folder, samples, "旧版/旧式.wps", data, lines)
    data = old_sheets_bytes(folder / "旧版")
    pages = (("工作表“名单”", "二〇二三年培训名单"), ("工作表“说明”", BODY[0]))
    for name in ("旧式.xls", "旧式.et"):
        _put(folder, samples, f"旧版/{name}", data, ("二〇二三年培训名单", *ROW_LINES, *BODY), pages=pages)
    data = old_slides_bytes(folder / "旧版")
    shown: list[str] = []
    for number in (1, 2):
        shown += [f"第{number}讲 {TITLE}", *BODY[number : number + 2], *ROW_LINES, f"备注{number}：讲解时间十分钟。"]
    pages = tuple((f"幻灯片{n}", f"第{n}讲 {TITLE}") for n in (1, 2))
    for name in ("旧式.ppt", "旧式.dps"):
        _put(folder, samples, f"旧版/{name}", data, tuple(shown), pages=pages)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    sys.stdout.write(f"{len(make(target))} samples in {target}\n")
