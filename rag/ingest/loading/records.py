"""What loading takes in and hands out. All frozen; offsets are code points, half-open."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from rag.datamodels import Document, LineBox, Page
from rag.errors import LoadError

MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the corpus.

    doc_id: POSIX path under the folder given, or the file's name, as `plain_name` writes it. note: what the report says of
    its name, or "".
    """

    doc_id: str
    path: Path
    note: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one file, so that no input can take all the memory or time.

    max_bytes: the file itself. max_unpacked: everything inside an archive, nested ones included. max_ratio: unpacked
    size over packed size (looked at from 10 MB unpacked). max_members, max_depth: of archives. max_pages: of a PDF.
    max_ocr_pages: pages read by optical recognition. max_markup: one HTML or XML part, as its tree
    takes ten times its size. max_cells: of a workbook, blanks included. max_seconds: reading
    one file. office_seconds: one LibreOffice conversion.
    """

    max_bytes: int = 200 * MB
    max_unpacked: int = 500 * MB
    max_ratio: int = 200
    max_members: int = 10_000
    max_depth: int = 3
    max_pages: int = 20_000
    max_ocr_pages: int = 500
    max_markup: int = 100 * MB
    max_cells: int = 10_000_000
    max_seconds: float = 600.0
    office_seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class Failure:
    """A member of an archive or mail that could not be read, and why. code: as of LoadError."""

    doc_id: str
    message: str
    code: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of one file: its documents (several for an archive) and the members that failed."""

    documents: tuple[Document, ...]
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside an archive or a mail. sidecar: the bytes of its YAML, where there is one."""

    doc_id: str
    data: bytes
    sidecar: bytes | None = None


@dataclass(slots=True)
class Budget:
    """What may still be unpacked, shared by an archive and all archives inside it."""

    bytes_left: int
    members_left: int

    @property
    def is_spent(self) -> bool:
        """Whether more bytes were asked for than there were."""
        return self.bytes_left < 0


@dataclass(frozen=True, slots=True)
class Job:
    """One file being read. name: its doc_id, for messages. deadline: time.monotonic() at which reading stops.

    strict: a suffix that belies the content is refused; else the file is read for what it is, with a warning. depth: how
    many documents of the same kind it is inserted in.
    """

    name: str
    limits: Limits
    ocr: bool
    deadline: float
    strict: bool = False
    depth: int = 0

    def check_time(self) -> None:
        """Raise LoadError `too-large` when the time for this file is used up."""
        if time.monotonic() > self.deadline:
            raise LoadError(
                f"{self.name}：读取超过 {self.limits.max_seconds:.0f} 秒，已停止；请拆分文件后再试。"
                " (reading took too long; split the file)",
                code="too-large",
            )

    def deeper(self) -> Job:
        """The same job for a document inside the document."""
        return replace(self, depth=self.depth + 1)

    def renamed(self, name: str) -> Job:
        """The same job for a member called `name`."""
        return replace(self, name=name)


@dataclass(frozen=True, slots=True)
class Extracted:
    """What a parser found in one file.

    title: only where the file itself declares one, else "". title_certain: it is the document's own (a mail's subject),
    not a property that templates fill.
    """

    text: str
    media_type: str
    title: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    pages: tuple[Page, ...] = ()
    boxes: tuple[LineBox, ...] = ()
    title_certain: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Opened:
    """A container opened. own: its own text, None for an archive. members: read one by one, as they are asked for."""

    own: Extracted | None
    members: Iterator[Member | Failure]


# One code point becomes one code point, so that offsets made before the replacement stay true. \x0b and \x0c are Word's
# line and page breaks, \x1e and \x1f its hyphens; the rest carry no text.
_CONTROLS = dict.fromkeys((*range(0x20), 0x7F), " ") | {
    ord("\t"): "\t",
    ord("\n"): "\n",
    0x0B: "\n",
    0x0C: "\n",
    ord("\r"): "\n",
    0x1E: "-",
    0x1F: "\xad",
}
_SURROGATES = dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
_TIDY = str.maketrans(_CONTROLS | _SURROGATES)


def tidy(text: str) -> str:
    """`text` with control characters as newlines or spaces and lone surrogates as U+FFFD; the length may not change."""
    if text.isprintable():
        return text
    return text.translate(_TIDY)


class TextBuilder:
    """Collects paragraphs and pages in reading order; the only place where extracted text is put together."""

    def __init__(self) -> None:
        """Begin with no text."""
        self._parts: list[str] = []
        self._pages: list[Page] = []
        self.length = 0

    def add(self, text: str) -> int:
        """Append a paragraph and a newline, controls replaced; blank text adds nothing. Returns where it starts."""
        start = self.length
        clean = tidy(text.replace("\r\n", "\n"))
        if clean and not clean.isspace():
            self._parts.append(clean)
            self._parts.append("\n")
            self.length += len(clean) + 1
        return start

    def cut(self, length: int) -> None:
        """Take back everything added since `length` was the length; pages begun since stay, at their place."""
        while self.length > length:
            self.length -= len(self._parts.pop())

    def page(self, label: str) -> None:
        """Begin a page, slide or sheet here."""
        self._pages.append(Page(self.length, label))

    @property
    def text(self) -> str:
        """Everything added so far."""
        return "".join(self._parts)

    @property
    def pages(self) -> tuple[Page, ...]:
        """The pages begun so far."""
        return tuple(self._pages)
