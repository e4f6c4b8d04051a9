"""The bundle installs over an older release, indexes, serves and answers where there is no network but loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from docs.deploy import bundle
from rag.config import ROOT
from tests.browser.conftest import free_port

QUESTION = "四同步四衔接指的是什么？"
# Everything after `unshare` sees one interface, loopback; the first line of output proves it.
SCRIPT = """set -eu
ip link set lo up
awk 'NR > 2 {{ print $1 }}' /proc/net/dev
"{bundle}/install.sh" "{home}" >&2
"{home}/yuanwen" index >&2
"{home}/yuanwen" serve --port {port} 2>"{home}/log" &
server=$!
for turn in $(seq 120); do
    sleep 1
    "{home}/current/.venv/bin/python" -c "
import json, urllib.request
base = 'http://127.0.0.1:{port}'
urllib.request.urlopen(base + '/readyz').close()
body = json.dumps({{'question': '{question}'}}).encode()
asked = urllib.request.Request(base + '/api/v1/ask', body, {{'Content-Type': 'application/json'}})
print(urllib.request.urlopen(asked).read().decode())
print(len(urllib.request.urlopen(base + '/').read()))
ping = json.dumps({{'jsonrpc': '2.0', 'id': 1, 'method': 'ping'}}).encode()
kinds = {{'Content-Type': 'application/json', 'Accept': 'application/json, text/event-stream'}}
print(urllib.request.urlopen(urllib.request.Request(base + '/mcp', ping, kinds)).status)
" 2>/dev/null && break
done
kill -TERM $server
wait $server || true
"{home}/yuanwen" ask "{question}" --json
"{home}/current/.venv/bin/python" -c "import rag; print(rag.__file__)"
"""


def need_namespaces() -> None:
    """Without them the test proves nothing; CI may not go without."""
    tried = subprocess.run(
        ["unshare", "-rn", "ip", "link", "set", "lo", "up"], capture_output=True, text=True, check=False
    )
    if tried.returncode:
        reason = f"no network namespaces here: {tried.stderr.strip()}"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


@pytest.mark.model
@pytest.mark.timeout(900)
def test_installs_serves_and_answers_without_a_network(tmp_path: Path):
    need_namespaces()
    command = [sys.executable, str(ROOT / "docs" / "deploy" / "bundle.py"), "--out", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    archive = tmp_path / f"{bundle.name()}.tar.gz"
    assert (tmp_path / f"{archive.name}.sha256").read_text() == f"{bundle.sha256(archive)}  {archive.name}\n"
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    archive.unlink()

    home = tmp_path / "home"
    (home / "data").mkdir(parents=True)
    settings = f'index = "{home}/data/index"\ntop_k = 2\nmcp = true\n'
    (home / "data" / "yuanwen.toml").write_text(settings, encoding="utf-8")
    script = SCRIPT.format(bundle=tmp_path / bundle.name(), home=home, port=free_port(), question=QUESTION)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("YUANWEN_", "PIP_", "PYTHON"))}
    done = subprocess.run(
        ["unshare", "-rn", "bash", "-c", script], cwd="/", env=clean, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    shut = [path for path in (home / "releases").rglob("*") if path.is_file() and not path.stat().st_mode & 0o004]
    assert not shut  # the service runs as another user than the one who installed it
    interfaces, served, page, mcp, *asked, code = done.stdout.strip().split("\n")
    assert interfaces == "lo:"
    assert json.loads(served)["answerable"] and len(json.loads(served)["excerpts"]) == 2  # the settings were read
    assert int(page) > 1000 and mcp == "200"
    assert json.loads("\n".join(asked))["excerpts"][0]["text"] == json.loads(served)["excerpts"][0]["text"]
    assert code.startswith(str(home / "releases"))
    assert (home / "data" / "yuanwen.toml").read_text(encoding="utf-8") == settings
