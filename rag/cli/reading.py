"""`yuanwen read`: what is made of one file before anything is indexed, for people, as JSON and as a page to look at."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli.terminal import err, kept_and_removed, out
from rag.config import load_settings
from rag.datamodels import Document, IngestLine, Passage, Removal

if TYPE_CHECKING:
    from rag.ingest.loading import Failure

PAGE = """<!DOCTYPE html>
<html lang="zh"><head><meta charset="utf-8"><title>{{ name }}</title><style>
body { font: 16px/1.7 serif; max-width: 46em; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse } td { padding: 0 1em 0 0; vertical-align: top; color: #555 }
section { border-left: 3px solid #ccd; padding-left: 1em; margin: 1em 0; white-space: pre-wrap }
h3 { font-size: .85em; color: #667; margin: 0; font-weight: normal }
del { color: #a33; background: #fee } mark { color: #346; background: #eef; font-size: .8em }
.warning { color: #a50 }
</style></head><body>
{% for one in documents %}
<h1>{{ one.document.title }}</h1>
<table>
<tr><td>文件</td><td>{{ one.document.doc_id }}（{{ one.document.media_type }}，{{ one.document.loader }}）</td></tr>
{% for name, value in one.document.metadata.items() %}<tr><td>{{ name }}</td><td>{{ value }}</td></tr>
{% endfor %}
<tr><td>文字</td><td>{{ one.summary }}，{{ one.passages|length }} 段</td></tr>
</table>
{% for warning in one.document.warnings %}<p class="warning">{{ warning }}</p>
{% endfor %}
{% for part in one.parts %}
<section>{% if part.headings %}<h3>{{ part.headings|join(" › ") }}</h3>{% endif %}
{%- for piece in part.pieces %}{% if piece.page %}<mark>{{ piece.page }}</mark> {% endif %}
{%- if piece.reason %}<del title="{{ piece.reason }}">{{ piece.text }}</del>{% else %}{{ piece.text }}{% endif %}
{%- endfor %}</section>
{% endfor %}
{% endfor %}
{% for failure in failures %}<p class="warning">{{ failure.message }}</p>
{% endfor %}
</body></html>
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(read)


def read(
    file: Annotated[Path, typer.Argument(help="要看的文件")],
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON：文字、结构、剔除的各处和理由、注意事项")] = False,
    html: Annotated[Path | None, typer.Option("--html", help="写成一个网页，剔除的字划线标出")] = None,
) -> None:
    """看一个文件读成了什么：文字、结构、剔除、注意；不碰索引。/ What the loader makes of one file, without an index."""
    from rag.errors import LoadError
    from rag.ingest.loading import Source, load, plain_name
    from rag.ingest.rebuilding import limits_of

    settings = load_settings()
    loaded = load(Source(plain_name(file.name), file), ocr=settings.ocr, limits=limits_of(settings))
    if not loaded.documents:
        raise LoadError(loaded.failures[0].message, code=loaded.failures[0].code)
    readings = [Reading(document, settings.passage_size) for document in loaded.documents]
    if html is not None:
        html.write_text(_page(file.name, readings, loaded.failures), encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(_json(readings, loaded.failures), ensure_ascii=False, indent=2))
    elif html is None:
        for one in readings:
            _show(one)
    for failure in loaded.failures:
        err.print(f"✗ {failure.message}", markup=False)


class Reading:
    """A document with what cleaning and cutting make of it."""

    def __init__(self, document: Document, size: int) -> None:
        """size: characters of a passage aimed at. Raises CoverageError."""
        from rag.ingest.chunking import cut
        from rag.ingest.cleaning import find_removals
        from rag.ingest.preparing import report_of

        self.document = document
        self.removals: tuple[Removal, ...] = find_removals(document)
        self.passages: tuple[Passage, ...] = cut(document, self.removals, size)
        self.report: IngestLine = report_of(document, self.removals, self.passages)
        self.summary = kept_and_removed([self.report])

    @property
    def parts(self) -> Iterator[dict[str, object]]:
        """The whole text in order, in passages and what is between them: headings, and pieces with page and reason."""
        at = 0
        for passage in self.passages:
            between = list(self._pieces(at, passage.start))
            if any(str(piece["text"]).strip() for piece in between):
                yield {"headings": (), "pieces": between}
            yield {"headings": passage.headings, "pieces": list(self._pieces(passage.start, passage.end))}
            at = passage.end
        if self.document.text[at:].strip():
            yield {"headings": (), "pieces": list(self._pieces(at, len(self.document.text)))}

    def _pieces(self, start: int, end: int) -> Iterator[dict[str, str]]:
        from rag.ingest.cleaning import REASONS

        pages = {page.start: page.label for page in self.document.pages if start <= page.start < end}
        cuts = [one for one in self.removals if one.start < end and one.end > start]
        points = sorted(
            {start, end, *pages, *(max(one.start, start) for one in cuts), *(min(one.end, end) for one in cuts)}
        )
        for a, b in itertools.pairwise(points):
            reason = next((REASONS.get(one.reason, one.reason) for one in cuts if one.start <= a < one.end), "")
            yield {"text": self.document.text[a:b], "page": pages.get(a, ""), "reason": reason}


def _show(one: Reading) -> None:
    document = one.document
    out.print(f"《{document.title}》 {document.doc_id}（{document.media_type}，{document.loader}）", markup=False)
    for name, value in document.metadata.items():
        out.print(f"  {name}：{value}", markup=False)
    out.print(f"  {one.summary}，{len(one.passages)} 段", markup=False)
    for warning in document.warnings:
        err.print(f"  注意：{warning}", markup=False)
    for passage in one.passages:
        out.print(f"\n[{passage.start}–{passage.end}] {' › '.join(passage.headings)}", markup=False, style="dim")
        out.print(passage.text, markup=False)


def _json(readings: Sequence[Reading], failures: Sequence[Failure]) -> dict[str, object]:
    documents = [
        {
            "doc": one.document.doc_id, "title": one.document.title, "media_type": one.document.media_type,
            "loader": one.document.loader, "metadata": dict(one.document.metadata), "text": one.document.text,
            "characters": one.report.characters, "kept": one.report.kept, "removed": dict(one.report.removals),
            "pages": [{"start": page.start, "label": page.label} for page in one.document.pages],
            "passages": [
                {"start": p.start, "end": p.end, "headings": p.headings, "text": p.text, "cuts": p.cuts} for p in one.passages
            ],
            "removals": [
                {"start": r.start, "end": r.end, "reason": r.reason, "joins": r.joins} for r in one.removals
            ],
            "warnings": one.document.warnings,
        }
        for one in readings
    ]  # fmt: skip
    failed = [{"doc": one.doc_id, "code": one.code, "message": one.message} for one in failures]
    return {"documents": documents, "failures": failed}


def _page(name: str, readings: Sequence[Reading], failures: Sequence[Failure]) -> str:
    import jinja2

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(PAGE).render(name=name, documents=readings, failures=failures)
