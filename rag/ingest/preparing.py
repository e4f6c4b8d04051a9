"""From a document to what the catalog stores: cleaned, cut, tokenized, embedded and committed in batches.

`Prepared` is a document on its way there: its record, and its entries with the texts still to be encoded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rag.datamodels import Document, IngestLine, Passage, Removal
from rag.index.catalog import Catalog, Entry, Record, Window
from rag.index.fingerprints import fingerprint
from rag.ingest.chunking import CHUNKER, cut, windows
from rag.ingest.cleaning import CLEANER, find_removals
from rag.ingest.loading import LOADERS
from rag.models.embedding import Embedder, Progress
from rag.text.spans import mend
from rag.text.tokenizing import TOKENIZER, tokenize

BATCH_CHARACTERS = 400_000  # text embedded between two commits: about a minute's work on two cores
ORIGINAL_SHARE = 100  # bytes of a kept file that count as one character, so that a batch of scans fits in memory
CONTEXT = "headings for the model, title and headings for the words-1"  # what a passage is read under


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document cleaned and cut. texts: the text of each vector key, those of all entries."""

    record: Record
    entries: tuple[Entry, ...]
    texts: Mapping[str, str]


def make_of(embedder: Embedder, passage_size: int) -> str:
    """What an index is built with; two makes never mix (promise 7)."""
    parts = {
        "model": embedder.identity, "dim": embedder.dim, "loaders": LOADERS, "cleaner": CLEANER, "chunker": CHUNKER,
        "size": passage_size, "tokenizer": TOKENIZER, "context": CONTEXT,
    }  # fmt: skip
    return json.dumps(parts, ensure_ascii=False, sort_keys=True)


def contextual(passage: Passage) -> str:
    """The passage as the model reads it: under those of its headings that it does not itself begin with."""
    above = [heading for heading in passage.headings if not passage.text.startswith(heading[:10])]
    return "\n".join([*above, passage.text])


def for_words(document: Document, passage: Passage) -> str:
    """The passage as BM25 reads it: under the document's title too."""
    # opening words in place of a missing title say nothing about the whole
    title = "" if document.title.endswith("…") else document.title
    return f"{title}\n{contextual(passage)}"


def prepared(document: Document, make: str, size: int) -> Prepared:
    """Clean and cut a document into passages of about `size` characters. Raises CoverageError when text would be lost."""
    removals = find_removals(document)
    passages = cut(document, removals, size)
    model = str(json.loads(make)["model"])
    entries: list[Entry] = []
    texts: dict[str, str] = {}
    for passage in passages:
        spans = windows(document.text, passage)
        whole = contextual(passage)
        own = [mend(document.text, start, end, passage.cuts) for start, end in spans]
        keys = [_key(model, text) for text in own]
        found = tuple(Window(start, end, key) for (start, end), key in zip(spans, keys, strict=True))
        entries.append(Entry(passage, tuple(tokenize(for_words(document, passage))), _key(model, whole), found))
        texts |= {entries[-1].key: whole} | dict(zip(keys, own, strict=True))
    record = Record(document, removals, fingerprint(document, make), report_of(document, removals, passages))
    return Prepared(record, tuple(entries), texts)


def report_of(document: Document, removals: Sequence[Removal], passages: Sequence[Passage]) -> IngestLine:
    """The document's line of the ingest report."""
    counted: dict[str, int] = {}
    for removal in removals:
        length = _letters(document.text[removal.start : removal.end])
        if length:
            counted[removal.reason] = counted.get(removal.reason, 0) + length
    kept = sum(_letters(passage.text) for passage in passages)
    return IngestLine(
        doc_id=document.doc_id, media_type=document.media_type, encoding=document.metadata.get("encoding", ""),
        pages=len(document.pages), passages=len(passages), characters=len(document.text), kept=kept,
        coverage=kept / max(1, kept + sum(counted.values())), removals=counted, warnings=document.warnings,
    )  # fmt: skip


def _letters(text: str) -> int:
    """Characters other than blanks."""
    return sum(map(len, text.split()))


def store(
    catalog: Catalog,
    documents: Iterable[Prepared],
    embedder: Embedder,
    make: str,
    progress: Progress | None = None,
) -> None:
    """Embed prepared documents and commit them in batches; texts that have a vector are not encoded again."""
    batch: list[Prepared] = []
    size = 0
    for item in documents:
        batch.append(item)
        size += len(item.record.document.text) + len(item.record.document.original) // ORIGINAL_SHARE
        if size >= BATCH_CHARACTERS:
            _commit(catalog, batch, embedder, make, progress)
            batch, size = [], 0
    if batch:
        _commit(catalog, batch, embedder, make, progress)


def _commit(
    catalog: Catalog, batch: Sequence[Prepared], embedder: Embedder, make: str, progress: Progress | None
) -> None:
    texts = {key: text for item in batch for key, text in item.texts.items()}
    known = catalog.known_keys(texts)  # once: asked again for every key, a large batch would take minutes
    missing = [key for key in texts if key not in known]
    vectors: dict[str, np.ndarray] = {}
    if missing:
        encoded = embedder.encode_passages([texts[key] for key in missing], progress)
        vectors = dict(zip(missing, encoded, strict=True))
    catalog.replace([(item.record, item.entries) for item in batch], vectors, make)


def _key(model: str, text: str) -> str:
    """What a vector is stored under: the model, its revision and prompts, and the text; all else leaves it as it is."""
    return hashlib.sha256(f"{model}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
