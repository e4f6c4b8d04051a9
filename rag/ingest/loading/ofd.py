"""OFD (GB/T 33190-2016), the national format for fixed-layout documents: a zip of XML.

OFD.xml → Document.xml → pages and their templates → Content.xml with TextObject/TextCode. A reader of its own over
lxml: the format is small, and text, order, page and place are all that is wanted of it.
"""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rag.datamodels import LineBox
from rag.errors import LoadError
from rag.ingest.loading.garbled import garbled_pages
from rag.ingest.loading.ocr import OcrLine, read_picture
from rag.ingest.loading.ofd_text import Picture, Rule, Run, floats, line_text, lines_of, page_objects
from rag.ingest.loading.page_tables import Box, Table, TableWriter, cell_finder, filled, grids, with_edges
from rag.ingest.loading.pdf import SCANNED_SHARE, SHORT_LAYER, PageFates, page_label
from rag.ingest.loading.records import Extracted, Job, TextBuilder
from rag.ingest.loading.safety import (
    PARSER_ERRORS,
    damaged,
    encrypted,
    local,
    open_package,
    parse_xml,
    parsing,
    too_large,
)

if TYPE_CHECKING:
    from lxml import etree

MEDIA_TYPE = "application/ofd"
_POINTS_A_MILLIMETRE = 72 / 25.4


class _Package:
    """The members of the zip, found whatever the case of their names and the slashes between folders."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._names = {name.replace("\\", "/").lstrip("./").lower(): name for name in reversed(archive.namelist())}

    def __contains__(self, path: str) -> bool:
        return path.lower() in self._names

    def read(self, path: str) -> bytes:
        """The member at `path`. Raises KeyError where there is none."""
        return self._archive.read(self._names[path.lower()])

    def tree(self, path: str) -> etree._Element:
        """The XML at `path`."""
        return parse_xml(self.read(path))


@dataclass(frozen=True, slots=True)
class _Shared:
    """What the pages of one document share. media, units: images' paths and composite units by resource ID."""

    package: _Package
    templates: Mapping[str, str]
    box: str
    media: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, etree._Element] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)


def extract_ofd(data: bytes, job: Job) -> Extracted:
    """Text of every page of every document in the file: pages, templates, annotations, scanned images when job.ocr.

    Raises LoadError `damaged`, `encrypted`, `archive-bomb`, `too-large`, `needs-ocr`, `garbled-text`.
    """
    builder = TextBuilder()
    boxes: list[LineBox] = []
    fates, writer = PageFates(), TableWriter()
    attached = 0
    number = 0
    with open_package(data, job, "OFD") as archive, parsing(job.name, "OFD"):
        package = _Package(archive)
        if "Encryptions.xml" in package:
            raise encrypted(job.name)
        root = package.tree("OFD.xml")
        roots = [_text(e) for e in root.iter() if local(e) == "DocRoot"]
        title = next((_text(e) for e in root.iter() if local(e) == "Title"), "")
        if not roots:
            raise damaged(job.name, "OFD")
        for document_path in (_join("", path) for path in roots):
            document = package.tree(document_path)
            base = posixpath.dirname(document_path)
            shared = _shared(package, document, base)
            attached += _attachments(package, document, base)
            for page in (e for pages in document if local(pages) == "Pages" for e in pages if local(e) == "Page"):
                number += 1
                job.check_time()
                if number > job.limits.max_pages:
                    raise too_large(job.name, f"超过上限 {job.limits.max_pages} 页")
                builder.page(page_label(number))
                path = _join(base, page.get("BaseLoc", ""))
                boxes.extend(_add_page(shared, path, page.get("ID", ""), number, builder, job, fates, writer))
    _refuse(builder, fates, job)
    warnings = fates.warnings()
    if attached:
        warnings.append(f"里面的 {attached} 个附件没有读，请另存后单独入库。 ({attached} attachments not read)")
    facts = {"line_breaks": "visual"} | fates.facts()
    return Extracted(
        builder.text, MEDIA_TYPE, title=title, metadata=facts, pages=builder.pages, boxes=tuple(boxes),
        warnings=tuple(warnings),
    )  # fmt: skip


