"""The examples of docs/接入.md are run as they stand, in order, against a real server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import time

import jwt
import pytest
import uvicorn

from rag.access.identity import Role
from rag.access.keys import Keys
from rag.access.store import folder
from rag.config import ROOT, Settings
from rag.service import Service
from rag.web.front.state import Startup
from rag.web.server import build_app
from tests.conftest import SEEDS, ToyEmbedder

pytestmark = pytest.mark.slow

TEXT = (ROOT / "docs" / "接入.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```(bash|python)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A server in token mode, and what the examples read from the environment."""
    home = tmp_path_factory.mktemp("examples")
    (home / "secret").write_text("x" * 40)
    settings = Settings(index=home / "index", access="token", token_secret_file=home / "secret")
    service, startup = Service(settings, ToyEmbedder()), Startup()
    service.ingest([SEEDS])
    startup.warm_up(service)
    server = uvicorn.Server(uvicorn.Config(build_app(service, startup), port=0, log_config=None, proxy_headers=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    _, key = Keys(folder(settings.index)).add("例子", Role.EDITOR, frozenset(), 1)
    given = {"YUANWEN": f"http://127.0.0.1:{port}", "KEY": key, "TOKEN_SECRET_FILE": str(home / "secret")}
    yield home, os.environ | given
    server.should_exit = True
    thread.join(20)


def run(command: list[str], home, environment) -> str:
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def test_each_route_has_both():
    kinds = [kind for kind, _ in EXAMPLES]
    assert kinds.count("bash") == kinds.count("python") == 6
    assert all(len(code.strip().splitlines()) <= 10 for _, code in EXAMPLES)


def test_all_run_in_order(environment):
    home, given = environment
    if shutil.which("curl") is None:
        pytest.fail("no curl: apt-get install curl") if os.environ.get("CI") else pytest.skip("no curl")
    said = [
        run(["bash", "-e", "-c", code] if kind == "bash" else [sys.executable, "-c", code], home, given)
        for kind, code in EXAMPLES
    ]
    assert '"answerable":true' in said[0] and "001_4310a0096f66f682.txt" in said[1]
    assert "通知.txt" in said[4] and "食堂.txt 1 段" in said[5]
    assert "关于图书室的通知" in said[6] and "关于食堂的通知" in said[7]
    assert said[-1].strip() == "204"


def test_the_token_example_makes_a_token_that_is_taken(environment):
    home, given = environment
    (code,) = re.findall(r"^   ```python\n(.*?)^   ```", TEXT, re.MULTILINE | re.DOTALL)
    token = run([sys.executable, "-c", re.sub(r"^   ", "", code, flags=re.MULTILINE)], home, given).strip()
    assert jwt.decode(token, "x" * 40, ["HS256"], audience="yuanwen")["sub"] == "张三"
    asking = f'curl -sf "$YUANWEN/api/v1/documents" -H "Authorization: Bearer {token}"'
    assert "001_4310a0096f66f682.txt" in run(["bash", "-c", asking], home, given)
