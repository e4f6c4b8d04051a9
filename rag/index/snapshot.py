"""Hand out snapshots of the catalog that search can read, with what is derived from it once a generation.

A snapshot is one generation of the catalog in memory. It never changes; a newer generation is a new snapshot.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from rag.datamodels import Passage
from rag.errors import BusyError, IndexUnusable
from rag.index.catalog import Catalog, Entry
from rag.index.dense import DenseIndex
from rag.index.derived import derived_from, source_of
from rag.index.fingerprints import refuse_other_make
from rag.index.lexical import LexicalIndex
from rag.index.outlines import Outline, outlines_of
from rag.index.vocabulary import Vocabulary, quoted_terms, read_synonyms, read_terms
from rag.index.wordlists import word_tables
from rag.models.embedding import Embedder, foreign_questions

BACKGROUND = "background"  # a fact of the catalog


@dataclass(frozen=True)
class Snapshot:
    """All that a query reads. Row i of `passage_vectors` and of BM25 is `passages[i]`.

    window_rows: (n_windows,) the passage row of each row of `window_vectors`; window_spans: their source spans.
    titles, metadata, fingerprints (what each was made from): by doc_id. near_duplicates: for a row, the rows of passages
    that say the same. vocabulary: the terms and synonyms in force. background: (dim,) what questions have in common, whatever they ask.
    """

    generation: int
    passages: tuple[Passage, ...]
    passage_vectors: DenseIndex
    window_vectors: DenseIndex
    window_rows: np.ndarray
    window_spans: tuple[tuple[int, int], ...]
    lexical: LexicalIndex
    titles: Mapping[str, str]
    metadata: Mapping[str, Mapping[str, str]]
    fingerprints: Mapping[str, str]
    near_duplicates: Mapping[int, tuple[int, ...]]
    vocabulary: Vocabulary
    background: np.ndarray

    @cached_property
    def first_window(self) -> np.ndarray:
        """(n_passages + 1,) where each passage's windows begin; they lie in passage order."""
        return np.searchsorted(self.window_rows, np.arange(len(self.passages) + 1))

    @cached_property
    def outlines(self) -> tuple[Outline, ...]:
        """The lists of sibling headings in the collection."""
        return outlines_of(self.passages)

    def of_document(self, row: int) -> range:
        """The rows of the passage's document, which lie together."""
        doc_id = self.passages[row].doc_id
        first, last = row, row + 1
        while first and self.passages[first - 1].doc_id == doc_id:
            first -= 1
        while last < len(self.passages) and self.passages[last].doc_id == doc_id:
            last += 1
        return range(first, last)

    def rows_of(self, wanted: Callable[[str], bool]) -> np.ndarray:
        """Rows of the passages whose document is wanted."""
        return np.array([row for row, passage in enumerate(self.passages) if wanted(passage.doc_id)], np.int64)


def snapshot(catalog: Catalog, folder: Path, make: str, embedder: Embedder) -> Snapshot:
    """The catalog's present generation, ready for search; derived files that lag or are damaged are rebuilt.

    Raises IndexUnusable when the index is empty, IndexMismatch when it was built with something else.
    """
    with catalog.reading() as now:
        generation = now.generation
        records = now.records()
        if not records:
            raise IndexUnusable("索引是空的。请先运行 yuanwen index 建立索引。/ The index is empty: run yuanwen index.")
        refuse_other_make(now.fact("make") or "", make, {record.document.doc_id: record.source for record in records})
        entries = now.entries()
        tables = word_tables(now)
        source = source_of(now, entries, folder, make)
    derived = derived_from(source, folder, make, embedder.dim)
    documents = [record.document for record in records]
    passages = tuple(entry.passage for entry in entries)
    vocabulary = _vocabulary(*tables, passages)
    return Snapshot(
        generation=generation,
        passages=passages,
        passage_vectors=derived.passages,
        window_vectors=derived.windows,
        near_duplicates=derived.duplicates,
        window_rows=np.repeat(np.arange(len(entries)), [len(entry.windows) for entry in entries]),
        window_spans=tuple((window.start, window.end) for entry in entries for window in entry.windows),
        lexical=_lexical(entries, vocabulary),
        titles={document.doc_id: document.title for document in documents},
        metadata={document.doc_id: document.metadata for document in documents},
        fingerprints={record.document.doc_id: record.source for record in records},
        vocabulary=vocabulary,
        background=_background(catalog, embedder),
    )


def with_words(current: Snapshot, catalog: Catalog, terms: str, synonyms: str) -> Snapshot:
    """A snapshot as it would be with other tables, in memory only. Raises UsageError that names the line.

    Raises BusyError when the catalog has moved on meanwhile.
    """
    vocabulary = _vocabulary(terms, synonyms, current.passages)
    if vocabulary.terms == current.vocabulary.terms:
        return replace(current, vocabulary=vocabulary)
    entries = catalog.entries()
    if tuple(entry.passage for entry in entries) != current.passages:
        raise BusyError("索引刚刚变了，请再试一次。/ The index has just changed, try again.", retry_after=1)
    return replace(current, vocabulary=vocabulary, lexical=_lexical(entries, vocabulary))


def _vocabulary(terms: str, synonyms: str, passages: Sequence[Passage]) -> Vocabulary:
    """The administrator's terms and those that the passages quote, with the synonyms."""
    mined = quoted_terms(passage.text for passage in passages)
    return Vocabulary(tuple(dict.fromkeys([*read_terms(terms), *mined])), read_synonyms(synonyms))


def _lexical(entries: Sequence[Entry], vocabulary: Vocabulary) -> LexicalIndex:
    return LexicalIndex([[*entry.tokens, *vocabulary.terms_in(entry.passage.text)] for entry in entries])


def _background(catalog: Catalog, embedder: Embedder) -> np.ndarray:
    """(dim,) the mean vector of the foreign questions, kept in the catalog, for it costs a second to work out."""
    found = json.loads(catalog.fact(BACKGROUND) or "{}")
    if found.get("model") != embedder.identity:
        mean = embedder.encode_queries(list(foreign_questions())).mean(axis=0)
        found = {"model": embedder.identity, "vector": [round(float(value), 6) for value in mean]}
        catalog.remember({BACKGROUND: json.dumps(found)})
    return np.array(found["vector"], np.float32)