def _refuse(builder: TextBuilder, fates: PageFates, job: Job) -> None:
    """Raise the LoadError of a file of which nothing was read, or nothing that is text."""
    if not builder.length:
        if fates.late:
            job.check_time()
        raise LoadError(
            f"{job.name}：OFD 里只有图像，没有文字，图像也没有识别；请开启 OCR，或导出为 PDF 后再试。 (image-only OFD)",
            code="needs-ocr",
        )
    if garbled_pages({1: builder.text}):
        raise LoadError(
            f"{job.name}：文字是乱码（字体编码不对），没有读入；请用原文件导出 PDF 后再试。 (the text is garbled)",
            code="garbled-text",
        )


def _shared(package: _Package, document: etree._Element, base: str) -> _Shared:
    templates = {e.get("ID", ""): _join(base, e.get("BaseLoc", ""))
                 for e in document.iter() if local(e) == "TemplatePage"}  # fmt: skip
    box = next((_text(e) for e in document.iter() if local(e) == "PhysicalBox"), "")
    media: dict[str, str] = {}
    units: dict[str, etree._Element] = {}
    for place in (_text(e) for e in document.iter() if local(e) in {"PublicRes", "DocumentRes"}):
        _add_resources(package, _join(base, place), media, units)
    notes = dict(_annotations(package, document, base))
    return _Shared(package, templates, box, media, units, notes)


def _add_resources(package: _Package, path: str, media: dict[str, str], units: dict[str, etree._Element]) -> None:
    if path not in package:
        return
    resources = package.tree(path)
    folder = _join(posixpath.dirname(path), resources.get("BaseLoc", ""))
    for element in resources.iter():
        if local(element) == "MultiMedia":
            file = next((_text(e) for e in element if local(e) == "MediaFile"), "")
            media[element.get("ID", "")] = _join(folder, file)
        elif local(element) == "CompositeGraphicUnit":
            units[element.get("ID", "")] = element


def _annotations(package: _Package, document: etree._Element, base: str) -> Iterator[tuple[str, str]]:
    """Where the annotations of each page are, by the page's ID."""
    for place in (_text(e) for e in document if local(e) == "Annotations"):
        path = _join(base, place)
        if path not in package:
            continue
        for page in (e for e in package.tree(path).iter() if local(e) == "Page"):
            file = next((_text(e) for e in page if local(e) == "FileLoc"), "")
            yield page.get("PageID", ""), _join(posixpath.dirname(path), file)


def _attachments(package: _Package, document: etree._Element, base: str) -> int:
    paths = [_join(base, _text(e)) for e in document if local(e) == "Attachments"]
    return sum(1 for path in paths if path in package for e in package.tree(path).iter() if local(e) == "Attachment")


def _add_page(
    shared: _Shared,
    path: str,
    page_id: str,
    number: int,
    builder: TextBuilder,
    job: Job,
    fates: PageFates,
    writer: TableWriter,
) -> Iterator[LineBox]:
    page = shared.package.tree(path)
    area = floats(next((_text(e) for e in page.iter() if local(e) == "PhysicalBox"), shared.box))
    left, top, width, height = area if len(area) == 4 and min(area[2:]) > 0 else (0.0, 0.0, 210.0, 297.0)
    drawn: list[Run | Picture | Rule] = []
    for use in (e for e in page.iter() if local(e) == "Template"):
        target = shared.templates.get(use.get("TemplateID", ""))
        if target:
            drawn.extend(page_objects(shared.package.tree(target), shared.units))
    media, units = dict(shared.media), dict(shared.units)
    for place in (_text(e) for e in page if local(e) == "PageRes"):
        _add_resources(shared.package, _join(posixpath.dirname(path), place), media, units)
    drawn.extend(page_objects(page, units))
    runs = [one for one in drawn if isinstance(one, Run)]
    pictures = [one for one in drawn if isinstance(one, Picture)]
    if sum(len(run.text) for run in runs) < SHORT_LAYER:
        images = [(one, media.get(one.resource, "")) for one in pictures]
        if sum(one.width * one.height for one in pictures) >= SCANNED_SHARE * width * height:
            runs.extend(_seen(shared.package, images, runs, number, job, fates))
    rules = [one.box for one in drawn if isinstance(one, Rule)]
    texts = list(_texts(_parts(runs, rules), writer))
    texts += [("批注：" + line_text(line), _around(line)) for line in _noted(shared, page_id)]
    for text, box in texts:
        start = builder.add(text)
        if builder.length > start:
            yield LineBox(
                start, builder.length - 1, number, _share(box[0] - left, width), _share(box[1] - top, height),
                _share(box[2] - left, width), _share(box[3] - top, height),
            )  # fmt: skip


