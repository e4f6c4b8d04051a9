"""The models of one service, as a question passes through them."""

from __future__ import annotations

from dataclasses import dataclass

from rag.models.embedding import Embedder
from rag.models.reader import Reader
from rag.models.reranking import Reranker


@dataclass(frozen=True, slots=True)
class Models:
    """What encodes and reads questions. A stage with a model of its own has it here; None where there is none."""

    embedder: Embedder
    reranker: Reranker | None = None
    reader: Reader | None = None
