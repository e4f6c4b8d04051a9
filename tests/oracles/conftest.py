"""Collections that several oracles read. Shared: tests only read them."""

from __future__ import annotations

import pytest

from rag.config import Settings
from rag.service import Service
from tests.conftest import ToyEmbedder
from tests.oracles.codes import collection


@pytest.fixture(scope="session")
def coded(tmp_path_factory) -> Service:
    """Sixty documents of codes with synonyms for two of them."""
    service = Service(Settings(index=tmp_path_factory.mktemp("coded") / "index"), ToyEmbedder())
    service.ingest_documents(collection(60))
    service.set_word_tables(synonyms="b2m d7q\nh5q、f3r、g2n\n")
    return service