def _parts(runs: list[Run], rules: list[Box]) -> list[list[Run] | Table]:
    """The lines and tables of a page, from top to bottom."""
    found = grids(rules, _POINTS_A_MILLIMETRE)
    place = cell_finder(found)
    held: dict[tuple[int, Box], list[Run]] = {}
    outside: list[Run] = []
    for run in runs:
        table, cell = place((run.x + run.right) / 2, run.baseline - 0.4 * run.size)
        if table < 0:
            outside.append(run)
        else:
            held.setdefault((table, found[table].cells[cell].box), []).append(run)
    tables = [
        filled(grid, lambda box, number=number: _words(held.get((number, box), [])))  # type: ignore[misc]  # a default binds it now
        for number, grid in enumerate(found)
        if any(table == number for table, _ in held)
    ]
    parts: list[list[Run] | Table] = []
    for line in lines_of(outside):
        while tables and tables[0].grid.ys[0] < line[0].baseline:
            parts.append(tables.pop(0))
        parts.append(line)
    return with_edges([*parts, *tables])


def _words(runs: list[Run]) -> str:
    return "\n".join(line_text(line) for line in lines_of(runs))


def _texts(parts: list[list[Run] | Table], writer: TableWriter) -> Iterator[tuple[str, Box]]:
    """Lines of text with their places; a row of a table is a line."""
    if not any(isinstance(part, Table) for part in parts):
        writer.page_without()
    for part in parts:
        if isinstance(part, Table):
            xs, ys = part.grid.xs, part.grid.ys
            yield from ((text, (xs[0], ys[row], xs[-1], ys[row + 1])) for row, text in writer.lines(part))
        else:
            yield line_text(part), _around(part)


def _around(line: list[Run]) -> Box:
    return (
        min(r.x for r in line), min(r.top for r in line),
        max(r.right for r in line), max(r.bottom + 0.12 * r.size for r in line),
    )  # fmt: skip


def _seen(
    package: _Package, images: list[tuple[Picture, str]], runs: list[Run], number: int, job: Job, fates: PageFates
) -> list[Run]:
    """What is recognised in the images of a page, with their paths, beside the text that it has."""
    if not fates.may_recognise(number, job):
        return []
    found: list[Run] = []
    for picture, path in images:
        try:
            seen = read_picture(package.read(path))
        except PARSER_ERRORS:  # not there, or in a format that nothing here decodes (JBIG2)
            fates.unread.append(number)
            continue
        found.extend(_run_of(line, picture) for line in seen)
    found = [run for run in found if not any(_over(run, one) for one in runs)]
    if found:
        fates.recognised.append(number)
    return found


def _run_of(line: OcrLine, picture: Picture) -> Run:
    """A recognised line on the page."""
    top, bottom = picture.y + line.top * picture.height, picture.y + line.bottom * picture.height
    size = max(bottom - top, 0.1)
    base = bottom - 0.12 * size
    return Run(line.text, picture.x + line.x0 * picture.width, picture.x + line.x1 * picture.width, base, base, size)


def _over(run: Run, other: Run) -> bool:
    across = (run.x + run.right) / 2
    return other.x <= across <= other.right and abs(run.baseline - other.baseline) <= 0.5 * max(run.size, other.size)


def _noted(shared: _Shared, page_id: str) -> Iterator[list[Run]]:
    """The lines of a page's annotations: what they show, else the remark that they hold."""
    path = shared.notes.get(page_id, "")
    if path not in shared.package:
        return
    for note in (e for e in shared.package.tree(path).iter() if local(e) == "Annot"):
        if note.get("Visible") == "false":
            continue
        runs = [one for one in page_objects(note, shared.units) if isinstance(one, Run)]
        if runs:
            yield from lines_of(runs)
            continue
        remark = next((_text(e) for e in note if local(e) == "Remark"), "")
        box = next((floats(e.get("Boundary", "")) for e in note if local(e) == "Appearance"), [])
        if remark:
            x, y, width, height = box if len(box) == 4 else (0.0, 0.0, 1.0, 1.0)
            yield [Run(remark, x, x + width, y + height, y + height, max(height, 0.1))]


def _join(base: str, location: str) -> str:
    """A location inside the archive; those that begin with `/` count from its root."""
    location = location.replace("\\", "/")
    path = location if location.startswith("/") else posixpath.join(base, location)
    return posixpath.normpath(path.lstrip("/"))


def _text(element: etree._Element) -> str:
    return (element.text or "").strip()


def _share(value: float, whole: float) -> float:
    return min(max(value / whole, 0.0), 1.0)
