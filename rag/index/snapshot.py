"""Hand out snapshots of the catalog that search can read, with what is derived from it once a generation.

A snapshot is one generation of the catalog in memory. It never changes; a newer generation is a new snapshot.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from rag.datamodels import Passage
from rag.errors import BusyError, IndexMismatch, IndexUnusable
from rag.index.catalog import Catalog, Entry
from rag.index.dense import DenseIndex
from rag.index.duplicates import dump, restore, twins_of
from rag.index.fingerprints import made_as
from rag.index.lexical import LexicalIndex
from rag.index.outlines import Outline, outlines_of
from rag.index.vocabulary import Vocabulary, quoted_terms, read_synonyms, read_terms, shipped_synonyms
from rag.models.embedding import Embedder, foreign_questions

log = logging.getLogger(__name__)
DERIVED = "derived.json"
FILES = ("passages.faiss", "windows.faiss", "twins.json")
TERMS, SYNONYMS, BACKGROUND = "terms", "synonyms", "background"  # facts of the catalog


@dataclass(frozen=True)
class Snapshot:
    """All that a query reads. Row i of `passage_vectors` and of BM25 is `passages[i]`.

    window_rows: (n_windows,) the passage row of each row of `window_vectors`; window_spans: their source spans.
    titles, metadata, fingerprints (what each was made from): by doc_id. twins: for a row, the rows of passages that say the same. vocabulary: the terms and
    synonyms in force. background: (dim,) what questions have in common, whatever they ask.
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
    twins: Mapping[int, tuple[int, ...]]
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
    generation = catalog.generation
    sources = catalog.sources()
    if not sources:
        raise IndexUnusable("索引是空的。请先运行 yuanwen index 建立索引。/ The index is empty: run yuanwen index.")
    _refuse_other_make(catalog.fact("make") or "", make, sources)
    entries = list(catalog.entries())
    spans = [(window.start, window.end) for entry in entries for window in entry.windows]
    rows = np.repeat(np.arange(len(entries)), [len(entry.windows) for entry in entries])
    derived = _load_derived(folder, generation, make)
    if derived is None or (len(derived.passages), len(derived.windows)) != (len(entries), len(spans)):
        vectors = catalog.vectors()
        derived = Derived(
            DenseIndex.build(_matrix([vectors[entry.key] for entry in entries], embedder.dim)),
            DenseIndex.build(_matrix([vectors[w.key] for entry in entries for w in entry.windows], embedder.dim)),
            twins_of([entry.passage for entry in entries]),
        )
        _save_derived(folder, generation, make, derived)
    records = catalog.records()
    documents = [record.document for record in records]
    passages = tuple(entry.passage for entry in entries)
    words = _vocabulary(*word_tables(catalog), passages)
    return Snapshot(
        generation=generation,
        passages=passages,
        passage_vectors=derived.passages,
        window_vectors=derived.windows,
        twins=derived.twins,
        window_rows=rows,
        window_spans=tuple(spans),
        lexical=_lexical(entries, words),
        titles={document.doc_id: document.title for document in documents},
        metadata={document.doc_id: document.metadata for document in documents},
        fingerprints={record.document.doc_id: record.source for record in records},
        vocabulary=words,
        background=_background(catalog, embedder),
    )


def with_words(current: Snapshot, catalog: Catalog, terms: str, synonyms: str) -> Snapshot:
    """A snapshot as it would be with other tables, in memory only. Raises UsageError that names the line.

    Raises BusyError when the catalog has moved on meanwhile.
    """
    words = _vocabulary(terms, synonyms, current.passages)
    if words.terms == current.vocabulary.terms:
        return replace(current, vocabulary=words)
    entries = list(catalog.entries())
    if tuple(entry.passage for entry in entries) != current.passages:
        raise BusyError("索引刚刚变了，请再试一次。/ The index has just changed, try again.", retry_after=1)
    return replace(current, vocabulary=words, lexical=_lexical(entries, words))


def _vocabulary(terms: str, synonyms: str, passages: Sequence[Passage]) -> Vocabulary:
    """The administrator's terms and those that the passages quote, with the synonyms."""
    mined = quoted_terms(passage.text for passage in passages)
    return Vocabulary(tuple(dict.fromkeys([*read_terms(terms), *mined])), read_synonyms(synonyms))


