"""install.sh refuses what cannot work before it changes anything, and a failure halfway leaves the old release in use."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from docs.deploy import bundle
from rag.config import ROOT


def small_bundle(folder: Path, *, python: str = bundle.PYTHON, requirements: str = "") -> Path:
    """A bundle without wheels: enough for everything that install.sh does before pip."""
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "requirements.lock").write_text(requirements, encoding="utf-8")
    shutil.copy2(ROOT / "docs" / "deploy" / "install.sh", folder)
    facts = f"version=9.9\npython={python}\nplatform={bundle.PLATFORM}\n"
    (folder / "BUNDLE").write_text(facts, encoding="utf-8")
    bundle.add_checksums(folder)
    return folder


def install(folder: Path, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["bash", str(folder / "install.sh"), *map(str, arguments)]
    given = os.environ | environment
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", env=given)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with an older release in use, an index and settings."""
    folder = tmp_path / "home"
    (folder / "releases" / "old").mkdir(parents=True)
    (folder / "current").symlink_to(folder / "releases" / "old")
    (folder / "data").mkdir()
    (folder / "data" / "yuanwen.toml").write_text("top_k = 7\n", encoding="utf-8")
    return folder


def check_untouched(home: Path) -> None:
    assert os.readlink(home / "current") == str(home / "releases" / "old")
    assert [path.name for path in (home / "releases").iterdir()] == ["old"]
    assert (home / "data" / "yuanwen.toml").read_text(encoding="utf-8") == "top_k = 7\n"


def test_a_damaged_bundle_changes_nothing(tmp_path, home):
    folder = small_bundle(tmp_path / "b")
    (folder / "code" / "requirements.lock").write_text("damaged", encoding="utf-8")
    done = install(folder, home)
    assert done.returncode == 1 and "校验和不符" in done.stderr and "requirements.lock" in done.stdout + done.stderr
    check_untouched(home)
    (folder / "code" / "requirements.lock").unlink()
    assert install(folder, home).returncode == 1
    (folder / "SHA256SUMS").unlink()
    assert "SHA256SUMS" in install(folder, home).stderr
    check_untouched(home)


def test_another_python_is_named(tmp_path, home):
    done = install(small_bundle(tmp_path / "b", python="3.99"), home)
    assert done.returncode == 1 and "3.99" in done.stderr
    done = install(small_bundle(tmp_path / "c"), home, PYTHON="no-such-python")
    assert done.returncode == 1 and "no-such-python" in done.stderr
    check_untouched(home)


def test_a_full_disk_is_said_before(tmp_path, home):
    done = install(small_bundle(tmp_path / "b"), home, YUANWEN_SPACE_KB="999999999999")
    assert done.returncode == 1 and "空间不足" in done.stderr
    check_untouched(home)


@pytest.mark.slow
def test_a_failure_halfway_leaves_the_old_release(tmp_path, home):
    done = install(small_bundle(tmp_path / "b", requirements="no-such-wheel==1.0\n"), home)
    assert done.returncode == 1 and "no-such-wheel" in done.stderr and "Traceback" not in done.stderr
    check_untouched(home)


@pytest.mark.parametrize("arguments", [("a", "b"), ("--help",)])
def test_wrong_usage_is_two(tmp_path, arguments):
    done = install(small_bundle(tmp_path / "b"), *arguments)
    assert done.returncode == 2 and "用法" in done.stderr
