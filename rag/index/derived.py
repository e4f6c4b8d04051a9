"""What is worked out from the catalog once a generation and kept in files beside it: FAISS and the near-duplicates.

The files carry generation and make; `derive` writes them when documents change, and again when they lag or are damaged.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rag.errors import IndexUnusable
from rag.index.catalog import Catalog, Entry, Reading
from rag.index.dense import DenseIndex
from rag.index.duplicates import DUPLICATES, from_json, near_duplicates, to_json

log = logging.getLogger(__name__)
NOTE = "derived.json"
FILES = ("passages.faiss", "windows.faiss", "twins.json")


@dataclass(frozen=True)
class Derived:
    """passages, windows: their vectors, in the catalog's order. duplicates: for a row, the rows that say the same."""

    passages: DenseIndex
    windows: DenseIndex
    duplicates: Mapping[int, tuple[int, ...]]


def derive(catalog: Catalog, folder: Path, make: str, dim: int) -> Derived:
    """The derived data of the catalog's present generation, from the files, or worked out and written to them.

    folder: of the index. dim: of the vectors.
    """
    with catalog.reading() as now:
        source = source_of(now, now.entries(), folder, make)
    return derived_from(source, folder, make, dim)


@dataclass(frozen=True)
class Source:
    """What derived data is made of, of one generation. saved: it, where the files have it; vectors: by key, where not."""

    generation: int
    entries: Sequence[Entry]
    saved: Derived | None
    vectors: Mapping[str, np.ndarray]


def source_of(now: Reading, entries: Sequence[Entry], folder: Path, make: str) -> Source:
    """What `derived_from` needs, so that nothing is worked out while the catalog is read. entries: read from `now`."""
    saved = _load(folder, now.generation, make)
    n_windows = sum(len(entry.windows) for entry in entries)
    if saved is not None and (len(saved.passages), len(saved.windows)) == (len(entries), n_windows):
        return Source(now.generation, entries, saved, {})
    return Source(now.generation, entries, None, now.vectors())


def derived_from(source: Source, folder: Path, make: str, dim: int) -> Derived:
    """What was saved, or worked out and saved. dim: of the vectors."""
    if source.saved is not None:
        return source.saved
    entries, vectors = source.entries, source.vectors
    derived = Derived(
        DenseIndex.build(_matrix([vectors[entry.key] for entry in entries], dim)),
        DenseIndex.build(_matrix([vectors[window.key] for entry in entries for window in entry.windows], dim)),
        near_duplicates([entry.passage for entry in entries]),
    )
    try:
        _save(folder, source.generation, make, derived)
    except (OSError, RuntimeError) as error:  # FAISS has no finer exception
        log.warning("派生索引没有写下（%s），从内存回答", error)
        for scratch in folder.glob(f".*{_mine()}"):
            scratch.unlink(missing_ok=True)
    return derived


def _matrix(vectors: Sequence[np.ndarray], dim: int) -> np.ndarray:
    return np.stack(vectors).astype(np.float32) if vectors else np.empty((0, dim), np.float32)


def _load(folder: Path, generation: int, make: str) -> Derived | None:
    """The saved files if they are whole, of this generation and found by this version's rules."""
    try:
        note = json.loads((folder / NOTE).read_text(encoding="utf-8"))
        if (note["generation"], note["make"], note.get("duplicates")) != (generation, make, DUPLICATES):
            return None
        if any(_sha256(folder / name) != note["sha256"][name] for name in FILES):
            raise IndexUnusable("校验和不符")
        passages, windows = (DenseIndex.load(folder / name) for name in FILES[:2])
        return Derived(passages, windows, from_json(json.loads((folder / FILES[2]).read_text(encoding="utf-8"))))
    except FileNotFoundError:
        return None
    except (IndexUnusable, ValueError, KeyError, OSError) as error:
        log.warning("派生索引损坏（%s），从数据库重建", error)
        return None


def _save(folder: Path, generation: int, make: str, derived: Derived) -> None:
    """Write the files; the note that vouches for them is renamed into place last, so half a save is no save."""
    mine = _mine()

    def save_duplicates(path: Path) -> None:
        path.write_text(json.dumps(to_json(derived.duplicates)), encoding="utf-8")

    writers = (derived.passages.save, derived.windows.save, save_duplicates)
    sums = {}
    for name, write in zip(FILES, writers, strict=True):
        scratch = folder / f".{name}{mine}"
        write(scratch)
        sums[name] = _sha256(scratch)
        scratch.replace(folder / name)
    note = {"generation": generation, "make": make, "duplicates": DUPLICATES, "sha256": sums}
    scratch = folder / f".{NOTE}{mine}"
    scratch.write_text(json.dumps(note, ensure_ascii=False))
    scratch.replace(folder / NOTE)


def _mine() -> str:
    """How the names of this thread's unfinished files end."""
    return f".{os.getpid()}-{threading.get_ident()}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
