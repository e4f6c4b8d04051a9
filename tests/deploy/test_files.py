"""The unit and the container file are sound, and the unit shuts the service in."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rag.config import ROOT, Settings

DEPLOY = ROOT / "docs" / "deploy"
EXPOSURE_MAX = 20  # of 100; an ordinary service without any hardening has 96


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit for an installation in a folder of the test's own, for systemd looks whether the command exists."""
    (tmp_path / "data").mkdir()
    (tmp_path / "yuanwen").write_text("#!/bin/sh\n", encoding="utf-8")
    (tmp_path / "yuanwen").chmod(0o755)
    path = tmp_path / "yuanwen.service"
    text = (DEPLOY / "yuanwen.service").read_text(encoding="utf-8")
    path.write_text(text.replace("/opt/yuanwen", str(tmp_path)), encoding="utf-8")
    return path


def systemd(*arguments: object) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        reason = "no systemd-analyze: apt-get install systemd"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    command = ["systemd-analyze", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_systemd_takes_the_unit(unit):
    done = systemd("verify", unit)
    assert done.returncode == 0 and not done.stdout + done.stderr


def test_the_unit_shuts_the_service_in(unit):
    done = systemd("security", "--offline=true", f"--threshold={EXPOSURE_MAX}", unit)
    assert done.returncode == 0, done.stdout[-500:]


def test_the_unit_waits_longer_than_the_service_takes_to_stop(unit):
    from rag.web.server import PATIENCE

    seconds = int(re.search(r"TimeoutStopSec=(\d+)", unit.read_text(encoding="utf-8"))[1])
    assert seconds > PATIENCE


def test_the_container_file_passes_the_linter():
    linter = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([linter, DEPLOY / "Containerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    named = re.findall(r"YUANWEN_(\w+)", (DEPLOY / "Containerfile").read_text(encoding="utf-8"))
    assert {name.lower() for name in named} <= set(Settings.model_fields)
