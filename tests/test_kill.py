"""Promise 4: kill the process at any instant; nothing committed is lost, nothing deleted comes back."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time

import pytest

from rag.cli.doctor import examine
from rag.config import ROOT, Settings
from rag.service import Service
from tests.conftest import ToyEmbedder

pytestmark = pytest.mark.slow
WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
import rag.ingest.preparing
rag.ingest.preparing.BATCH_CHARACTERS = 400
from rag.config import Settings
from rag.service import Service
from tests.conftest import ToyEmbedder
folder = Path({folder!r})
service = Service(Settings(index=folder / "index"), ToyEmbedder())
print("ready", flush=True)
for turn in range(1000):
    service.ingest([folder / "corpus"])
    service.current()
    print("in", turn, flush=True)
    service.remove(["gone.txt"])
    print("out", turn, flush=True)
    (folder / "corpus" / "a0.txt").write_text("第%d次修改的内容，工会服务职工。" % turn * 30, encoding="utf-8")
"""


@pytest.mark.parametrize("seed", range(5))
def test_killed_at_any_instant(tmp_path, seed):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number in range(8):
        (corpus / f"a{number}.txt").write_text(f"第{number}号文件规定，职工之家应当常年开放。" * 20, encoding="utf-8")
    (corpus / "gone.txt").write_text("这份文件将被删除，绝不能再出现。" * 20, encoding="utf-8")
    code = WRITER.format(root=str(ROOT), folder=str(tmp_path))
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    time.sleep(random.Random(seed).uniform(0.02, 1.2))
    process.send_signal(signal.SIGKILL)
    said = process.stdout.read().split("\n")
    process.wait()
    process.stdout.close()
    last = next((line for line in reversed(said[:-1]) if line), "")

    service = Service(Settings(index=tmp_path / "index"), ToyEmbedder())
    found = {record.document.doc_id for record in service.documents()}
    if last.startswith("in"):
        assert found >= {f"a{number}.txt" for number in range(8)}  # committed, so there
    if found:
        assert all(check.good for check in examine(service)), [c for c in examine(service) if not c.good]
        assert {hit.passage.doc_id for hit in service.search_passages("文件", 50)} <= found
    service.ingest([corpus])
    service.remove(["gone.txt"])
    assert "gone.txt" not in {hit.passage.doc_id for hit in service.search_passages("将被删除", 50)}
