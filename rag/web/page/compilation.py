"""摘编: excerpts collected from several questions, as a Word document, Markdown or CSV with numbered references.

Quotes are read from the index again when they are exported, so they equal the source whatever a browser has kept.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from rag.errors import UsageError
from rag.search.answering import page_label
from rag.web.front.language import CHINESE, Language
from rag.web.front.rendering import render
from rag.web.front.visible import Visible
from rag.web.page.citing import reference

ITEMS_MAX = 500
# What XML cannot hold, and what would turn a line of Chinese around on the page.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Item:
    """A collected excerpt as a browser remembers it. heading: shown above it. note: the collector's own words."""

    doc: str
    start: int
    end: int
    question: str = ""
    heading: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    """An item with its words and reference, read from the index."""

    item: Item
    number: int
    title: str
    text: str
    reference: str


def collect(mine: Visible, items: Sequence[Item]) -> list[Quote]:
    """Read every item's words. Raises NotFoundError or UsageError when one of them no longer exists."""
    if len(items) > ITEMS_MAX:
        raise UsageError(f"摘编最多 {ITEMS_MAX} 条。/ Too many excerpts.")
    quotes = []
    for number, item in enumerate(items, 1):
        text = mine.text(item.doc, item.start, item.end)
        document = mine.document(item.doc).document
        cited = reference(document, item.start, item.end, page_label(document, item.start))
        quotes.append(Quote(item, number, document.title, text, cited))
    return quotes


def to_markdown(title: str, quotes: Sequence[Quote]) -> str:
    """Markdown; what documents say is escaped, so that it reads as it is written."""
    lines = [f"# {_escaped(title)}", ""]
    for quote in quotes:
        if quote.item.heading:
            lines += [f"## {_escaped(quote.item.heading)}", ""]
        said = [f"> {_escaped(line)}" for line in quote.text.splitlines() if line.strip()]
        lines += [*said, f"> [{quote.number}]", ""]
        if quote.item.note:
            lines += [f"按：{_escaped(quote.item.note)}", ""]
    lines += ["## 出处", "", *(f"[{quote.number}] {_escaped(quote.reference)}  " for quote in quotes), ""]
    return "\n".join(lines)


def to_csv(quotes: Sequence[Quote]) -> str:
    """CSV with a byte order mark, as spreadsheets expect; a cell that they would compute begins with an apostrophe."""
    target = io.StringIO()
    target.write("\ufeff")
    rows = csv.writer(target)
    rows.writerow(["序号", "小标题", "标题", "摘录", "按语", "出处", "文档", "起", "止", "问题"])
    for quote in quotes:
        item = quote.item
        cells = [item.heading, quote.title, quote.text, item.note, quote.reference, item.doc]
        rows.writerow([quote.number, *map(_cell, cells), item.start, item.end, _cell(item.question)])
    return target.getvalue()


def to_docx(title: str, quotes: Sequence[Quote]) -> bytes:
    """A Word document: headings, verbatim quotes with superscript numbers, notes, and the numbered references."""
    import docx
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml.ns import qn
    from docx.shared import Cm, Pt

    word = docx.Document()
    for name, font in (("Normal", "宋体"), ("Title", "黑体"), ("Heading 1", "黑体")):
        style = word.styles[name]
        style.font.name = font
        style.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font)
    word.styles["Normal"].font.size = Pt(12)
    word.add_heading(_printable(title), 0).alignment = WD_ALIGN_PARAGRAPH.CENTER
    for quote in quotes:
        if quote.item.heading:
            word.add_heading(_printable(quote.item.heading), 1)
        paragraph = word.add_paragraph()
        paragraph.paragraph_format.left_indent = Cm(0.74)
        paragraph.add_run(_printable(quote.text))
        paragraph.add_run(f"[{quote.number}]").font.superscript = True
        if quote.item.note:
            word.add_paragraph().add_run(f"按：{_printable(quote.item.note)}").italic = True
    word.add_heading("出处", 1)
    for quote in quotes:
        word.add_paragraph(f"[{quote.number}] {_printable(quote.reference)}")
    buffer = io.BytesIO()
    word.save(buffer)
    return buffer.getvalue()


def basket_view(quotes: Sequence[Quote], missing: Sequence[int] = (), language: Language = CHINESE) -> Markup:
    """The basket as the page shows it. missing: the items that were dropped because their document is gone."""
    return render("basket/view.html", language, quotes=quotes, missing=len(missing))


def _printable(text: str) -> str:
    """As Word's XML can hold it; every line end is one line break."""
    return _UNPRINTABLE.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>()#+\-.!|$~])", r"\\\1", " ".join(text.split("\n")))
