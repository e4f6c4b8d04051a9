"""An index of a BEIR corpus, made by the same service that serves, cached by corpus and model."""

from __future__ import annotations

import hashlib
from pathlib import Path

from rag.config import Settings
from rag.errors import EvaluationError
from rag.evaluation.sets.beir import documents
from rag.ingest.preparing import make_of
from rag.models.embedding import Embedder, Progress
from rag.service import Service

CACHE = "eval"  # beside the index folder


def collection_service(
    settings: Settings,
    folder: Path,
    index: Path | None = None,
    embedder: Embedder | None = None,
    progress: Progress | None = None,
) -> Service:
    """A service over the corpus of a BEIR folder; what is indexed already is not encoded again.

    index: its index folder; by default one beside the settings' index, named by corpus and model, so that several
    configurations keep theirs.
    """
    draft = Service(settings, embedder)
    target = index
    if target is None:
        make = hashlib.sha256(make_of(draft.embedder, settings.passage_size).encode()).hexdigest()[:8]
        target = cache_folder(settings) / f"{folder.resolve().name}-{make}"
    service = Service(settings.model_copy(update={"index": target}), draft.embedder)
    if index is not None:
        _refuse_other_documents(service, folder)
    service.ingest_documents(documents(folder), mirror=True, progress=progress)
    return service


def _refuse_other_documents(service: Service, folder: Path) -> None:
    """Raise EvaluationError when an index holds documents that are not of the corpus: they would be removed."""
    held = set(service.catalog.sources())
    if held and held - {document.doc_id for document in documents(folder)}:
        raise EvaluationError(
            f"索引 {service.settings.index} 里有这个评测集以外的文档，没有动它。请不写 --index，或换一个空文件夹。"
            " / That index holds other documents: choose an empty folder."
        )


def cache_folder(settings: Settings) -> Path:
    """Where evaluation keeps indexes of its own; git is told to leave it alone."""
    folder = settings.index.parent / CACHE
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / ".gitignore"
    if not note.is_file():
        note.write_text("*\n", encoding="utf-8")
    return folder
