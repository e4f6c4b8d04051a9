"""The façade that the command line, the web and batch evaluation call: what is evaluated is what is served."""

from __future__ import annotations

import logging
import threading
import time
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np

from rag.config import Settings
from rag.datamodels import (
    FACTS,
    Answer,
    Context,
    Document,
    Excerpt,
    Hit,
    IngestLine,
    LineBox,
    Passage,
    QueryTerms,
    Timings,
)
from rag.errors import NotFoundError, QuestionError, UsageError
from rag.index.catalog import Catalog, Record
from rag.index.fingerprints import made_as
from rag.index.snapshot import Snapshot, set_word_tables, snapshot, with_words, word_tables
from rag.ingest.pipeline import IngestReport, Intake, edited
from rag.ingest.preparing import make_of, prepare, store
from rag.models.embedding import Embedder, Progress, load_embedder
from rag.models.reranking import Reranker, load_reranker
from rag.search import calibration as calibrating
from rag.search.answering import SPARE, Calibration, compose, first_of
from rag.search.filtering import ALL, Filter, admitted, period
from rag.search.pacing import UNHURRIED, Pace
from rag.search.retrieval import Knobs, Ranking, read, retrieve
from rag.search.scoring import best_windows
from rag.search.surroundings import widen

log = logging.getLogger(__name__)
MIN_DOCUMENT_HITS = 4  # passages looked at for each document wanted, since several may be of one document
WIDER = 4  # times as many when they were of too few documents


@dataclass(frozen=True, slots=True)
class RankedDocument:
    """A document found for a query, by its best passage. `score` is higher-is-better, `rank` counts from 1."""

    doc_id: str
    score: float
    rank: int
    passage: Passage


