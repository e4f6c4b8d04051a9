"""The façade that the command line, the web and batch evaluation call: what is evaluated is what is served.

It joins search, ingest and index, and holds what is loaded; the work is done in those rooms.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, TypeVar

from rag.config import Settings
from rag.datamodels import (
    FACTS,
    Answer,
    Context,
    Document,
    Hit,
    IngestLine,
    LineBox,
    Passage,
)
from rag.errors import BusyError, NotFoundError, UsageError
from rag.index.catalog import Catalog, Record
from rag.index.snapshot import Snapshot, snapshot, with_words
from rag.index.wordlists import set_word_tables, word_tables
from rag.ingest.loading.pdf_pages import page_boxes, page_image
from rag.ingest.pipeline import IngestReport, Intake, edited
from rag.ingest.preparing import make_of, prepared, store
from rag.ingest.rebuilding import rebuild
from rag.models.embedding import Embedder, Progress, load_embedder
from rag.models.loaded import Models
from rag.models.reader import Reader, load_reader
from rag.models.reranking import Reranker, load_reranker
from rag.search import calibration as calibrating
from rag.search.answering import SPARE, compose
from rag.search.documents import RankedDocument, rank_documents
from rag.search.evidence import Bounds, Calibration, weigh
from rag.search.filtering import ALL, Filter, period
from rag.search.pacing import UNHURRIED, Pace
from rag.search.query import Scope, SearchRequest, read_query, request_of, searched_documents
from rag.search.retrieval import retrieve
from rag.search.sources import Sources, Superseded
from rag.search.stages.reading import sentences
from rag.search.surroundings import context_of
from rag.search.trying import firsts, reads_alike

T = TypeVar("T")
TRIES = 3  # generations that one work is tried on when the collection changes under it


class Service:
    """One index folder, one model, one way to ask."""

    def __init__(self, settings: Settings, embedder: Embedder | None = None, reader: Reader | None = None) -> None:
        """settings: where everything is. embedder, reader: instead of those the settings name (tests use toys)."""
        self.settings = settings
        self._embedder = embedder
        self._reranker: tuple[Reranker | None] | None = None
        self._reader: tuple[Reader | None] | None = None if reader is None else (reader,)
        self._catalog: Catalog | None = None
        self._opened: tuple[Snapshot, Sources] | None = None  # of one generation
        self._bounds: tuple[int, Bounds] | None = None  # of one generation
        self._lock = threading.RLock()  # of what is loaded; held for moments, except while a snapshot is made
        self._measuring = threading.Lock()  # of the calibration; questions are answered meanwhile
        self._writing = threading.Lock()  # of the catalog's changes; questions are answered meanwhile
        self._present = lru_cache(maxsize=1)(self._sources_of)  # by generation, while no snapshot of it is opened

    # -- asking ---------------------------------------------------------------------------------------------------

    def ask(
        self,
        question: str,
        top_k: int | None = None,
        documents: Sequence[str] = (),
        allowed: Callable[[str], bool] | None = None,
        only: Filter = ALL,
        around: int = 0,
        pace: Pace = UNHURRIED,
    ) -> Answer:
        """Answer with exact excerpts or refuse, from one generation of the collection.

        top_k: excerpts at most; by default as the settings say, or as many as the list asked for has. documents:
        globs over doc_id to search in. allowed: whether the one who asks may see a document; nothing of any other is
        searched or named. only: what dates and validity to search. around: passages of context to name on each side of
        an excerpt, with its section; 0 for none. pace: how much time it may take; which excerpts come first may depend
        on it, but not whether there are any. Raises QuestionError, IndexUnusable, BusyError.
        """
        scope = Scope(tuple(documents), allowed, only)
        request = request_of(self.settings, question, top_k, scope, pace, spare=SPARE, around=around)
        return self._on_one_generation(lambda: self._answer(request))

    def _answer(self, request: SearchRequest) -> Answer:
        """The way of a question, from the first station to the last."""
        current, sources = self._open()
        query = read_query(current, self.embedder, request)
        ranking = retrieve(current, self.models, query)
        evidence = weigh(ranking, self._bounds_of(current))
        sure = sentences(current, self.models.reader, ranking) if evidence.answerable else ()
        return compose(current, sources, evidence, sure)

    def search(
        self,
        question: str,
        top_k: int = 100,
        documents: Sequence[str] = (),
        allowed: Callable[[str], bool] | None = None,
        only: Filter = ALL,
        pace: Pace = UNHURRIED,
    ) -> list[RankedDocument]:
        """Rank documents by their best passage, never refusing.

        top_k: documents wanted; so many are given unless fewer can be found. The rest is as in `ask`.
        """
        request = request_of(self.settings, question, top_k, Scope(tuple(documents), allowed, only), pace)
        current = self.current()
        return rank_documents(current, self.models, read_query(current, self.embedder, request))

    def search_passages(
        self,
        question: str,
        top_k: int = 10,
        documents: Sequence[str] = (),
        allowed: Callable[[str], bool] | None = None,
        only: Filter = ALL,
        pace: Pace = UNHURRIED,
    ) -> tuple[Hit, ...]:
        """Rank passages, never refusing."""
        request = request_of(self.settings, question, top_k, Scope(tuple(documents), allowed, only), pace)
        current = self.current()
        return retrieve(current, self.models, read_query(current, self.embedder, request)).hits

    def searched(
        self, documents: Sequence[str] = (), allowed: Callable[[str], bool] | None = None, only: Filter = ALL
    ) -> tuple[str, ...]:
        """The documents that a search so narrowed looks at."""
        return searched_documents(self.current(), Scope(tuple(documents), allowed, only))

    def word_tables(self) -> tuple[str, str]:
        """The tables of terms and of synonyms, as they were written."""
        with self.catalog.reading() as now:
            return word_tables(now)

    def set_word_tables(self, terms: str | None = None, synonyms: str | None = None) -> None:
        """Replace a table; no passage is encoded again. Raises UsageError that names the line, changing nothing."""
        with self._writing:
            set_word_tables(self.catalog, terms, synonyms)

    def trial(self, terms: str, synonyms: str) -> Snapshot:
        """The present generation as it would be with other tables; nothing is saved. Raises UsageError, BusyError."""
        return with_words(self.current(), self.catalog, terms, synonyms)

    def changed(
        self, question: str, trial: Snapshot, allowed: Callable[[str], bool] | None = None
    ) -> tuple[Passage | None, Passage | None] | None:
        """What comes first with the tables in force and on trial (None: refused), or None when it stays the same."""
        request = request_of(self.settings, question, 1, Scope(allowed=allowed))
        current = self.current()
        if reads_alike(current, trial, request):
            return None
        found = firsts(current, trial, self.models, self._bounds_of(current), request)
        return None if found[0] == found[1] else found

    # -- the collection -------------------------------------------------------------------------------------------

    def ingest(
        self,
        paths: Sequence[Path],
        *,
        mirror: bool = False,
        progress: Progress | None = None,
        on_line: Callable[[IngestLine], None] = lambda line: None,
    ) -> IngestReport:
        """Take files in; what is unchanged is skipped, what cannot be read is reported and loses nothing.

        mirror: remove documents that are not among `paths`. progress: called with texts encoded so far and in all.
        Raises CorpusError when nothing at all could be read.
        """
        intake = Intake(self.settings, on_line)
        return self._take(intake, intake.files(paths), mirror, progress)

    def ingest_uploads(
        self,
        files: Mapping[str, BinaryIO],
        progress: Progress | None = None,
        on_line: Callable[[IngestLine], None] = lambda line: None,
    ) -> IngestReport:
        """Take in files that were sent, by name, as `ingest` does; `NAME.yaml` among them is the sidecar of NAME."""
        intake = Intake(self.settings, on_line)
        return self._take(intake, intake.uploads(files), False, progress)

    def ingest_documents(
        self,
        documents: Iterable[Document],
        *,
        mirror: bool = False,
        progress: Progress | None = None,
        on_line: Callable[[IngestLine], None] = lambda line: None,
    ) -> IngestReport:
        """Take in documents that are not files (rows of a test collection, say), as `ingest` does with files."""
        return self._take(Intake(self.settings, on_line), documents, mirror, progress)

    def _take(
        self, intake: Intake, documents: Iterable[Document], mirror: bool, progress: Progress | None
    ) -> IngestReport:
        if not mirror and self.catalog.sources():
            self.current()  # refuses to mix makes
        with self._writing:
            return intake.take(documents, self.catalog, self.embedder, mirror=mirror, progress=progress)

    def rebuild_if_other_make(
        self, progress: Progress | None = None, on_line: Callable[[IngestLine], None] = lambda line: None
    ) -> bool:
        """Make the documents of another model, loader, chunker or tokenizer again from what the index holds.

        on_line: told of each; a document whose file is not kept and that another loader read says so in its warnings.
        True when that was needed.
        """
        with self._writing:
            return bool(rebuild(self.catalog, self.embedder, self.settings, progress, on_line))

    def remove(self, doc_ids: Sequence[str]) -> None:
        """Remove documents at once and for good. Raises NotFoundError, removing none."""
        with self._writing:
            self.catalog.remove(list(doc_ids))

    def describe(self, doc_id: str, facts: Mapping[str, str]) -> Record:
        """Change a document's title and what it is cited by, now and for later versions of its file.

        facts: `title` and names of FACTS; an empty fact is taken away. Raises NotFoundError, UsageError.
        """
        if not set(facts) <= {"title", *FACTS} or (facts.get("date") and period(facts["date"]) is None):
            raise UsageError(
                "著录只有题名、文号、发文机关、日期（如 2023-11-06）和效力。/ Unknown or unreadable fact.", code="facts"
            )
        clean = {name: " ".join(value.split()) for name, value in facts.items()}
        with self._writing:
            record = self.catalog.record(doc_id)
            self.catalog.edit(doc_id, self.catalog.edits().get(doc_id, {}) | clean)
            make = make_of(self.embedder, self.settings.passage_size)
            changed = prepared(edited(record.document, clean), make, self.settings.passage_size)
            store(self.catalog, [changed], self.embedder, make)
        return self.document(doc_id)

    def documents(self) -> list[Record]:
        """All documents with their ingest report lines."""
        return self.catalog.records()

    def document(self, doc_id: str) -> Record:
        """One document, its text included. Raises NotFoundError, BusyError."""
        return self._on_one_generation(lambda: self._sources().record(doc_id))

    def text(self, doc_id: str, start: int = 0, end: int | None = None) -> str:
        """The document's text at `[start, end)`. Raises NotFoundError, UsageError for an impossible span, BusyError."""
        return self._on_one_generation(lambda: self._sources().text(doc_id, start, end))

    def around(self, doc_id: str, start: int, end: int, around: int = 1) -> Context:
        """What is around a span: `around` passages on each side, and its section. Raises NotFoundError, UsageError."""
        self.text(doc_id, start, end)
        return context_of(self.current(), doc_id, start, end, around)

    def boxes(self, doc_id: str, start: int, end: int) -> tuple[LineBox, ...]:
        """Where a span lies on its pages, a box a line; empty where the format has no fixed layout.

        Headers and footers inside the span are left out. Raises NotFoundError, UsageError, BusyError.
        """
        self.text(doc_id, start, end)
        return self._on_one_generation(lambda: self._sources().boxes(doc_id, start, end))

    def pictured(self, doc_id: str) -> bool:
        """Whether the pages of a document can be shown."""
        return self.catalog.has_original(doc_id)

    def page_image(self, doc_id: str, number: int) -> bytes:
        """A page of the document as its file shows it, PNG. number: from 1. Raises NotFoundError."""
        original = self.catalog.original(doc_id)
        if original is None:
            raise NotFoundError(
                f"《{doc_id}》没有可显示的页面图像。/ No page images for this document.", code="no-page"
            )
        try:
            return page_image(original, number)
        except IndexError as error:
            raise NotFoundError(f"《{doc_id}》没有第 {number} 页。/ No such page.", code="no-page") from error

    # -- state ----------------------------------------------------------------------------------------------------

    @property
    def embedder(self) -> Embedder:
        """The model, loaded on first use."""
        with self._lock:
            if self._embedder is None:
                self._embedder = load_embedder(self.settings)
            return self._embedder

    @property
    def reranker(self) -> Reranker | None:
        """What reads the best passages again with the question, loaded on first use; None for a model that has none."""
        with self._lock:
            if self._reranker is None:
                self._reranker = (load_reranker(self.embedder),)
            return self._reranker[0]

    @property
    def reader(self) -> Reader | None:
        """What reads passages together with the question, loaded on first use; None where there is none for the model."""
        if self.settings.reader_candidates == 0:
            return None
        with self._lock:
            if self._reader is None:
                self._reader = (load_reader(self.embedder, self.settings.reader),)
            return self._reader[0]

    @property
    def models(self) -> Models:
        """The models that a question passes through, loaded on first use."""
        return Models(self.embedder, self.reranker, self.reader)

    @property
    def catalog(self) -> Catalog:
        """The index folder's database, opened on first use."""
        with self._lock:
            if self._catalog is None:
                self._catalog = Catalog(self.settings.index / "catalog.sqlite3")
            return self._catalog

    def current(self) -> Snapshot:
        """The newest generation; another process's change is seen here. Raises IndexUnusable, IndexMismatch."""
        return self._open()[0]

    def calibration(self) -> Calibration:
        """The bounds of the present generation with both error rates, measured when they are not stored.

        Measuring takes as long as a hundred answers; questions do not wait for it.
        """
        current, models = self.current(), self.models
        with self._measuring:
            found = calibrating.loads(self.catalog.fact("calibration"), current.generation, models)
            if found is None:
                found = calibrating.calibrate(current, models, self.settings, self._bounds_of(current))
                self.catalog.remember({"calibration": calibrating.dumps(found, current.generation, models)})
        with self._lock:
            self._bounds = current.generation, found
        return found

    def measured(self) -> Calibration | None:
        """The calibration of the present generation; None while it is not measured."""
        found = self._bounds_of(self.current())
        return found if isinstance(found, Calibration) else None

    def _open(self) -> tuple[Snapshot, Sources]:
        """The newest generation, and the documents as it has them."""
        generation = self.catalog.generation
        if (held := self._opened) is not None and held[0].generation == generation:
            return held
        with self._lock:
            if self._opened is None or self._opened[0].generation != self.catalog.generation:
                make = make_of(self.embedder, self.settings.passage_size)
                found = snapshot(self.catalog, self.settings.index, make, self.embedder)
                self._opened = found, Sources(self.catalog, found.fingerprints, page_boxes)
            return self._opened

    def _bounds_of(self, current: Snapshot) -> Bounds:
        """Where answering begins; of a generation that is not measured yet, with the cut-off that was last learnt."""
        with self._lock:
            if self._bounds is not None and self._bounds[0] == current.generation:
                return self._bounds[1]
            stored, models = self.catalog.fact("calibration"), self.models
            found: Bounds | None = calibrating.loads(stored, current.generation, models)
            if found is None:
                decision = calibrating.last_decision(stored, models)
                found = calibrating.bounds_of(current, self.embedder, self.settings, decision)
            self._bounds = current.generation, found
            return found

    def _sources(self) -> Sources:
        """The documents as they are now; no model is needed to read them."""
        generation, held = self.catalog.generation, self._opened
        return held[1] if held is not None and held[0].generation == generation else self._present(generation)

    def _sources_of(self, generation: int) -> Sources:
        return Sources(self.catalog, self.catalog.sources(), page_boxes)

    def _on_one_generation(self, work: Callable[[], T]) -> T:
        """What a work that reads one generation gives; done again on the next when its documents changed meanwhile."""
        for _ in range(TRIES):
            try:
                return work()
            except Superseded:
                continue
        raise BusyError("文档正在更新，请稍后再试。/ The documents are being updated, try again.", retry_after=1)
