"""Take documents into an index: from files, uploads or records to a committed generation and a report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

from rag.config import Settings
from rag.datamodels import FACTS, Document, IngestLine
from rag.errors import CorpusError, CoverageError, LoadError
from rag.index.catalog import Catalog
from rag.index.derived import derive
from rag.index.fingerprints import fingerprint
from rag.ingest.loading import Loaded, discover, is_sidecar, load, load_bytes
from rag.ingest.preparing import Prepared, make_of, prepared, store
from rag.ingest.rebuilding import limits_of, rebuild
from rag.models.embedding import Embedder, Progress


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What became of each file: `lines` in order, `unchanged` documents that needed no work, `removed` ones."""

    lines: tuple[IngestLine, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]


class Intake:
    """One ingest under way: what could be read is prepared, what could not is noted and loses nothing."""

    def __init__(self, settings: Settings, on_line: Callable[[IngestLine], None]) -> None:
        """on_line: called with each line of the report as it comes."""
        self.settings = settings
        self.lines: list[IngestLine] = []
        self.unchanged: list[str] = []
        self.failed: set[str] = set()
        self._on_line = on_line

    def files(self, paths: Sequence[Path]) -> Iterator[Document]:
        """The documents of files and folders. Raises CorpusError for a path that is missing."""
        for source in discover([Path(path) for path in paths]):
            read = partial(load, source, ocr=self.settings.ocr, limits=limits_of(self.settings))
            yield from self._loaded(source.doc_id, read)

    def uploads(self, files: Mapping[str, BinaryIO]) -> Iterator[Document]:
        """The documents of files that were sent, by name; `NAME.yaml` among them is the sidecar of NAME.

        A suffix that belies the content is refused here: who sends a file can still correct it.
        """
        names = frozenset(files)
        for name, stream in files.items():
            if is_sidecar(name, names):
                continue
            beside = files.get(f"{name}.yaml") or files.get(f"{name}.yml")
            read = partial(
                load_bytes, stream.read(), name, sidecar=beside.read() if beside else None, ocr=self.settings.ocr,
                limits=limits_of(self.settings), strict=True,
            )  # fmt: skip
            yield from self._loaded(name, read)

    def take(
        self,
        documents: Iterable[Document],
        catalog: Catalog,
        embedder: Embedder,
        *,
        mirror: bool = False,
        progress: Progress | None = None,
    ) -> IngestReport:
        """Commit the documents; the caller sees to it that nobody else writes.

        mirror: remove documents that are not among these. Raises CorpusError when nothing at all could be read.
        """
        make = make_of(embedder, self.settings.passage_size)
        known, edits = catalog.sources(), catalog.edits()
        documents = (edited(document, edits.get(document.doc_id, {})) for document in documents)
        before = catalog.generation
        store(catalog, self._prepared(documents, known, make), embedder, make, progress)
        read = {line.doc_id for line in self.lines if not line.error} | set(self.unchanged)
        if not read:
            reasons = "；".join(line.error for line in self.lines[:3])
            raise CorpusError(f"没有一个文件能读入。{reasons} / No file could be read.")
        stale = set(known) - read - self.failed if mirror else set()
        stale = {doc_id for doc_id in stale if not any(doc_id.startswith(f"{name}/") for name in self.failed)}
        if stale:
            catalog.remove(sorted(stale))
        # what could not be read this time and is of another make would lock the whole index
        rebuild(catalog, embedder, self.settings, progress, self._note)
        if catalog.generation != before:
            derive(catalog, self.settings.index, make, embedder.dim)
        return IngestReport(tuple(self.lines), tuple(self.unchanged), tuple(sorted(stale)))

    def _prepared(self, documents: Iterable[Document], known: Mapping[str, str], make: str) -> Iterator[Prepared]:
        """What is new or changed, cleaned and cut."""
        for document in documents:
            if known.get(document.doc_id) == fingerprint(document, make):
                self.unchanged.append(document.doc_id)
                continue
            try:
                item = prepared(document, make, self.settings.passage_size)
            except CoverageError as error:
                self._fail(document.doc_id, str(error), error.code)
                continue
            self._note(item.record.report)
            yield item

    def _loaded(self, doc_id: str, read: Callable[[], Loaded]) -> Iterator[Document]:
        """The documents of one file."""
        try:
            loaded = read()
        except LoadError as error:
            self._fail(doc_id, str(error), error.code)
            return
        for failure in loaded.failures:
            self._fail(failure.doc_id, failure.message, failure.code)
        yield from loaded.documents

    def _note(self, line: IngestLine) -> None:
        self.lines.append(line)
        self._on_line(line)

    def _fail(self, doc_id: str, message: str, code: str) -> None:
        self.failed.add(doc_id)
        self._note(IngestLine(doc_id, "", "", 0, 0, 0, 0.0, error=message, code=code))


def edited(document: Document, facts: Mapping[str, str]) -> Document:
    """The document with what people changed about it: a title, and facts of FACTS, an empty one taken away."""
    if not facts:
        return document
    metadata = dict(document.metadata) | {name: value for name, value in facts.items() if name in FACTS}
    kept = {name: value for name, value in metadata.items() if value or name not in FACTS}
    return replace(document, title=facts.get("title") or document.title, metadata=kept)
