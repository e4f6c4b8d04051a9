"""Starting and failing to start: one clear sentence, exit code 1, nothing heavy loaded."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from rag.config import ROOT
from rag.errors import ServerError
from rag.web.server import bind

pytestmark = pytest.mark.slow


def app(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "app.py", *arguments], cwd=ROOT, env=os.environ | environment, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip


def test_a_port_in_use_is_one_sentence():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        done = app("--port", str(holder.getsockname()[1]))
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "端口" in done.stderr and len(done.stderr.strip().splitlines()) == 1


def test_a_missing_model_is_one_sentence(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    from rag.config import Settings
    from rag.service import Service
    from tests.conftest import SEEDS, ToyEmbedder

    Service(Settings(index=tmp_path / "index"), ToyEmbedder()).ingest([SEEDS])
    done = app("--port", str(port), YUANWEN_MODEL=str(tmp_path / "none"), YUANWEN_INDEX=str(tmp_path / "index"))
    assert done.returncode == 1 and "Traceback" not in done.stderr and "模型" in done.stderr


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.9"])
def test_a_wrong_address(host):
    with pytest.raises(ServerError):
        bind(host, 0)


def test_importing_the_app_loads_nothing_heavy():
    code = "import app, sys; print({'torch', 'gradio', 'faiss', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_beyond_loopback_needs_an_explicit_word():
    done = app("--host", "0.0.0.0", "--port", "18099")
    assert done.returncode == 1 and "YUANWEN_ACCESS=open" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
