"""EPUB books: the XHTML chapters in the order of the spine, each a page."""

from __future__ import annotations

import posixpath
import zipfile
from typing import TYPE_CHECKING
from urllib.parse import unquote

from rag.ingest.loading.encodings import decode
from rag.ingest.loading.records import Extracted, Job, TextBuilder
from rag.ingest.loading.safety import (
    PARSER_ERRORS,
    attribute,
    damaged,
    encrypted,
    local,
    open_package,
    parse_xml,
    parsing,
)
from rag.ingest.loading.web import add_html

if TYPE_CHECKING:
    from lxml import etree

MEDIA_TYPE = "application/epub+zip"
_CHAPTERS = frozenset({"application/xhtml+xml", "text/html", "application/xml", "text/x-oeb1-document"})


def extract_epub(data: bytes, job: Job) -> Extracted:
    """Chapters in reading order. Raises LoadError `damaged`, `encrypted` (rights-managed books), `archive-bomb`."""
    builder = TextBuilder()
    missing: list[str] = []
    warnings: list[str] = []
    with open_package(data, job, "EPUB", dtd=True) as archive:
        with parsing(job.name, "EPUB"):
            package_path = _package_path(archive)
            package = parse_xml(archive.read(package_path))
            locked = _locked(archive)
        title = " ".join((package.findtext(".//{http://purl.org/dc/elements/1.1/}title") or "").split())
        chapters = _spine(package, posixpath.dirname(package_path))
        for number, path in enumerate(chapters, start=1):
            job.check_time()
            if path in locked:
                raise encrypted(job.name)
            try:
                chapter = archive.read(path)
            except KeyError:
                missing.append(path)
                continue
            except PARSER_ERRORS as error:
                raise damaged(job.name, "EPUB") from error
            builder.page(f"第{number}节")
            decoded = decode(chapter, job.name)
            add_html(_entity_free(decoded.text), job, builder)
            warnings.extend(f"第{number}节：{warning}" for warning in decoded.warnings)
    if not chapters:
        raise damaged(job.name, "EPUB")
    if missing:
        warnings.append(f"目录里的 {len(missing)} 节在书里找不到。 (chapters missing in the book)")
    return Extracted(
        builder.text, MEDIA_TYPE, title=title, title_certain=bool(title), pages=builder.pages, warnings=tuple(warnings)
    )


def _entity_free(source: str) -> str:
    """Without an XML declaration or DTD: the HTML parser knows no entities of a document's own."""
    head, mark, rest = source[:20_000].partition("]>")
    if mark and "<!DOCTYPE" in head and "<!ENTITY" in head:
        return rest + source[20_000:]
    return source


def _package_path(archive: zipfile.ZipFile) -> str:
    container = parse_xml(archive.read("META-INF/container.xml"))
    for element in container.iter():
        if local(element) == "rootfile":
            return element.get("full-path", "").lstrip("/")
    raise LookupError("no rootfile")


def _spine(package: etree._Element, folder: str) -> list[str]:
    """Paths of the chapters inside the archive, in reading order."""
    manifest: dict[str, tuple[str, str]] = {}
    order: list[str] = []
    for element in package.iter():
        if local(element) == "item":
            manifest[attribute(element, "id")] = (attribute(element, "href"), attribute(element, "media-type"))
        elif local(element) == "itemref":
            order.append(attribute(element, "idref"))
    paths = []
    for key in order:
        href, kind = manifest.get(key, ("", ""))
        if href and kind in _CHAPTERS:
            paths.append(posixpath.normpath(posixpath.join(folder, unquote(href.partition("#")[0]))))
    return list(dict.fromkeys(paths))


def _locked(archive: zipfile.ZipFile) -> frozenset[str]:
    """Members that rights management has encrypted; scrambled fonts are no obstacle."""
    try:
        root = parse_xml(archive.read("META-INF/encryption.xml"))
    except KeyError:
        return frozenset()
    return frozenset(unquote(e.get("URI", "")) for e in root.iter() if local(e) == "CipherReference")