class Service:
    """One index folder, one model, one way to ask."""

    def __init__(self, settings: Settings, embedder: Embedder | None = None) -> None:
        """settings: where everything is. embedder: instead of the model the settings name (tests use a toy)."""
        self.settings = settings
        self._embedder = embedder
        self._reranker: tuple[Reranker | None] | None = None
        self._catalog: Catalog | None = None
        self._snapshot: Snapshot | None = None
        self._calibration: Calibration | None = None
        self._lock = threading.RLock()  # of what is loaded; held for moments, except while a snapshot is made
        self._writing = threading.Lock()  # of the catalog's changes; questions are answered meanwhile
        self._document = lru_cache(maxsize=64)(self._read_document)
        self._boxes = lru_cache(maxsize=512)(self._read_boxes)

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
        """Answer with exact excerpts or refuse.

        top_k: excerpts at most; by default as the settings say, or as many as the list asked for has. documents:
        globs over doc_id to search in. allowed: whether whoever asks may see a document; nothing of any other is
        searched or named. only: what dates and validity to search. around: passages of context to name on each side of
        an excerpt, with its section; 0 for none. pace: how much time it may take; which excerpts come first may depend
        on it, but not whether there are any. Raises QuestionError, IndexUnusable.
        """
        started = time.perf_counter()
        asked = self.check_question(question)
        current = self.current()
        wanted, lists = self.settings.top_k if top_k is None else top_k, top_k is None
        _refuse_none(wanted)
        ranking = self._rank(current, asked, wanted + SPARE, documents, allowed, only, pace, whole_lists=lists)
        answer = compose(
            question, ranking, self.calibration(), current,
            lambda doc_id: self._document(current.generation, doc_id).document,
            lambda row: best_windows(current, ranking.query, row), Timings(), wanted, lists, allowed,
        )  # fmt: skip
        excerpts = tuple(self._placed(excerpt, around) for excerpt in answer.excerpts)
        total = (time.perf_counter() - started) * 1e3
        timings = Timings(ranking.embed_ms, ranking.search_ms, ranking.rerank_ms, total)
        return replace(answer, excerpts=excerpts, timings=timings)

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
        asked, current = self.check_question(question), self.current()
        within = frozenset(admitted(current.metadata, documents, allowed, only))
        take, vector = top_k * MIN_DOCUMENT_HITS, None
        while True:
            ranking = self._rank(current, asked, take, documents, allowed, only, pace, vector=vector)
            found = _by_document(current, ranking, within)
            if len(found) >= min(top_k, len(within)) or take >= len(current.passages):
                return found[:top_k]
            take, vector = take * WIDER, ranking.vector  # long documents: many passages of few

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
        return self._rank(self.current(), self.check_question(question), top_k, documents, allowed, only, pace).hits

    def searched(
        self, documents: Sequence[str] = (), allowed: Callable[[str], bool] | None = None, only: Filter = ALL
    ) -> tuple[str, ...]:
        """The documents that a search so narrowed looks at."""
        return admitted(self.current().metadata, documents, allowed, only)

    def query_terms(self, question: str) -> QueryTerms:
        """How the search reads a question: its words, terms and synonyms."""
        return read(self.current(), self.check_question(question))

    def word_tables(self) -> tuple[str, str]:
        """The tables of terms and of synonyms, as they were written."""
        return word_tables(self.catalog)

    def set_word_tables(self, terms: str | None = None, synonyms: str | None = None) -> None:
        """Replace a table; nothing is encoded anew. Raises UsageError that names the line, changing nothing."""
        with self._writing:
            set_word_tables(self.catalog, terms, synonyms)

    def trial(self, terms: str, synonyms: str) -> Snapshot:
        """The present generation as it would be with other tables; nothing is saved. Raises UsageError, BusyError."""
        return with_words(self.current(), self.catalog, terms, synonyms)

    def changed(
        self, question: str, trial: Snapshot, allowed: Callable[[str], bool] | None = None
    ) -> tuple[Passage | None, Passage | None] | None:
        """What comes first with the tables in force and on trial (None: refused), or None when it stays the same."""
        asked, current = self.check_question(question), self.current()
        if trial.lexical is current.lexical and read(trial, asked) == read(current, asked):
            return None
        before = self._rank(current, asked, 1, (), allowed)
        after = self._rank(trial, asked, 1, (), allowed, vector=before.vector)
        firsts = first_of(before, self.calibration()), first_of(after, self.calibration())
        return None if firsts[0] == firsts[1] else firsts

    def check_question(self, question: str) -> str:
        """The question without control characters and outer blanks. Raises QuestionError."""
        if not isinstance(question, str):
            raise QuestionError("问题必须是一段文字。/ The question must be text.")
        kept = "".join(" " if unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} else char for char in question)
        kept = " ".join(kept.split())
        if not any(char.isalnum() for char in kept):
            raise QuestionError("请输入问题：目前是空白或只有符号。/ The question is blank.", code="question-blank")
        if len(kept) > self.settings.question_max:
            raise QuestionError(
                f"问题太长：{len(kept)} 字，最多 {self.settings.question_max} 字。请概括后再问。/ The question is too long.",
                code="question-too-long",
            )
        return kept

    def _rank(
        self,
        current: Snapshot,
        question: str,
        top_k: int,
        documents: Sequence[str],
        allowed: Callable[[str], bool] | None = None,
        only: Filter = ALL,
        pace: Pace = UNHURRIED,
        *,
        whole_lists: bool = False,
        vector: np.ndarray | None = None,
        plain: bool = False,
    ) -> Ranking:
        _refuse_none(top_k)
        rows = None
        if documents or allowed or only != ALL:
            rows = current.rows_of(frozenset(admitted(current.metadata, documents, allowed, only)).__contains__)
        reread = self.settings.rerank_candidates if pace.reread is None else pace.reread
        knobs = Knobs(
            top_k, max(self.settings.candidates, top_k), self.settings.lexical_weight,
            0 if plain else reread, self.settings.latency_budget_ms, pace.waited_ms,
        )  # fmt: skip
        reranker = self.reranker if knobs.rerank else None
        return retrieve(
            current, self.embedder, reranker, question, knobs, rows=rows, whole_lists=whole_lists, vector=vector
        )

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

    def rebuild_if_other_make(self, progress: Progress | None = None) -> bool:
        """Make an index of another model, chunker or tokenizer anew from the texts it holds; True when that was needed."""
        make = make_of(self.embedder, self.settings.passage_size)
        stale = [record.document for record in self.catalog.records() if not made_as(record.source, make)]
        with self._writing:
            items = (prepare(document, make, self.settings.passage_size) for document in stale)
            store(self.catalog, items, self.embedder, make, progress)
        return bool(stale)

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
            changed = prepare(edited(record.document, clean), make, self.settings.passage_size)
            store(self.catalog, iter([changed]), self.embedder, make)
        return self.document(doc_id)

    def documents(self) -> list[Record]:
        """All documents with their ingest report lines."""
        return self.catalog.records()

    def document(self, doc_id: str) -> Record:
        """One document, its text included. Raises NotFoundError."""
        return self._document(self.catalog.generation, doc_id)

    def text(self, doc_id: str, start: int = 0, end: int | None = None) -> str:
        """The document's text at `[start, end)`. Raises NotFoundError, UsageError for an impossible span."""
        text = self.document(doc_id).document.text
        stop = len(text) if end is None else end
        if not 0 <= start <= stop <= len(text):
            raise UsageError(f"范围 {start}–{stop} 不在 0–{len(text)} 之内。/ The span lies outside the document.")
        return text[start:stop]

    def around(self, doc_id: str, start: int, end: int, around: int = 1) -> Context:
        """What stands around a span: `around` passages on each side, and its section. Raises NotFoundError, UsageError."""
        self.text(doc_id, start, end)
        current = self.current()
        passages = [current.passages[row] for row in current.rows_of(doc_id.__eq__)]
        return widen(passages, start, end, around) if passages else Context(start, end, start, end, ())

    def boxes(self, doc_id: str, start: int, end: int) -> tuple[LineBox, ...]:
        """Where a span stands on its pages, a box a line; empty where the format has no fixed layout.

        Headers and footers inside the span are left out. Raises NotFoundError, UsageError.
        """
        self.text(doc_id, start, end)
        return self._boxes(self.catalog.generation, doc_id, start, end)

    def pictured(self, doc_id: str) -> bool:
        """Whether the pages of a document can be shown."""
        return self.catalog.has_original(doc_id)

    def page_image(self, doc_id: str, number: int) -> bytes:
        """A page of the document as its file shows it, PNG. number: from 1. Raises NotFoundError."""
        from rag.ingest.loading.pdf_places import page_image

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
    def catalog(self) -> Catalog:
        """The index folder's database, opened on first use."""
        with self._lock:
            if self._catalog is None:
                self._catalog = Catalog(self.settings.index / "catalog.sqlite3")
            return self._catalog

    def current(self) -> Snapshot:
        """The newest generation; another process's change is seen here. Raises IndexUnusable, IndexMismatch."""
        generation = self.catalog.generation
        if (held := self._snapshot) is not None and held.generation == generation:
            return held
        with self._lock:
            if self._snapshot is None or self._snapshot.generation != self.catalog.generation:
                make = make_of(self.embedder, self.settings.passage_size)
                self._snapshot = snapshot(self.catalog, self.settings.index, make, self.embedder)
                self._calibration = None
            return self._snapshot

    def calibration(self) -> Calibration:
        """The refusal calibration of the present generation, learnt when it is not stored."""
        with self._lock:
            current = self.current()
            if self._calibration is None:
                found = calibrating.loads(self.catalog.fact("calibration"), current.generation)
                if found is None:
                    found = calibrating.calibrate(
                        current,
                        self.embedder,
                        lambda text, vector: self._rank(current, text, 5, (), vector=vector, plain=True),
                    )
                    self.catalog.set_facts({"calibration": calibrating.dumps(found, current.generation)})
                self._calibration = found
            return self._calibration

    def _placed(self, excerpt: Excerpt, around: int) -> Excerpt:
        """The excerpt with its place on the page and, where asked for, what stands around it."""
        where = excerpt.doc_id, excerpt.start, excerpt.end
        context = self.around(*where, around) if around else None
        return replace(excerpt, boxes=self.boxes(*where) if excerpt.page else (), context=context)

    def _read_boxes(self, generation: int, doc_id: str, start: int, end: int) -> tuple[LineBox, ...]:
        """Boxes of a generation; the generation is only the cache's key."""
        record = self._document(generation, doc_id)
        document = record.document
        boxes = [box for box in document.boxes if box.start < end and box.end > start]  # OFD, recognised pages
        original = self.catalog.original(doc_id)
        if original is not None:
            from rag.ingest.loading.pdf_places import page_boxes

            boxes += page_boxes(original, document.pages, document.text, start, end)
        cut = [(removal.start, removal.end) for removal in record.removals]
        return tuple(box for box in boxes if not any(a <= box.start and box.end <= b for a, b in cut))

    def _read_document(self, generation: int, doc_id: str) -> Record:
        """A document of a generation; the generation is only the cache's key."""
        return self.catalog.record(doc_id)


def _refuse_none(top_k: int) -> None:
    if top_k < 1:
        raise UsageError(f"top_k 应为正整数，给的是 {top_k}。/ top_k must be at least 1.")


def _by_document(current: Snapshot, ranking: Ranking, within: frozenset[str]) -> list[RankedDocument]:
    """Documents by their first passage in the ranking; one that says the same as a better one comes with it."""
    best: dict[str, tuple[float, Passage]] = {}
    for hit, row in zip(ranking.hits, ranking.rows, strict=True):
        for same in (row, *current.twins.get(row, ())):
            passage = current.passages[same]
            if passage.doc_id in within:
                best.setdefault(passage.doc_id, (hit.score, passage))
    return [RankedDocument(doc, score, rank, passage) for rank, (doc, (score, passage)) in enumerate(best.items(), 1)]
