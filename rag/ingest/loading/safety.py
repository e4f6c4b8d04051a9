"""Hostile input: containers measured before they are opened, XML without entities, parser errors named."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

from rag.errors import LoadError
from rag.ingest.loading.records import MB, Budget, Job

if TYPE_CHECKING:
    from lxml import etree

_RATIO_FROM = 10 * MB

# What the document parsers raise when the structure they expect is not there: they do not wrap these in an error of
# their own, so the list is the sum of what truncated and altered real files made them raise. SyntaxError is the base
# of lxml's and expat's parse errors, ValueError of Unicode errors and of Invalid*Error, LookupError of Key-/IndexError,
# RuntimeError of encrypted zip members and of recursion, OSError of seeks before the start.
PARSER_ERRORS: tuple[type[Exception], ...] = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    SyntaxError,
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    ArithmeticError,
    AssertionError,
    EOFError,
    OSError,
    RuntimeError,
)


def damaged(name: str, what: str) -> LoadError:
    """The error for a file whose structure is broken."""
    return LoadError(
        f"{name}：{what}已损坏或不完整，读不出来；请用原来的软件打开后重新保存。 (damaged or incomplete file)",
        code="damaged",
    )


def encrypted(name: str) -> LoadError:
    """The error for a file that needs a password."""
    return LoadError(
        f"{name}：文件加了密码，读不出来；请去掉密码后再试。 (password-protected; remove the password)",
        code="encrypted",
    )


def too_large(name: str, what: str) -> LoadError:
    """The error for a file beyond a limit; `what` says which, in Chinese."""
    return LoadError(f"{name}：{what}；请拆分文件，或请管理员调高上限。 (beyond a size limit)", code="too-large")


def bomb(name: str, what: str) -> LoadError:
    """The error for an archive that unpacks to more than it may."""
    return LoadError(f"{name}：{what}，疑似压缩炸弹，没有解开。 (looks like an archive bomb)", code="archive-bomb")


def take(budget: Budget, size: int, name: str) -> None:
    """Use up one member of `size` bytes; raises LoadError `archive-bomb` beyond the limit."""
    budget.bytes_left -= size
    budget.members_left -= 1
    if budget.is_spent or budget.members_left < 0:
        raise bomb(name, "连同里面的压缩包，解开后超过上限")


@contextmanager
def parsing(name: str, what: str) -> Iterator[None]:
    """Turn whatever a parser raises on a broken file into LoadError `damaged`. what: the format, for the message."""
    try:
        yield
    except PARSER_ERRORS as error:
        raise damaged(name, what) from error


def open_zip(data: bytes, job: Job, what: str) -> zipfile.ZipFile:
    """Open a zip after measuring it by its directory: member count, total size, ratio, encryption.

    Raises LoadError `damaged`, `archive-bomb` or `encrypted`. zipfile never reads more of a member than its declared
    size, so a directory that lies cannot get past these checks.
    """
    with parsing(job.name, what):
        archive = zipfile.ZipFile(BytesIO(data))
    members = archive.infolist()
    limits = job.limits
    if len(members) > limits.max_members:
        raise bomb(job.name, f"里面有 {len(members)} 个文件，超过上限 {limits.max_members}")
    total = sum(m.file_size for m in members)
    if total > limits.max_unpacked:
        raise bomb(job.name, f"解开后有 {total // MB} MB，超过上限 {limits.max_unpacked // MB} MB")
    if total > _RATIO_FROM and total > limits.max_ratio * max(len(data), 1):
        raise bomb(job.name, f"解开后是原来的 {total // max(len(data), 1)} 倍，超过上限 {limits.max_ratio} 倍")
    return archive


def open_package(data: bytes, job: Job, what: str, *, dtd: bool = False) -> zipfile.ZipFile:
    """Open a document that is a zip of XML: as open_zip, and no member may be encrypted or its XML too large.

    dtd: whether the format allows document types (EPUB, ODT); elsewhere one is refused as `archive-bomb`.
    """
    archive = open_zip(data, job, what)
    if any(m.flag_bits & 1 for m in archive.infolist()):
        raise encrypted(job.name)
    with parsing(job.name, what):
        for member in archive.infolist():
            if not member.filename.lower().endswith((".xml", ".rels", ".xhtml", ".html", ".opf")):
                continue
            if member.file_size > job.limits.max_markup:
                raise too_large(job.name, f"里面的 {member.filename} 超过 {job.limits.max_markup // MB} MB")
            if not dtd and _has_doctype(archive, member):
                raise entity_danger(job.name)
    return archive


def entity_danger(name: str) -> LoadError:
    """The error for XML that declares a document type where the format has none."""
    return LoadError(
        f"{name}：内部 XML 含有 DTD 或实体声明，可能是实体炸弹，没有读入。 (XML with a DTD or entities refused)",
        code="archive-bomb",
    )


def _has_doctype(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    with archive.open(member) as stream:
        head = stream.read(8192).replace(b"\x00", b"")  # the NULs of UTF-16
    return b"<!DOCTYPE" in head or b"<!ENTITY" in head


def parse_xml(data: bytes) -> etree._Element:
    """Parse XML with no entities, no network, no huge trees. Raises lxml's XMLSyntaxError."""
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False, remove_comments=True, remove_pis=True
    )
    return etree.fromstring(data, parser)


def local(element: etree._Element) -> str:
    """The tag of an element without its namespace; "" for entities and the like."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def whole_text(element: etree._Element) -> str:
    """All text under an element, in order."""
    return "".join(str(part) for part in element.itertext())


def attribute(element: etree._Element, name: str) -> str:
    """The value of the attribute with this local name, in any namespace, or ""."""
    for key, value in element.attrib.items():
        if key == name or str(key).endswith("}" + name):
            return str(value)
    return ""