def _lexical(entries: Sequence[Entry], words: Vocabulary) -> LexicalIndex:
    return LexicalIndex([[*entry.tokens, *words.terms_in(entry.passage.text)] for entry in entries])


def word_tables(catalog: Catalog) -> tuple[str, str]:
    """The tables of terms and of synonyms as they were written; the shipped synonyms where nobody wrote any."""
    synonyms = catalog.fact(SYNONYMS)
    return catalog.fact(TERMS) or "", shipped_synonyms() if synonyms is None else synonyms


def set_word_tables(catalog: Catalog, terms: str | None, synonyms: str | None) -> None:
    """Replace the tables given, as one change that a new generation shows. Raises UsageError, changing nothing."""
    facts = {}
    if terms is not None:
        read_terms(terms)
        facts[TERMS] = terms
    if synonyms is not None:
        read_synonyms(synonyms)
        facts[SYNONYMS] = synonyms
    catalog.set_facts(facts, advance=True)


def _background(catalog: Catalog, embedder: Embedder) -> np.ndarray:
    """(dim,) the mean vector of the foreign questions, kept in the catalog, for it costs a second to work out."""
    found = json.loads(catalog.fact(BACKGROUND) or "{}")
    if found.get("model") != embedder.identity:
        mean = embedder.encode_queries(list(foreign_questions())).mean(axis=0)
        found = {"model": embedder.identity, "vector": [round(float(value), 6) for value in mean]}
        catalog.set_facts({BACKGROUND: json.dumps(found)})
    return np.array(found["vector"], np.float32)


def _refuse_other_make(found: str, make: str, sources: Mapping[str, str]) -> None:
    if found == make and all(made_as(source, make) for source in sources.values()):
        return
    names = {
        "model": "模型",
        "dim": "维数",
        "chunker": "切分方式",
        "size": "段落长度",
        "tokenizer": "分词方式",
        "context": "标题上下文",
    }
    old, new = json.loads(found or "{}"), json.loads(make)
    differ = "；".join(
        f"{names[key]}：索引为 {old.get(key)}，当前为 {new[key]}" for key in new if old.get(key) != new[key]
    )
    raise IndexMismatch(
        f"索引与当前配置不一致（{differ or '上次重建没有做完'}）。请运行 yuanwen index 重建，或改回原来的配置。"
        " / The index was built with another configuration."
    )


def _matrix(vectors: Sequence[np.ndarray], dim: int) -> np.ndarray:
    return np.stack(vectors).astype(np.float32) if vectors else np.empty((0, dim), np.float32)


@dataclass(frozen=True)
class Derived:
    """What is worked out from the catalog once a generation and kept in files beside it."""

    passages: DenseIndex
    windows: DenseIndex
    twins: Mapping[int, tuple[int, ...]]


def _load_derived(folder: Path, generation: int, make: str) -> Derived | None:
    """The saved files if they are whole and of this generation."""
    try:
        note = json.loads((folder / DERIVED).read_text(encoding="utf-8"))
        if note["generation"] != generation or note["make"] != make:
            return None
        if any(_sha256(folder / name) != note["sha256"][name] for name in FILES):
            raise IndexUnusable("校验和不符")
        passages, windows = (DenseIndex.load(folder / name) for name in FILES[:2])
        return Derived(passages, windows, restore(json.loads((folder / FILES[2]).read_text(encoding="utf-8"))))
    except FileNotFoundError:
        return None
    except (IndexUnusable, ValueError, KeyError, OSError) as error:
        log.warning("派生索引损坏（%s），从数据库重建", error)
        return None


def _save_derived(folder: Path, generation: int, make: str, derived: Derived) -> None:
    """Write the files; the note that vouches for them is renamed into place last, so half a save is no save."""
    writers = (
        derived.passages.save,
        derived.windows.save,
        lambda path: path.write_text(json.dumps(dump(derived.twins)), encoding="utf-8"),
    )
    sums = {}
    for name, write in zip(FILES, writers, strict=True):
        scratch = folder / f".{name}.{os.getpid()}"
        write(scratch)
        sums[name] = _sha256(scratch)
        scratch.replace(folder / name)
    scratch = folder / f".{DERIVED}.{os.getpid()}"
    scratch.write_text(json.dumps({"generation": generation, "make": make, "sha256": sums}, ensure_ascii=False))
    scratch.replace(folder / DERIVED)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
