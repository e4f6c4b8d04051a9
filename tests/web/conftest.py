"""A web app over a toy service; each test may change its index."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from fastapi.testclient import TestClient

from rag.service import Service
from rag.web.front.state import Startup
from rag.web.server import build_app
from tests.conftest import SEEDS

LOCAL = ("127.0.0.1", 50000)


@dataclass(frozen=True)
class Site:
    """A running app with what it stands on."""

    client: TestClient
    service: Service
    startup: Startup


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    """The seeds, with an index of the module's own."""
    from rag.config import Settings
    from tests.conftest import ToyEmbedder

    service = Service(Settings(index=tmp_path_factory.mktemp("site") / "index"), ToyEmbedder())
    service.ingest([SEEDS], mirror=True)
    startup = Startup()
    startup.warm_up(service)
    with TestClient(build_app(service, startup), raise_server_exceptions=False, client=LOCAL) as client:
        yield Site(client, service, startup)
