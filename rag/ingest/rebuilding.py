"""Make documents again from what the index holds, when they were made with another loader, chunker, model or the like.

A document whose file is kept is read again by today's loader. One whose file is not kept keeps the text that was read
then, and says so in its warnings until an ingest is given the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from rag.config import Settings
from rag.datamodels import FACTS, Document, IngestLine
from rag.errors import LoadError
from rag.index.catalog import Catalog, Record
from rag.index.derived import derive
from rag.index.fingerprints import made_as
from rag.ingest.loading import MB, Limits, load_bytes, reader_of
from rag.ingest.preparing import Prepared, make_of, prepared, store
from rag.models.embedding import Embedder, Progress

KEPT_TEXT = "文字是旧版读取程序"  # begins the warning of a document whose file could not be read again


def rebuild(
    catalog: Catalog,
    embedder: Embedder,
    settings: Settings,
    progress: Progress | None = None,
    on_line: Callable[[IngestLine], None] = lambda line: None,
) -> tuple[str, ...]:
    """Make every document of another make again, and return their names; the caller sees to it that nobody else writes.

    progress: called with texts encoded so far and in all. on_line: told of each document.
    """
    make, size = make_of(embedder, settings.passage_size), settings.passage_size
    stale = [record for record in catalog.records() if not made_as(record.source, make)]

    def remade() -> Iterator[Prepared]:
        for record in stale:
            original = catalog.original(record.document.doc_id)
            item = prepared(_read_again(record, original, settings.ocr, limits_of(settings)), make, size)
            on_line(item.record.report)
            yield item

    if stale:
        store(catalog, remade(), embedder, make, progress)
        derive(catalog, settings.index, make, embedder.dim)
    return tuple(record.document.doc_id for record in stale)


def limits_of(settings: Settings) -> Limits:
    """How much of one file is read, as the settings say."""
    return Limits(
        max_bytes=settings.file_max_mb * MB, max_unpacked=settings.unpacked_max_mb * MB,
        max_ratio=settings.unpacked_ratio_max, max_pages=settings.pages_max, max_ocr_pages=settings.ocr_pages_max,
        max_seconds=settings.read_seconds_max,
    )  # fmt: skip


def _read_again(record: Record, original: bytes | None, ocr: bool, limits: Limits) -> Document:
    """The document as its file is read today, or as it is stored."""
    document = record.document
    today = reader_of(document.media_type)
    if document.loader in {"", today}:
        return document
    reason = "原文件不在库里"
    if original is not None:
        try:
            fresh = load_bytes(original, document.doc_id, ocr=ocr, limits=limits).documents[0]
        except LoadError as error:
            reason = f"现在读不了原文件（{error}）"
        else:  # title and facts may be what a sidecar or a person said
            technical = {name: value for name, value in fresh.metadata.items() if name not in FACTS}
            return replace(fresh, title=document.title, metadata=dict(document.metadata) | technical)
    warning = (
        f"{KEPT_TEXT} {document.loader} 读出的，{reason}；要按 {today} 重读，请用原文件再运行 yuanwen index。"
        " (text of an older loader; index the file again)"
    )
    kept = [said for said in document.warnings if not said.startswith(KEPT_TEXT)]
    return replace(document, warnings=(*kept, warning))
