"""Rich Text Format. A small reader of its own: the known library drops notes, text boxes, headers and footers.

RTF is a stream of groups `{…}`, control words `\\word123` and bytes `\\'hh` in the code page of the current font.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from rag.errors import LoadError
from rag.ingest.loading.records import Extracted, Job, TextBuilder
from rag.ingest.loading.safety import damaged, too_large
from rag.ingest.loading.tables import table_lines

_TOKEN = re.compile(
    rb"\\'([0-9a-fA-F]{2})|\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\([^a-zA-Z])|([{}])|[\r\n]+|([^\\{}\r\n]+)", re.DOTALL
)
# 0 ("ANSI") is left out: in Chinese files it means the code page of the document.
_CHARSETS = {
    77: "mac_roman", 128: "cp932", 129: "cp949", 134: "gb18030", 136: "cp950", 161: "cp1253",
    162: "cp1254", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250",
}  # fmt: skip
_SYMBOLS = {
    "par": "\n", "sect": "\n", "page": "\n", "column": "\n", "cell": "\x1c", "nestcell": "\x1c", "row": "\x1d\n",
    "nestrow": "\x1d\n",
    "tab": "\t", "line": "\n", "softline": "\n", "emdash": "—", "endash": "–", "emspace": "\u2003",
    "enspace": "\u2002", "qmspace": "\u2005", "bullet": "•", "lquote": "‘", "rquote": "’", "ldblquote": "“",
    "rdblquote": "”",
}  # fmt: skip
_ESCAPES = {b"~": "\xa0", b"_": "-", b"\r": "\n", b"\n": "\n", b"{": "{", b"}": "}", b"\\": "\\"}
# Groups whose text no reader sees: tables of fonts and styles, field codes, pictures, properties, the list definitions.
_UNSEEN = frozenset({
    "fonttbl", "colortbl", "stylesheet", "info", "pict", "objdata", "listtable", "listoverridetable", "rsidtbl",
    "generator", "themedata", "colorschememapping", "latentstyles", "datastore", "xmlnstbl", "fldinst", "bkmkstart",
    "bkmkend", "filetbl", "revtbl", "sn", "sv", "nonshppict", "nonesttables", "background", "ftnsep",
    "ftnsepc", "ftncn", "aftnsep", "aftnsepc", "aftncn", "mmathPr", "wgrffmtfilter", "operator", "pgptbl", "userprops",
    "atnid", "atnauthor", "atrfstart", "atrfend", "xe", "tc", "tcn", "passwordhash", "docvar", "template",
    "listpicture", "panose", "falt", "fontemb", "blipuid", "picprop", "pnseclvl",
})  # fmt: skip
# Destinations behind `\\*` that hold text to be read.
_STARRED_TEXT = frozenset({"shpinst", "shptxt", "footnote", "ud", "pntext", "annotation"})
# Groups kept apart from the running text, and the part they go to; a text box stays where it is.
_APART = {
    "header": "head", "headerl": "head", "headerr": "head", "headerf": "head", "footer": "foot", "footerl": "foot",
    "footerr": "foot", "footerf": "foot", "footnote": "note", "annotation": "note", "shptxt": "",
}  # fmt: skip
_MAX_DEPTH = 5000


@dataclass(frozen=True, slots=True)
class _State:
    """What a group inherits. seen: its text is read. skip: replacement characters that follow a \\u. fonts: it is the font table."""

    seen: bool = True
    font: int = -1
    skip: int = 1
    part: str = "body"
    fonts: bool = False
    title: bool = False


class _Reader:
    """The reading of one file, token by token; texts are kept by part."""

    def __init__(self) -> None:
        self.parts: dict[str, list[str]] = {"head": [], "body": [], "note": [], "foot": []}
        self.title: list[str] = []
        self.open_groups = 0
        self._state = _State()
        self._stack: list[_State] = []
        self._codepage = "cp1252"
        self._font_codes: dict[int, str] = {}
        self._default_font = -1
        self._bytes = bytearray()
        self._units: list[int] = []
        self._stand_ins = 0
        self._starred = False

    def read(self, data: bytes, job: Job) -> None:
        """Read the whole file; it is complete when every group was closed."""
        position = count = 0
        while match := _TOKEN.match(data, position):
            position = match.end()
            count += 1
            if count % 50_000 == 0:
                job.check_time()
            hexa, word, number, symbol, brace, run = match.groups()
            if hexa is not None:
                self._put_bytes(bytes((int(hexa, 16),)))
            elif run is not None:
                self._put_bytes(run)
            elif brace == b"{":
                self._open(job)
            elif brace == b"}":
                if not self._close():
                    break
            elif symbol is not None:
                self._escape(symbol)
            elif word is not None:
                position += self._word(word.decode("ascii"), int(number) if number else None)
        self._flush()
        self.open_groups = len(self._stack)

    def _put_bytes(self, data: bytes) -> None:
        """Bytes of text; the second byte of a double-byte character may be a plain letter."""
        taken = min(self._stand_ins, len(data))
        self._stand_ins -= taken
        if taken < len(data):
            if self._units:
                self._flush()
            self._bytes.extend(data[taken:])
        self._starred = False

    def _open(self, job: Job) -> None:
        self._flush()
        self._stand_ins = 0
        self._starred = False
        self._stack.append(self._state)
        if len(self._stack) > _MAX_DEPTH:
            raise too_large(job.name, "RTF 分组嵌套过深")

    def _close(self) -> bool:
        self._flush()
        self._stand_ins = 0
        if not self._stack:
            return False
        if self._stack[-1].part != self._state.part:
            self._put("\n")
        self._state = self._stack.pop()
        return True

    def _escape(self, symbol: bytes) -> None:
        if symbol == b"*":
            self._starred = True
            return
        self._flush()
        self._stand_ins = 0
        self._put(_ESCAPES.get(symbol, ""))

    def _word(self, name: str, value: int | None) -> int:
        """Obey a control word; returns how many bytes of binary data after it are to be passed over."""
        starred, self._starred = self._starred, False
        if name == "u" and value is not None:
            if self._bytes:
                self._flush()
            self._units.append(value)
            self._stand_ins = self._state.skip
            return 0
        if name == "bin":
            return max(value or 0, 0)
        self._flush()
        if name in _SYMBOLS:
            self._put(_SYMBOLS[name])
        elif name in _APART:
            part = _APART[name] or self._state.part
            self._state = replace(self._state, part=part, seen=self._state.seen or name == "shptxt")
        elif name in _UNSEEN or (starred and name not in _STARRED_TEXT):
            self._state = replace(self._state, seen=False, fonts=name == "fonttbl")
        else:
            self._setting(name, value)
        return 0

    def _setting(self, name: str, value: int | None) -> None:
        """Control words that change how the following text is read."""
        state = self._state
        if name == "ansicpg" and value is not None:
            self._codepage = _codepage(value)
        elif name == "deff" and value is not None:
            self._default_font = value
        elif name == "uc":
            self._state = replace(state, skip=min(max(value or 0, 0), 16))
        elif name == "f" and value is not None:
            self._state = replace(state, font=value)
        elif name == "plain":
            self._state = replace(state, font=-1)
        elif name in {"v", "deleted"}:
            self._state = replace(state, seen=state.seen and value == 0)
        elif name == "title" and not state.seen:
            self._state = replace(state, title=True)
        elif name == "fcharset" and state.fonts and value in _CHARSETS:
            self._font_codes[state.font] = _CHARSETS[value]

    def _put(self, text: str) -> None:
        if self._state.title:
            self.title.append(text)
        elif self._state.seen:
            self.parts[self._state.part].append(text)

    def _flush(self) -> None:
        """Decode what has been gathered: bytes in the code page of their font, or UTF-16 units."""
        if self._bytes:
            data = bytes(self._bytes)
            self._bytes.clear()
            font = self._state.font if self._state.font >= 0 else self._default_font
            codec = self._font_codes.get(font, self._codepage)
            text = data.decode(codec, "replace")
            if "\ufffd" in text and codec != self._codepage:
                other = data.decode(self._codepage, "replace")
                text = other if other.count("\ufffd") < text.count("\ufffd") else text
            self._put(text)
        if self._units:
            raw = b"".join((unit & 0xFFFF).to_bytes(2, "little") for unit in self._units)
            self._units.clear()
            self._put(raw.decode("utf-16-le", "replace"))


def extract_rtf(data: bytes, job: Job) -> Extracted:
    """Headers, body with its tables, notes and footers.

    Raises LoadError `damaged`, `too-large`, or `encoding-uncertain` where the code page is not what the file says.
    """
    reader = _Reader()
    reader.read(data, job)
    if reader.open_groups:
        raise damaged(job.name, "RTF 文档")
    builder = TextBuilder()
    for lines in reader.parts.values():
        for line in _lines("".join(lines)):
            builder.add(line)
    lost = builder.text.count("\ufffd")
    warnings = (f"{lost} 个字无法解码。 (characters could not be decoded)",) if lost else ()
    if lost > max(builder.length // 20, 2):
        raise LoadError(
            f"{job.name}：RTF 里的文字编码与它声明的不符，无法可靠读出；请另存为 .docx。 (RTF code page mismatch)",
            code="encoding-uncertain",
        )
    return Extracted(builder.text, "application/rtf", title="".join(reader.title).strip(), warnings=warnings)


def _codepage(number: int) -> str:
    if number == 936:
        return "gb18030"
    try:
        return codecs.lookup(f"cp{number}").name
    except LookupError:
        return "cp1252"


def _lines(text: str) -> Iterator[str]:
    """Paragraphs as they are; consecutive rows of cells together as a table."""
    rows: list[list[str]] = []
    for chunk in re.split(r"(\x1d\n)", text):
        if chunk == "\x1d\n":
            continue
        if "\x1c" not in chunk:
            yield from table_lines(rows)
            rows = []
            yield from chunk.split("\n")
            continue
        cells = chunk.split("\x1c")
        before, _, first = cells[0].rpartition("\n") if not rows else ("", "", cells[0])
        if before:
            yield from table_lines(rows)
            rows = []
            yield from before.split("\n")
        rows.append([first, *cells[1:-1]])
        if cells[-1].strip():
            yield from table_lines(rows)
            rows = []
            yield from cells[-1].split("\n")
    yield from table_lines(rows)
