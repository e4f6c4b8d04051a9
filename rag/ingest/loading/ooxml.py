"""What .docx, .xlsx and .pptx share: the package, its relationships, the words of charts and diagrams, what is not read."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.ingest.loading.records import Job
from rag.ingest.loading.safety import attribute, local, open_package, parse_xml, parsing

if TYPE_CHECKING:
    from lxml import etree

# Strict packages have namespaces of their own; the libraries know only those of the transitional kind.
_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/(\w+)")
_RENAMED = {b"extendedProperties": b"extended-properties", b"customProperties": b"custom-properties"}
_TYPES = "[Content_Types].xml"
_PICTURE = re.compile(r"/media/[^/]+\.(?:png|jpe?g|gif|bmp|tiff?|emf|wmf|svg|wdp|heic)$", re.IGNORECASE)
_EMBEDDED = re.compile(r"/embeddings/[^/]+$|/media/[^/]+\.(?:mp[34]|wav|m4[av]|avi|wmv|mov)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Relation:
    """A part that another part refers to. kind: the end of its type, e.g. `comments`. target: its path in the package."""

    key: str
    kind: str
    target: str


def office_package(data: bytes, job: Job, what: str) -> tuple[bytes, zipfile.ZipFile]:
    """The package as the libraries read it, and open; strict ones are rewritten, and the list of types has its name. Raises LoadError as open_package does."""
    archive = open_package(data, job, what)
    with parsing(job.name, what):
        names = archive.namelist()
        strict = any(b"purl.oclc.org/ooxml" in archive.read(n) for n in names if n.lower() == "_rels/.rels")
        if not strict and _TYPES in names:
            return data, archive
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as rewritten:
            for name in dict.fromkeys(names):
                body = archive.read(name)
                if name.lower().endswith((".xml", ".rels")):
                    body = _STRICT.sub(_transitional, body)
                rewritten.writestr(_TYPES if name.lower() == _TYPES.lower() else name, body)
    archive.close()
    return buffer.getvalue(), open_package(buffer.getvalue(), job, what)


def _transitional(found: re.Match[bytes]) -> bytes:
    family, name = found[1], found[2]
    return b"http://schemas.openxmlformats.org/" + family + b"/2006/" + _RENAMED.get(name, name)


def relations(archive: zipfile.ZipFile, part: str) -> list[Relation]:
    """What a part refers to inside the package, in the order of the file."""
    folder, name = posixpath.split(part)
    path = f"{folder}/_rels/{name}.rels".lstrip("/")
    if path not in archive.namelist():
        return []
    found = []
    for element in parse_xml(archive.read(path)):
        if local(element) == "Relationship" and element.get("TargetMode") != "External":
            target = element.get("Target", "")
            joined = target if target.startswith("/") else posixpath.join(folder, target)
            kind = element.get("Type", "").rpartition("/")[2]
            found.append(Relation(element.get("Id", ""), kind, posixpath.normpath(joined.lstrip("/"))))
    return found


def drawn_words(root: etree._Element) -> Iterator[str]:
    """The words of a chart (titles, series, categories with their values) or of a diagram."""
    seen: set[str] = set()
    for element in root.iter():
        kind = local(element)
        if kind == "p":
            text = "".join(t.text or "" for t in element.iter() if local(t) == "t")
            if text.strip():
                yield text
        elif kind == "ser":
            line = _series(element)
            if line not in seen:
                seen.add(line)
                yield line


def _series(series: etree._Element) -> str:
    """`名称：类别 值；类别 值` of one chart series."""
    points: dict[str, list[str]] = {"tx": [], "cat": [], "val": [], "xVal": [], "yVal": []}
    for part in series:
        if local(part) in points:
            points[local(part)] = [e.text or "" for e in part.iter() if local(e) == "v"]
    categories = points["cat"] or points["xVal"]
    values = points["val"] or points["yVal"]
    pairs = [f"{c} {v}".strip() for c, v in zip(categories, values, strict=False)] or values
    name = " ".join(points["tx"])
    return f"{name}：{'；'.join(pairs)}" if name else "；".join(pairs)


def drawing_keys(element: etree._Element) -> Iterator[str]:
    """The relationship ids of the charts and diagrams under an element; a diagram's data, not its layout."""
    for one in element.iter():
        if local(one) == "chart" and attribute(one, "id"):
            yield attribute(one, "id")
        elif local(one) == "relIds" and attribute(one, "dm"):
            yield attribute(one, "dm")


def words_of(element: etree._Element) -> str:
    """The text of all runs under an element, its paragraphs parted by blanks."""
    paragraphs = [p for p in element.iter() if local(p) == "p"] or [element]
    texts = ("".join(t.text or "" for t in p.iter() if local(t) == "t") for p in paragraphs)
    return " ".join(text.strip() for text in texts if text.strip())


def comment_line(text: str, author: str = "", place: str = "") -> str:
    """A comment as a line of its own: `批注（张三 B3）：…`; "" for an empty one."""
    about = " ".join(part for part in (author.strip(), place.strip()) if part)
    return f"批注（{about}）：{text}" if text and about else f"批注：{text}" if text else ""


def left_out(names: Sequence[str]) -> list[str]:
    """Sentences for what is in a package and not read: pictures, embedded files."""
    pictures = sum(1 for name in names if _PICTURE.search(name))
    embedded = sum(1 for name in names if _EMBEDDED.search(name))
    told = []
    if pictures:
        told.append(f"里面的 {pictures} 张图片没有识别。 ({pictures} pictures not read)")
    if embedded:
        told.append(f"里面嵌入的 {embedded} 个文件没有读，请另存后单独入库。 ({embedded} embedded files not read)")
    return told
