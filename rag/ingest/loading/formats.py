"""The formats that can be read, one entry each. To add one, write its loader and an entry here; see CONTRIBUTING.md.

Everything else asks this table: which files are documents, what a file really is, what reads it, what an index was made
with, and docs/formats.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Format:
    """A format and how it is read.

    kind: its short name. version: raised whenever the same file would give another Document (tests/golden says so).
    suffixes: lower case with the dot, the usual one first. media_type: of its documents, "" where it has none of its own.
    label: what users call it. loader: `module:function` of this package, imported when first needed. reads, pages: for
    docs/formats.md; pages is "" for formats without any.
    is_text: any text may be one, so its suffix is believed. may_be_plain: office programs' suffixes, which plain text is
    sometimes saved under. is_container: holds files that are documents of their own. keeps_original: the file's bytes are
    kept, for its pages to be shown.
    begins: what its bytes begin with. zip_type: how the `mimetype` member of its zip begins. zip_members: what its zip
    must hold; a name that ends in `/` is a folder.
    """

    kind: str
    suffixes: tuple[str, ...]
    media_type: str
    label: str
    loader: str
    reads: str
    pages: str = ""
    version: int = 1
    is_text: bool = False
    may_be_plain: bool = False
    is_container: bool = False
    keeps_original: bool = False
    begins: re.Pattern[bytes] | None = None
    zip_type: bytes = b""
    zip_members: tuple[str, ...] = ()

    @property
    def read_by(self) -> str:
        """What an index records of how a document was read."""
        return f"{self.kind}-{self.version}"


_OFFICE = "application/vnd.openxmlformats-officedocument"
_HTML_START = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,500}?-->\s*){0,5}<(?:!doctype\s+html|html[\s>])",
    re.IGNORECASE | re.DOTALL,
)

FORMATS = (
    Format(
        "txt", (".txt",), "text/plain", "文本", "plain:extract_txt", "解码后的文字，一字不改，换行原样", version=2,
        is_text=True,
    ),
    Format(
        "md", (".md", ".markdown"), "text/markdown", "Markdown", "plain:extract_md",
        "原样；front matter 里的 `title`、`issuer`、`date` 等作为元数据", is_text=True,
    ),
    Format(
        "docx", (".docx",), f"{_OFFICE}.wordprocessingml.document", "Word 文档 (.docx)", "word:extract_docx",
        "页眉、正文、表格、文本框、自动编号（第一条、（二）、3.）、脚注、尾注、页脚、批注、图表、SmartArt、插入的文件；修订中已删除的文字不读",
        may_be_plain=True, zip_members=("[Content_Types].xml", "word/"),
        version=2,
    ),
    Format(
        "doc", (".doc", ".wps"), "application/msword", "旧版 Word/WPS 文档", "libreoffice:extract_doc",
        "经 LibreOffice 转换后同 `.docx`", may_be_plain=True,
    ),
    Format(
        "xls", (".xls", ".et"), "application/vnd.ms-excel", "旧版 Excel/WPS 表格", "libreoffice:extract_xls",
        "经 LibreOffice 转换后同 `.xlsx`", "工作表“名称”", may_be_plain=True,
    ),
    Format(
        "ppt", (".ppt", ".dps"), "application/vnd.ms-powerpoint", "旧版 PPT/WPS 演示文稿", "libreoffice:extract_ppt",
        "经 LibreOffice 转换后同 `.pptx`", "幻灯片N", may_be_plain=True,
    ),
    Format(
        "pdf", (".pdf",), "application/pdf", "PDF", "pdf:extract_pdf",
        "每页文字；扫描页（有页码的也算）和文字层是乱码的页做文字识别（OCR），报告里注明页码；填写的表单项、批注", "第N页", version=6,
        keeps_original=True,
        begins=re.compile(rb"[\xef\xbb\xbf\r\n \t]*%PDF-"),
    ),
    Format(
        "pptx", (".pptx",), f"{_OFFICE}.presentationml.presentation", "演示文稿 (.pptx)", "slides:extract_pptx",
        "每张幻灯片的文字、表格、图表、备注、批注", "幻灯片N", may_be_plain=True, zip_members=("[Content_Types].xml", "ppt/"),
        version=2,
    ),
    Format(
        "xlsx", (".xlsx", ".xlsm"), f"{_OFFICE}.spreadsheetml.sheet", "Excel 工作簿 (.xlsx)", "sheets:extract_xlsx",
        "每张工作表，含隐藏表、文本框、图表和批注；数值按表中的样子（日期、百分比、千分位）", "工作表“名称”",
        may_be_plain=True, zip_members=("[Content_Types].xml", "xl/"),
        version=2,
    ),
    Format(
        "csv", (".csv",), "text/csv", "CSV", "plain:extract_csv", "逗号、制表符、分号、竖线分隔", is_text=True
    ),
    Format(
        "html", (".html", ".htm", ".xhtml"), "text/html", "网页", "web:extract_html",
        "读者看得见的文字；脚本、样式不读；标有 `<main>`/`<article>` 时略去导航栏并注明字数", is_text=True, begins=_HTML_START,
        version=2,
    ),
    Format(
        "rtf", (".rtf",), "application/rtf", "RTF", "rtf:extract_rtf", "页眉、正文、表格、脚注、页脚", may_be_plain=True,
        begins=re.compile(rb"\{\\rtf"),
    ),
    Format(
        "ofd", (".ofd",), "application/ofd", "OFD", "ofd:extract_ofd", "每页文字，含模板页、批注、组合图元；扫描页做文字识别（GB/T 33190）", "第N页",
        version=4,
        zip_members=("OFD.xml",),
    ),
    Format(
        "epub", (".epub",), "application/epub+zip", "EPUB", "epub:extract_epub", "按阅读顺序的各章", "第N节",
        zip_type=b"application/epub+zip", zip_members=("META-INF/container.xml",),
    ),
    Format(
        "odt", (".odt",), "application/vnd.oasis.opendocument.text", "ODT", "opendocument:extract_odt",
        "页眉、正文、表格、脚注、页脚", may_be_plain=True, zip_type=b"application/vnd.oasis.opendocument.text",
        zip_members=("content.xml", "META-INF/manifest.xml"),
    ),
    Format(
        "eml", (".eml",), "message/rfc822", "邮件", "mail:open_mail",
        "主题、发件人、收件人、日期、正文；附件各成一篇，名为 `信.eml/附件.docx`", is_text=True, is_container=True,
        version=2,
    ),
    *(
        Format(kind, suffixes, f"image/{kind}", f"{kind.upper()} 图片", "images:extract_image", reads, "第N页", begins=begins)
        for kind, suffixes, reads, begins in (
            ("png", (".png",), "文字识别（OCR）的结果，每行带位置", re.compile(rb"\x89PNG")),
            ("jpeg", (".jpg", ".jpeg"), "同 `.png`", re.compile(rb"\xff\xd8\xff")),
            ("tiff", (".tif", ".tiff"), "同 `.png`，多页的逐页识别", re.compile(rb"II\*\x00|MM\x00\*")),
            ("bmp", (".bmp",), "同 `.png`", re.compile(rb"BM")),
            ("gif", (".gif",), "同 `.png`，动图只看第一幅", re.compile(rb"GIF8")),
        )
    ),
    Format(
        "zip", (".zip",), "", "ZIP 压缩包", "archive:open_archive",
        "里面的每个文件各成一篇，名为 `包.zip/文件.docx`；中文 Windows 的 GBK 文件名能认", is_container=True,
    ),
)  # fmt: skip
BY_KIND: Mapping[str, Format] = {one.kind: one for one in FORMATS}
BY_SUFFIX: Mapping[str, Format] = {suffix: one for one in FORMATS for suffix in one.suffixes}
BY_MEDIA_TYPE: Mapping[str, Format] = {one.media_type: one for one in FORMATS if one.media_type}
SUPPORTED = frozenset(BY_SUFFIX)
LOADERS = " ".join(sorted(one.read_by for one in FORMATS))  # part of an index's make


def reader_of(media_type: str) -> str:
    """What reads documents of a media type today, with its version (`pdf-1`); "" for what is in no file."""
    found = BY_MEDIA_TYPE.get(media_type)
    return found.read_by if found else ""
