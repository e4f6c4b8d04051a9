"""The documentation says what the code does: commands, settings, and that every module is a sitting's reading."""

from __future__ import annotations

import re

import pytest

from docs import generate
from rag.config import ROOT

PAGES = generate.PAGES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_generated_parts_are_fresh(page):
    text = page.read_text(encoding="utf-8")
    assert generate.rewritten(text) == text, "run: python docs/generate.py"


@pytest.mark.parametrize("page", [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http:", "https:", "mailto:", "/")):
            assert (page.parent / target).exists(), target


def test_every_dependency_has_its_reason():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    told = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    assert [line for line in wanted if f"| {line.split('==')[0]} |" not in told] == []
    assert [line for line in wanted if "==" not in line] == []


def test_the_lock_pins_what_the_project_asks_for():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    locked = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    both = locked + (ROOT / "requirements-dev.lock").read_text(encoding="utf-8").splitlines()
    assert set(project["dependencies"]) <= set(locked)
    assert set(project["optional-dependencies"]["dev"]) <= set(both)
    assert not [line for line in both if "nvidia" in line]


def test_modules_are_read_in_a_sitting():
    long = {
        str(path.relative_to(ROOT)): count
        for folder in ("rag", "benchmarks", "docs")
        for path in (ROOT / folder).rglob("*.py")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > 450
    }
    assert not long


def test_every_setting_is_read_somewhere():
    from rag.config import Settings

    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "rag").rglob("*.py"))
    assert [name for name in Settings.model_fields if not re.search(rf"settings\.{name}\b", code)] == []
