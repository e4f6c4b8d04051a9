"""Exact inner-product search over unit vectors with FAISS; the only place that knows FAISS."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rag.errors import IndexUnusable

if TYPE_CHECKING:
    import faiss


class DenseIndex:
    """Rows of unit vectors; a score is the cosine, higher is better."""

    def __init__(self, index: faiss.Index) -> None:
        """Wrap a FAISS index whose ids are row numbers."""
        self._index = index

    @classmethod
    def build(cls, vectors: np.ndarray) -> DenseIndex:
        """vectors: (n, dim) float32, L2-normalised."""
        import faiss

        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(np.ascontiguousarray(vectors, dtype=np.float32))
        return cls(index)

    @classmethod
    def load(cls, path: Path) -> DenseIndex:
        """Read a saved index. Raises IndexUnusable when the file is cut short or is something else."""
        import faiss

        try:
            return cls(faiss.read_index(str(path)))
        except RuntimeError as error:  # FAISS has no finer exception
            raise IndexUnusable(f"向量索引 {path.name} 读不出：{str(error).splitlines()[0][:120]}") from error

    def save(self, path: Path) -> None:
        """Write the index to one file."""
        import faiss

        faiss.write_index(self._index, str(path))

    def __len__(self) -> int:
        """Number of rows."""
        return self._index.ntotal

    def search(self, query: np.ndarray, top_k: int, rows: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The `top_k` best rows and their cosines, best first; fewer when there are fewer.

        query: (dim,) float32. rows: only these row numbers are looked at (None: all).
        """
        import faiss

        wanted = min(top_k, len(self) if rows is None else len(rows))
        if wanted == 0:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        params = None
        if rows is not None:
            chosen = faiss.IDSelectorBatch(np.ascontiguousarray(rows, np.int64))
            params = faiss.SearchParameters(sel=chosen)  # type: ignore[call-arg]  # its stub knows no keywords
        scores, found = self._index.search(query[None].astype(np.float32), wanted, params=params)
        real = found[0] >= 0  # FAISS pads with −1
        return found[0][real], scores[0][real]

    def score(self, query: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Cosines of the query with given rows, in their order. query: (dim,) float32. rows: (m,) int64."""
        return self._index.reconstruct_batch(np.ascontiguousarray(rows, np.int64)) @ query.astype(np.float32)
