"""Fixtures: a deterministic toy embedder for exact scores, and services indexed on the seeds."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from playwright.sync_api import Browser, sync_playwright

from rag.config import ROOT, Settings
from rag.models.reader import Reader
from rag.service import Service

SEEDS = ROOT / "seeds"
T = TypeVar("T")


class ToyEmbedder:
    """Texts to unit vectors by hashing their character pairs: similar words, similar vectors; no model."""

    def __init__(self, identity: str = "toy@1", dim: int = 256) -> None:
        self.identity = identity
        self.dim = dim
        self.encoded: list[str] = []

    def encode_queries(self, texts: Sequence[str]) -> np.ndarray:
        return np.stack([self._vector(text) for text in texts])

    def encode_passages(self, texts: Sequence[str], progress=None) -> np.ndarray:
        self.encoded += texts
        if progress:
            progress(len(texts), len(texts))
        return np.stack([self._vector(text) for text in texts])

    def _vector(self, text: str) -> np.ndarray:
        vector = np.zeros(self.dim, np.float32)
        kept = [char for char in text if char.isalnum()]
        for pair in zip(kept, kept[1:] or kept, strict=False):
            digest = hashlib.blake2b("".join(pair).encode("utf-8", "surrogatepass"), digest_size=4).digest()
            vector[int.from_bytes(digest, "little") % self.dim] += 1
        vector[0] += 1e-3  # never the zero vector
        return vector / np.linalg.norm(vector)


def apart(run: Callable[..., T], *given: object) -> T:
    """The result of `run(*given)` in a thread of its own: the browser's driver keeps an event loop in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run, *given).result()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for the model or the browser is marked so, that `make test-fast` needs neither."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if "model_service" in fixtures:
            item.add_marker("model")
        if "browser" in fixtures:
            item.add_marker("browser")


@pytest.fixture
def toy() -> ToyEmbedder:
    return ToyEmbedder()


@pytest.fixture
def make_service(tmp_path: Path):
    """A function from settings to a toy service with an empty index of its own."""

    def make(embedder: ToyEmbedder | None = None, reader: Reader | None = None, **overrides) -> Service:
        settings = Settings(**({"index": tmp_path / "index"} | overrides))
        return Service(settings, embedder or ToyEmbedder(), reader)

    return make


@pytest.fixture(scope="session")
def toy_service(tmp_path_factory) -> Service:
    """The seeds indexed with the toy embedder. Shared: tests only read it."""
    service = Service(Settings(index=tmp_path_factory.mktemp("toy") / "index"), ToyEmbedder())
    service.ingest([SEEDS], mirror=True)
    return service


@pytest.fixture(scope="session")
def model_service(tmp_path_factory) -> Service:
    """The seeds indexed with the real model. Shared: tests only read it."""
    service = Service(Settings(index=tmp_path_factory.mktemp("model") / "index"))
    service.ingest([SEEDS], mirror=True)
    return service


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium as the system has it; in CI it may not be missing."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        reason = "no Chromium: apt-get install chromium fonts-noto-cjk"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        yield chromium
        chromium.close()
