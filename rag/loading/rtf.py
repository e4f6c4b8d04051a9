"""Rich Text Format. A small reader of its own: the known library drops notes, text boxes, headers and footers.

RTF is a stream of groups `{…}`, control words `\\word123` and bytes `\\'hh` in the code page of the current font.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from rag.errors import LoadError
from rag.loading.guard import damaged, too_large
from rag.loading.records import Extracted, Job, TextBuilder
from rag.loading.tables import table_lines

_TOKEN = re.compile(
    rb"\\'([0-9a-fA-F]{2})|\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\([^a-zA-Z])|([{}])|[\r\n]+|([^\\{}\r\n]+)", re.DOTALL
)
_CHARSETS = {
    0: "cp1252", 2: "cp1252", 77: "mac_roman", 128: "cp932", 129: "cp949", 134: "gb18030", 136: "cp950", 161: "cp1253",
    162: "cp1254", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250",
}  # fmt: skip
_SYMBOLS = {
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
_APART = frozenset({"header", "headerl", "headerr", "headerf", "footer", "footerl", "footerr", "footerf", "footnote",
                    "annotation", "shptxt"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class _State:
    """What a group inherits: whether its text is seen, its font and how many stand-ins follow a \\u."""

    seen: bool = True
    font: int = -1
    skip: int = 1
    part: str = "body"
    fonts: bool = False
    title: bool = False
    in_table: bool = False


@dataclass(slots=True)
class _Reader:
    """The reading of one file: texts by part and the code pages met on the way."""

    codepage: str = "cp1252"
    font_codes: dict[int, str] = field(default_factory=dict)
    parts: dict[str, list[str]] = field(default_factory=lambda: {"head": [], "body": [], "note": [], "foot": []})
    title: list[str] = field(default_factory=list)
    pending: bytearray = field(default_factory=bytearray)
    default_font: int = -1
    units: list[int] = field(default_factory=list)

    def codec(self, state: _State) -> str:
        font = state.font if state.font >= 0 else self.default_font
        return self.font_codes.get(font, self.codepage)

    def put(self, state: _State, text: str) -> None:
        if state.title:
            self.title.append(text)
        elif state.seen:
            self.parts[state.part].append(text)

    def flush(self, state: _State) -> None:
        if self.pending:
            codec = self.codec(state)
            data = bytes(self.pending)
            self.pending.clear()
            text = data.decode(codec, "replace")
            if "\ufffd" in text and codec != self.codepage:
                other = data.decode(self.codepage, "replace")
                text = other if other.count("\ufffd") < text.count("\ufffd") else text
            self.put(state, text)
        if self.units:
            raw = b"".join((u & 0xFFFF).to_bytes(2, "little") for u in self.units)
            self.units.clear()
            self.put(state, raw.decode("utf-16-le", "replace"))


def extract_rtf(data: bytes, job: Job) -> Extracted:
    """Headers, body with its tables, notes and footers. Raises LoadError `damaged` or `too-large`."""
    if not data.startswith(b"{\\rtf"):
        raise damaged(job.name, "RTF 文档")
    reader = _Reader()
    _read(data, reader, job)
    builder = TextBuilder()
    for part in ("head", "body", "note", "foot"):
        for line in _lines("".join(reader.parts[part])):
            builder.add(line)
    lost = builder.text.count("\ufffd")
    warnings = (f"{lost} 个字无法解码。 (characters could not be decoded)",) if lost else ()
    if lost > max(builder.length // 20, 2):
        raise LoadError(
            f"{job.name}：RTF 里的文字编码与它声明的不符，无法可靠读出；请另存为 .docx。 (RTF code page mismatch)",
            code="encoding-uncertain",
        )
    return Extracted(builder.text, "application/rtf", title="".join(reader.title).strip(), warnings=warnings)


def _read(data: bytes, reader: _Reader, job: Job) -> None:
    state = _State()
    stack: list[_State] = []
    position = skip_after_unicode = 0
    starred = False
    count = 0
    while match := _TOKEN.match(data, position):
        position = match.end()
        count += 1
        if count % 50_000 == 0:
            job.check_time()
        hexa, word, number, symbol, brace, run = match.groups()
        if hexa is not None:
            if skip_after_unicode:
                skip_after_unicode -= 1
            else:
                _flush_units(reader, state)
                reader.pending.append(int(hexa, 16))
        elif run is not None:
            if skip_after_unicode:
                taken = min(skip_after_unicode, len(run))
                skip_after_unicode -= taken
                run = run[taken:]
            if run:
                _flush_units(reader, state)
                reader.pending.extend(run)  # the second byte of a double-byte character may be a plain letter
        elif brace == b"{":
            reader.flush(state)
            skip_after_unicode = 0
            stack.append(state)
            if len(stack) > 5000:
                raise too_large(job.name, "RTF 分组嵌套过深")
        elif brace == b"}":
            reader.flush(state)
            skip_after_unicode = 0
            if state.part in {"head", "foot", "note"} and stack and stack[-1].part != state.part:
                reader.put(state, "\n")
            if not stack:
                break
            state = stack.pop()
        elif symbol is not None:
            if symbol == b"*":
                starred = True
                continue
            reader.flush(state)
            skip_after_unicode = 0
            reader.put(state, _ESCAPES.get(symbol, ""))
        elif word is not None:
            name = word.decode("ascii")
            value = int(number) if number else None
            if name == "u" and value is not None:
                _flush_pending(reader, state)
                reader.units.append(value)
                skip_after_unicode = state.skip
            elif name == "bin":
                position += max(value or 0, 0)
            else:
                reader.flush(state)
                state = _control(name, value, starred, state, reader)
        starred = False
    reader.flush(state)
    if stack:
        raise damaged(job.name, "RTF 文档")


def _flush_units(reader: _Reader, state: _State) -> None:
    if reader.units:
        reader.flush(state)


def _flush_pending(reader: _Reader, state: _State) -> None:
    if reader.pending:
        reader.flush(state)


def _control(name: str, value: int | None, starred: bool, state: _State, reader: _Reader) -> _State:
    """The state after a control word; text that the word stands for goes to the reader."""
    if name in {"par", "sect", "page", "column"}:
        reader.put(state, "\n")
    elif name in {"cell", "nestcell"}:
        reader.put(state, "\x1c")
    elif name in {"row", "nestrow"}:
        reader.put(state, "\x1d\n")
    elif name in _SYMBOLS:
        reader.put(state, _SYMBOLS[name])
    elif name == "ansicpg" and value is not None:
        reader.codepage = _codepage(value)
    elif name == "uc":
        return replace(state, skip=min(max(value or 0, 0), 16))
    elif name == "deff":
        reader.default_font = value if value is not None else -1
    elif name == "f" and value is not None:
        return replace(state, font=value)
    elif name == "fcharset" and state.fonts and value in _CHARSETS and state.font >= 0:
        if value not in {0, 2}:  # 0 says "ANSI", which in Chinese files means the document's code page
            reader.font_codes[state.font] = _CHARSETS[value]
    elif name == "plain":
        return replace(state, font=-1)
    elif name == "v":
        return replace(state, seen=state.seen and value == 0)
    elif name == "title" and not state.seen:
        return replace(state, title=True)
    elif name in _APART:
        part = "note" if name in {"footnote", "annotation"} else name[:4] if name.startswith(("head", "foot")) else ""
        return replace(state, part=part or state.part, seen=True if name == "shptxt" else state.seen)
    elif name in _UNSEEN or starred and name not in _STARRED_TEXT:
        return replace(state, seen=False, fonts=name == "fonttbl")
    elif name == "deleted":
        return replace(state, seen=value == 0 and state.seen)
    return state


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
