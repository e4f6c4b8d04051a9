"""What a workbook holds beside the cells: text boxes, charts and comments, each with the sheet it is on."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator

from rag.ingest.loading.ooxml import Relation, comment_line, drawing_keys, drawn_words, relations, words_of
from rag.ingest.loading.safety import attribute, local, parse_xml


def beside_cells(archive: zipfile.ZipFile) -> dict[str, list[str]]:
    """Lines by the name of the sheet, chart sheets too, in the order of the workbook."""
    main = next((r.target for r in relations(archive, "") if r.kind == "officeDocument"), "xl/workbook.xml")
    names = set(archive.namelist())
    if main not in names:
        return {}
    targets = {relation.key: relation.target for relation in relations(archive, main)}
    found: dict[str, list[str]] = {}
    for sheet in (e for e in parse_xml(archive.read(main)).iter() if local(e) == "sheet"):
        path = targets.get(attribute(sheet, "id"), "")
        held = [one for one in relations(archive, path) if one.target in names] if path else []
        found[sheet.get("name", "")] = [*_drawings(archive, held), *_comments(archive, held)]
    return found


def _drawings(archive: zipfile.ZipFile, held: list[Relation]) -> Iterator[str]:
    for drawing in (one for one in held if one.kind == "drawing"):
        parts = {one.key: one.target for one in relations(archive, drawing.target)}
        root = parse_xml(archive.read(drawing.target))
        for shape in root.iter("{*}sp"):
            body = next((e for e in shape if local(e) == "txBody"), None)
            text = "" if body is None else words_of(body)
            if text:
                yield text
        for key in drawing_keys(root):
            if parts.get(key, "") in archive.namelist():
                yield from drawn_words(parse_xml(archive.read(parts[key])))


def _comments(archive: zipfile.ZipFile, held: list[Relation]) -> Iterator[str]:
    threaded: set[str] = set()
    for part in (one for one in held if one.kind == "threadedComment"):
        for comment in parse_xml(archive.read(part.target)).iter("{*}threadedComment"):
            text = "".join(t.text or "" for t in comment if local(t) == "text").strip()
            threaded.add(comment.get("ref", ""))
            yield comment_line(text, place=comment.get("ref", ""))
    for part in (one for one in held if one.kind == "comments"):
        for comment in parse_xml(archive.read(part.target)).iter("{*}comment"):
            if comment.get("ref", "") not in threaded:  # of a thread, the old part holds a copy with a notice
                text = "".join(t.text or "" for t in comment.iter() if local(t) == "t")
                yield comment_line(" ".join(text.split()), place=comment.get("ref", ""))
