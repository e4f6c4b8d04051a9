"""OFD (GB/T 33190-2016), the national format for fixed-layout documents: a zip of XML.

OFD.xml → Document.xml → pages and their templates → Content.xml with TextObject/TextCode. A reader of its own over
lxml: the format is small, and text, order, page and place are all that is wanted of it.
"""

from __future__ import annotations

import itertools
import posixpath
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.datamodels import LineBox
from rag.errors import LoadError
from rag.ingest.loading.pdf import page_label
from rag.ingest.loading.records import Extracted, Job, TextBuilder
from rag.ingest.loading.safety import damaged, encrypted, local, open_package, parse_xml, parsing, too_large

if TYPE_CHECKING:
    from lxml import etree

MEDIA_TYPE = "application/ofd"


@dataclass(frozen=True, slots=True)
class _Run:
    """A TextObject: its text, and its box in millimetres on the page."""

    text: str
    x: float
    y: float
    width: float
    height: float
    size: float


def extract_ofd(data: bytes, job: Job) -> Extracted:
    """Text of every page of every document in the file, templates included, with a box a line.

    Raises LoadError `damaged`, `encrypted`, `archive-bomb`, `too-large`.
    """
    builder = TextBuilder()
    boxes: list[LineBox] = []
    title = ""
    number = 0
    with open_package(data, job, "OFD") as archive, parsing(job.name, "OFD"):
        if "Encryptions.xml" in archive.namelist():
            raise encrypted(job.name)
        root = parse_xml(archive.read("OFD.xml"))
        roots = [_text(e) for e in root.iter() if local(e) == "DocRoot"]
        title = next((_text(e) for e in root.iter() if local(e) == "Title"), "")
        if not roots:
            raise damaged(job.name, "OFD")
        for document_path in roots:
            document_path = _join("", document_path)
            document = parse_xml(archive.read(document_path))
            base = posixpath.dirname(document_path)
            templates = {e.get("ID", ""): _join(base, e.get("BaseLoc", ""))
                         for e in document.iter() if local(e) == "TemplatePage"}  # fmt: skip
            default_box = next((_text(e) for e in document.iter() if local(e) == "PhysicalBox"), "")
            for page in (e for pages in document if local(pages) == "Pages" for e in pages if local(e) == "Page"):
                number += 1
                job.check_time()
                if number > job.limits.max_pages:
                    raise too_large(job.name, f"超过上限 {job.limits.max_pages} 页")
                builder.page(page_label(number))
                boxes.extend(_add_page(archive, _join(base, page.get("BaseLoc", "")), templates, default_box,
                                       number, builder))  # fmt: skip
    warnings: tuple[str, ...] = ()
    if not builder.length:
        raise LoadError(
            f"{job.name}：OFD 里只有图像，没有文字；请导出为 PDF 后再试，以便识别。 (image-only OFD)", code="needs-ocr"
        )
    return Extracted(
        builder.text, MEDIA_TYPE, title=title, metadata={"line_breaks": "visual"}, pages=builder.pages,
        boxes=tuple(boxes), warnings=warnings,
    )  # fmt: skip


def _add_page(
    archive: zipfile.ZipFile, path: str, templates: dict[str, str], default_box: str, number: int, builder: TextBuilder
) -> Iterator[LineBox]:
    page = parse_xml(archive.read(path))
    area = _floats(next((_text(e) for e in page.iter() if local(e) == "PhysicalBox"), default_box))
    _, _, width, height = area if len(area) == 4 else (0.0, 0.0, 210.0, 297.0)
    under: list[_Run] = []
    over: list[_Run] = []
    for use in (e for e in page.iter() if local(e) == "Template"):
        target = templates.get(use.get("TemplateID", ""))
        if target:
            runs = list(_runs(parse_xml(archive.read(target))))
            (over if use.get("ZOrder") == "Foreground" else under).extend(runs)
    for line in _in_lines([*under, *_runs(page), *over]):
        text = _line_text(line)
        start = builder.add(text)
        if builder.length > start and width > 0 and height > 0:
            yield LineBox(
                start, builder.length - 1, number,
                _share(min(r.x for r in line), width), _share(min(r.y for r in line), height),
                _share(max(r.x + r.width for r in line), width), _share(max(r.y + r.height for r in line), height),
            )  # fmt: skip


def _runs(page: etree._Element) -> Iterator[_Run]:
    """The text objects of a page, in the order they are drawn."""
    for element in page.iter():
        if local(element) != "TextObject":
            continue
        box = _floats(element.get("Boundary", ""))
        x, y, width, height = box if len(box) == 4 else (0.0, 0.0, 0.0, 0.0)
        sizes = _floats(element.get("Size", ""))
        last: float | None = None
        parts: list[str] = []
        for code in element:
            if local(code) == "TextCode":
                tops = _floats(code.get("Y", ""))
                if tops and last is not None and abs(tops[0] - last) > (sizes[0] if sizes else 3.0) / 2:
                    parts.append("\n")
                last = tops[0] if tops else last
                parts.append((code.text or "").replace("\n", "").replace("\r", ""))
        text = "".join(parts)
        if text.strip():
            yield _Run(text, x, y, width, height, sizes[0] if sizes else height)


def _in_lines(runs: list[_Run]) -> list[list[_Run]]:
    """Runs by line: neighbours in drawing order that are at one height and go on to the right are one line."""
    lines: list[list[_Run]] = []
    for run in runs:
        if lines:
            last = lines[-1][-1]
            middle, other = run.y + run.height / 2, last.y + last.height / 2
            level = abs(middle - other) <= 0.4 * max(min(run.height, last.height), 0.1)
            if level and run.x >= last.x and "\n" not in last.text:
                lines[-1].append(run)
                continue
        lines.append([run])
    return lines


def _line_text(line: list[_Run]) -> str:
    """Runs of a line side by side, with a space where they are well apart."""
    text = line[0].text
    for before, run in itertools.pairwise(line):
        gap = run.x - (before.x + before.width)
        text += (" " if gap > max(before.size, 1.0) * 0.8 else "") + run.text
    return text


def _join(base: str, location: str) -> str:
    """A location inside the archive; those that begin with `/` count from its root."""
    path = location if location.startswith("/") else posixpath.join(base, location)
    return posixpath.normpath(path.lstrip("/"))


def _text(element: etree._Element) -> str:
    return (element.text or "").strip()


def _floats(text: str) -> list[float]:
    values = []
    for word in text.split()[:8]:
        try:
            values.append(float(word))
        except ValueError:
            return []
    return values


def _share(value: float, whole: float) -> float:
    return min(max(value / whole, 0.0), 1.0)
