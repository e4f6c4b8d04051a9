"""The service as `yuanwen serve` runs it, with the toy embedder: `python -m tests.deploy.toy_server PORT`.

TOY_QUERY_SECONDS and TOY_PASSAGE_SECONDS make every encoding so slow.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence

import numpy as np

import rag.service
from rag.config import load_settings
from rag.web.server import run
from tests.conftest import ToyEmbedder


class Slow(ToyEmbedder):
    """As slow as the environment says."""

    def encode_queries(self, texts: Sequence[str]) -> np.ndarray:
        time.sleep(float(os.environ.get("TOY_QUERY_SECONDS", 0)))
        return super().encode_queries(texts)

    def encode_passages(self, texts: Sequence[str], progress=None) -> np.ndarray:
        time.sleep(float(os.environ.get("TOY_PASSAGE_SECONDS", 0)))
        return super().encode_passages(texts, progress)


if __name__ == "__main__":
    rag.service.load_embedder = lambda settings: Slow()
    run(load_settings(port=int(sys.argv[1])))
