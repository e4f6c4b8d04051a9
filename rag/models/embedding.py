"""Texts to unit vectors. The model is any sentence-transformers folder; nothing heavy is imported before it is used."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from rag.errors import ModelError
from rag.text.tokenizing import simplify

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from rag.config import Settings

Progress = Callable[[int, int], None]  # done, total
# Rounds that torch's threads wait for each other before they sleep. With OpenMP's own 300000 a question took 7.4 s
# instead of 0.16 s on two cores as soon as another process kept one busy; with 1000 it takes 0.31 s, and as long as
# before when nothing does. Never spinning costs a fifth then (benchmarks/results/waiting.md).
SPINS = "1000"


class Embedder(Protocol):
    """What search needs of a model. `identity` names model, revision and prompts; it goes into the manifest."""

    identity: str
    dim: int

    def encode_queries(self, texts: Sequence[str]) -> np.ndarray:
        """(n, dim) float32, L2-normalised."""
        ...

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        """(n, dim) float32, L2-normalised."""
        ...


class TransformerEmbedder:
    """A sentence-transformers model on the CPU, in bfloat16 where the CPU computes in it."""

    def __init__(
        self, model: str, query_prompt: str | None = None, passage_prompt: str | None = None, batch_size: int = 32
    ) -> None:
        """Load the model from a folder, or by name from the local cache. Raises ModelError when it is not there."""
        self.model = _load(model)
        prompts = self.model.prompts
        self.query_prompt = query_prompt if query_prompt is not None else prompts.get("query") or ""
        self.passage_prompt = passage_prompt if passage_prompt is not None else prompts.get("document") or ""
        self._batch_size = batch_size
        dim = self.model.get_embedding_dimension()
        if dim is None:
            raise ModelError(f"嵌入模型 {model} 没有说明向量的维数。/ The embedding model states no dimension.")
        self.dim = dim
        self.revision = revision_of(model)
        self.identity = f"{Path(model).name}@{self.revision} q={self.query_prompt!r} p={self.passage_prompt!r}"

    def encode_queries(self, texts: Sequence[str]) -> np.ndarray:
        """(n, dim) float32, L2-normalised."""
        return self._encode(texts, self.query_prompt)

    def encode_passages(self, texts: Sequence[str], progress: Progress | None = None) -> np.ndarray:
        """(n, dim) float32, L2-normalised; batched by length, for padding is wasted work."""
        order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        step = self._batch_size * 8
        for at in range(0, len(order), step):
            part = order[at : at + step]
            vectors[part] = self._encode([texts[index] for index in part], self.passage_prompt)
            if progress:
                progress(min(at + step, len(order)), len(order))
        return vectors

    def _encode(self, texts: Sequence[str], prompt: str) -> np.ndarray:
        vectors: np.ndarray = self.model.encode(
            [prompt + simplify(text) for text in texts],
            batch_size=self._batch_size,
            convert_to_numpy=True,
            show_progress_bar=False,
            prompt="",
        ).astype(np.float32)
        # bfloat16 leaves the norm up to 0.4 % off
        unit: np.ndarray = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return unit


@lru_cache(maxsize=1)
def foreign_questions() -> tuple[str, ...]:
    """Everyday questions on cooking, travel, sport, software and the like, one a line in the package's data."""
    text = resources.files("rag").joinpath("data/foreign_questions.txt").read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if line)


def load_embedder(settings: Settings) -> TransformerEmbedder:
    """The embedder that the settings name."""
    return TransformerEmbedder(settings.model, settings.query_prompt, settings.passage_prompt, settings.batch_size)


def _load(model: str) -> SentenceTransformer:
    is_path = Path(model).is_absolute() or model.startswith((".", "~"))
    if is_path and not (Path(model) / "modules.json").is_file():
        raise ModelError(
            f"找不到嵌入模型 {model}。请先运行 make install 生成默认模型，或把 YUANWEN_MODEL 设为本机已有的 "
            "sentence-transformers 模型文件夹（离线环境请用 U 盘等方式拷入）。/ Embedding model not found."
        )
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # promise 6: nothing is fetched after set-up
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if not os.environ.keys() & {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}:
        os.environ["GOMP_SPINCOUNT"] = SPINS  # OpenMP reads it once, when torch is imported
    import torch
    import transformers
    from sentence_transformers import SentenceTransformer

    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # untyped; the unused pooler is reported as missing
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # as above: it has no annotations
    bfloat16 = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    try:
        return SentenceTransformer(
            model, device="cpu", model_kwargs={"dtype": torch.bfloat16 if bfloat16 else torch.float32}
        )
    except (OSError, ValueError) as error:
        raise ModelError(
            f"嵌入模型 {model} 无法载入：{str(error).splitlines()[0][:200]}。离线时请把 YUANWEN_MODEL "
            "设为本机的模型文件夹。/ The embedding model cannot be loaded."
        ) from error


def revision_of(model: str) -> str:
    """Twelve hex digits that change when the model's files do: names, sizes and the ends of each file."""
    folder = Path(model)
    digest = hashlib.sha256()
    if not folder.is_dir():
        return hashlib.sha256(model.encode()).hexdigest()[:12]
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in {".json", ".safetensors", ".bin", ".model", ".txt"}:
            digest.update(f"{path.relative_to(folder)} {path.stat().st_size}".encode())
            with path.open("rb") as file:
                digest.update(file.read(1 << 20))
                file.seek(max(0, path.stat().st_size - (1 << 20)))
                digest.update(file.read())
    return digest.hexdigest()[:12]
