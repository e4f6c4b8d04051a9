"""The habits that keep the code as it is: marks, subjects, hooks, and the maps that name code which exists."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from rag.config import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def checked(subject: str, folder: Path) -> subprocess.CompletedProcess[str]:
    message = folder / "COMMIT_EDITMSG"
    message.write_text(f"{subject}\n\nThe reason; in a body anything goes.\n# a comment of git's\n", encoding="utf-8")
    return subprocess.run([sys.executable, ROOT / ".ci" / "subject", message], capture_output=True, text=True)


@pytest.mark.parametrize(
    "subject",
    [
        "index: vectors that nobody uses are deleted",
        "search, web: one order of stages",
        "a: " + "b" * 69,
        "Revert this",
    ],
)
def test_a_good_subject_passes(subject, tmp_path):
    assert checked(subject, tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ("Vectors that nobody uses are deleted", "area: what changed"),
        ("index:", "area: what changed"),
        ("a: " + "b" * 70, "73 characters"),
        ("index: vectors go; a test says so", "one change"),
        ("index: vectors go.", "one change"),
    ],
)
def test_a_bad_subject_is_refused_with_the_reason(subject, said, tmp_path):
    done = checked(subject, tmp_path)
    assert done.returncode == 1 and said in done.stderr, done.stderr


def test_the_hooks_fetch_nothing_and_check_what_make_lint_checks():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    hooks = [hook["entry"] for repo in config["repos"] for hook in repo["hooks"]]
    lint = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\nlint:")[2].partition("\n\n")[0]
    for tool in ("ruff check", "ruff format --check", "lint-imports", "mypy"):
        assert f"/{tool}" in lint and any(f"/{tool}" in entry for entry in hooks), tool
    for entry in hooks:
        assert entry.startswith((".venv/bin/", ".ci/")), entry


def test_types_are_silenced_only_with_a_code_and_a_reason():
    for path in (*(ROOT / "rag").rglob("*.py"), ROOT / "app.py"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            _, silenced, rest = line.partition("# type: ignore")
            code, _, reason = rest.partition("]")
            assert not silenced or (code.startswith("[") and reason.strip(" #")), (
                f"{path.name}:{number}: {line.strip()}"
            )
