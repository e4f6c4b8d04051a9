"""LICENSE and NOTICE go along with the package, and NOTICE names every file that is data or a model."""

from __future__ import annotations

import re
import subprocess
import tomllib

from docs.deploy.bundle import CODE
from rag.config import ROOT

NOTICE = (ROOT / "NOTICE").read_text(encoding="utf-8")
LICENCES = re.compile(r"^(\S+)\s{2,}(MIT|CC BY-SA \d\.\d|Apache-2\.0)\s{2,}\S", re.MULTILINE)
NAMED = {path for path, _ in LICENCES.findall(NOTICE)}


def tracked(folder: str) -> list[str]:
    listed = subprocess.run(["git", "ls-files", folder], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode == 0 and listed.stdout:
        return listed.stdout.splitlines()
    return [path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*") if path.is_file()]  # no clone


def test_every_file_of_data_has_a_line_with_its_licence():
    files = [path for path in tracked("rag/data") if not path.endswith(".py")]
    assert files and [path for path in files if path not in NAMED] == []


def test_every_line_names_a_file_that_is_there():
    here = [path for path in NAMED if "/" in path]
    assert here and [path for path in here if not (ROOT / path).exists()] == []


def test_every_model_in_the_repository_has_a_line():
    folders = {"/".join(path.split("/")[:2]) + "/" for path in tracked("embeddings") if path.count("/") > 1}
    made = {"embeddings/base/", "embeddings/index/"}  # not tracked
    assert [folder for folder in sorted(folders - made) if folder not in NAMED] == []


def test_what_says_its_own_source_is_not_called_ours():
    """A data file whose head names a licence has that licence in NOTICE."""
    told = dict(LICENCES.findall(NOTICE))
    for path in tracked("rag/data"):
        head = (ROOT / path).read_text(encoding="utf-8")[:1000]
        if found := re.search(r"CC BY-SA \d\.\d", head):
            assert told[path] == found.group(), path


def test_the_licence_is_the_one_the_package_names():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert licence.startswith(f"{project['license']} License")
    assert {"LICENSE", "NOTICE"} <= set(project["license-files"]) & set(CODE)
