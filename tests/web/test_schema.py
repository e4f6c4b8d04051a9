"""Whatever the OpenAPI document allows or forbids is answered as it says: no 5xx, no undocumented status or body."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import allow_header_conformance, positive_data_acceptance
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.config import Settings
from rag.service import Service
from rag.web.api import build_api
from rag.web.metrics import new_metrics
from rag.web.ongoing import Ongoing
from rag.web.server import build_app
from rag.web.state import Startup
from tests.conftest import SEEDS, ToyEmbedder
from tests.web.conftest import LOCAL

served: list[ASGIApp] = []  # the app, once the fixture has made it


async def door(scope: Scope, receive: Receive, send: Send) -> None:
    """The app as this machine's own user meets it."""
    await served[0](dict(scope) | {"client": LOCAL}, receive, send)


schema = schemathesis.openapi.from_dict(
    build_api(Service(Settings(), ToyEmbedder()), Startup(), new_metrics(), Ongoing()).openapi()
)
schema.app = door


@pytest.fixture(scope="module", autouse=True)
def app(tmp_path_factory):
    """A service that requests may change."""
    service, startup = Service(Settings(index=tmp_path_factory.mktemp("schema") / "index"), ToyEmbedder()), Startup()
    service.ingest([SEEDS])
    startup.warm_up(service)
    served[:] = [build_app(service, startup)]


# A blank question fits the schema and is refused; a document's name may end in /text, so a path may stand for two.
NOT_SAID_BY_SCHEMAS = [positive_data_acceptance, allow_header_conformance]


@schema.parametrize()
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_answers_are_documented(case):
    case.call_and_validate(excluded_checks=NOT_SAID_BY_SCHEMAS)
