"""Whatever the OpenAPI document allows or forbids is answered as it says: no 5xx, no undocumented status or body."""

from __future__ import annotations

import hypothesis
import pytest
import schemathesis
from schemathesis.checks import allow_header_conformance, positive_data_acceptance
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.access.identity import Role
from rag.access.keys import Keys
from rag.access.store import folder
from rag.config import Settings
from rag.service import Service
from rag.web.front.metrics import new_metrics
from rag.web.front.ongoing import Ongoing
from rag.web.front.queueing import Queue
from rag.web.front.state import Startup
from rag.web.rest.api import build_api
from rag.web.server import build_app
from tests.conftest import SEEDS, ToyEmbedder
from tests.web.conftest import LOCAL

served: list[ASGIApp] = []  # the app, once the fixture has made it
headers: dict[str, str] = {}  # with the key that it accepts


async def door(scope: Scope, receive: Receive, send: Send) -> None:
    """The app as programs meet it."""
    await served[0](dict(scope) | {"client": LOCAL}, receive, send)


metrics = new_metrics()
schema = schemathesis.openapi.from_dict(
    build_api(Service(Settings(), ToyEmbedder()), Startup(), metrics, Queue(Settings(), metrics), Ongoing()).openapi()
)
schema.app = door


@pytest.fixture(scope="module", autouse=True)
def app(tmp_path_factory):
    """A service that requests may change."""
    home = tmp_path_factory.mktemp("schema")
    (home / "portal.secret").write_text("x" * 40)
    settings = Settings(
        index=home / "index", access="token", token_secret_file=home / "portal.secret", rate_limit="100000/minute"
    )
    service, startup = Service(settings, ToyEmbedder()), Startup()
    service.ingest([SEEDS])
    startup.warm_up(service)
    served[:] = [build_app(service, startup)]
    key = Keys(folder(settings.index)).add("出题", Role.ADMINISTRATOR, frozenset(), 1)[1]
    headers["Authorization"] = f"Bearer {key}"


# A blank question fits the schema and is refused; a document's name may end in /text, so a path may stand for two.
NOT_SAID_BY_SCHEMAS = [positive_data_acceptance, allow_header_conformance]


@schema.parametrize()
@hypothesis.settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(hypothesis.HealthCheck)
)
@pytest.mark.slow
def test_answers_are_documented(case):
    case.call_and_validate(headers=headers, excluded_checks=NOT_SAID_BY_SCHEMAS)
