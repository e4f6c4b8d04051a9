"""Imports point one way, as the contracts in pyproject.toml say, and `import rag` is light."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from rag.config import ROOT

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]


def linted(config: Path) -> subprocess.CompletedProcess[str]:
    code = "import sys; from importlinter.cli import lint_imports_command as lint; sys.argv[0] = 'lint-imports'; lint()"
    return subprocess.run(
        [sys.executable, "-c", code, "--no-cache", "--no-logo", str(config)], cwd=ROOT, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_imports_point_one_way():
    done = linted(ROOT / "pyproject.toml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_import_is_seen(tmp_path):
    """The contract turned upside down must fail, else it would look at nothing."""
    config = tmp_path / "contracts.toml"
    config.write_text(
        '[tool.importlinter]\nroot_package = "rag"\n[[tool.importlinter.contracts]]\nname = "upside down"\n'
        'type = "layers"\nlayers = ["rag.text", "rag.search"]\n',
        encoding="utf-8",
    )
    done = linted(config)
    assert done.returncode == 1 and "rag.search.retrieval -> rag.text" in done.stdout, done.stdout + done.stderr


PACKAGES = sorted(".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "rag").rglob("__init__.py"))


@pytest.mark.parametrize("package", PACKAGES)
def test_every_room_has_a_contract(package):
    """A new folder says which way its imports go."""
    held = [contract.get("containers") or contract["ancestors"] for contract in CONTRACTS["contracts"]]
    assert package in {name for names in held for name in names}


def test_import_rag_is_light():
    code = "import rag, rag.cli, rag.service, sys; print({'torch', 'gradio', 'faiss', 'jieba'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
