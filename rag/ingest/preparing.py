"""From a document to what the catalog stores: cleaned, cut, tokenized, embedded and committed in batches."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import numpy as np

from rag.datamodels import Document, IngestLine, Passage
from rag.index.catalog import Catalog, Entry, Record, Window
from rag.index.fingerprints import fingerprint
from rag.ingest.chunking import CHUNKER, cut, windows
from rag.ingest.cleaning import find_removals
from rag.models.embedding import Embedder, Progress
from rag.text.spans import mend, uncovered
from rag.text.tokenizing import TOKENIZER, tokenize

BATCH_CHARACTERS = 400_000  # text embedded between two commits: about a minute's work on two cores
ORIGINAL_SHARE = 100  # bytes of a kept file that count as one character, so that a batch of scans fits in memory
CONTEXT = "headings for the model, title and headings for the words-1"  # what a passage is read under


def make_of(embedder: Embedder, passage_size: int) -> str:
    """What an index is built with; two makes never mix (promise 7)."""
    parts = {
        "model": embedder.identity, "dim": embedder.dim, "chunker": CHUNKER, "size": passage_size,
        "tokenizer": TOKENIZER, "context": CONTEXT,
    }  # fmt: skip
    return json.dumps(parts, ensure_ascii=False, sort_keys=True)


def contextual(passage: Passage) -> str:
    """The passage as the model reads it: under those of its headings that it does not itself begin with."""
    above = [heading for heading in passage.headings if not passage.text.startswith(heading[:10])]
    return "\n".join([*above, passage.text])


def prepare(document: Document, make: str, size: int) -> tuple[Record, list[tuple[Entry, dict[str, str]]]]:
    """Clean and cut a document; the entries come with the texts to embed, by vector key.

    Raises CoverageError when text would be lost.
    """
    removals = find_removals(document)
    passages = cut(document, removals, size)
    # opening words that stand in for a missing title say nothing about the whole
    title = "" if document.title.endswith("…") else document.title
    prepared = []
    for passage in passages:
        spans = windows(document.text, passage)
        texts = [mend(document.text, start, end, passage.cuts) for start, end in spans]
        whole = contextual(passage)
        keys = [_key(make, text) for text in texts]
        entry = Entry(
            passage,
            tuple(tokenize(f"{title}\n{whole}")),
            _key(make, whole),
            tuple(Window(start, end, key) for (start, end), key in zip(spans, keys, strict=True)),
        )
        prepared.append((entry, {entry.key: whole} | dict(zip(keys, texts, strict=True))))
    counted: dict[str, int] = {}
    for removal in removals:
        text = document.text[removal.start : removal.end]
        counted[removal.reason] = counted.get(removal.reason, 0) + sum(not char.isspace() for char in text)
    spans = [(p.start, p.end) for p in passages] + [(r.start, r.end) for r in removals]
    lost = sum(len(document.text[a:b].split()) and b - a for a, b in uncovered(document.text, spans, ()))
    report = IngestLine(
        doc_id=document.doc_id, media_type=document.media_type, encoding=document.metadata.get("encoding", ""),
        pages=len(document.pages), passages=len(passages), characters=len(document.text),
        coverage=1 - lost / max(1, len(document.text)), removals=counted, warnings=document.warnings,
    )  # fmt: skip
    return Record(document, removals, fingerprint(document, make), report), prepared


def store(
    catalog: Catalog,
    documents: Iterator[tuple[Record, list[tuple[Entry, dict[str, str]]]]],
    embedder: Embedder,
    make: str,
    progress: Progress | None = None,
) -> None:
    """Embed prepared documents and commit them in batches; texts that have a vector are not encoded again."""
    batch: list[tuple[Record, list[tuple[Entry, dict[str, str]]]]] = []
    size = 0
    for item in documents:
        batch.append(item)
        size += len(item[0].document.text) + len(item[0].document.original) // ORIGINAL_SHARE
        if size >= BATCH_CHARACTERS:
            _commit(catalog, batch, embedder, make, progress)
            batch, size = [], 0
    if batch:
        _commit(catalog, batch, embedder, make, progress)


def _commit(catalog: Catalog, batch: list, embedder: Embedder, make: str, progress: Progress | None) -> None:
    texts = {key: text for _, prepared in batch for _, own in prepared for key, text in own.items()}
    known = catalog.known_keys(texts)  # once: asked again for every key, a large batch would take minutes
    missing = [key for key in texts if key not in known]
    vectors: dict[str, np.ndarray] = {}
    if missing:
        encoded = embedder.encode_passages([texts[key] for key in missing], progress)
        vectors = dict(zip(missing, encoded, strict=True))
    catalog.replace([(record, [entry for entry, _ in prepared]) for record, prepared in batch], vectors, make)


def _key(make: str, text: str) -> str:
    return hashlib.sha256(f"{make}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
