"""ARCHITECTURE.md, CONTRIBUTING.md and the decisions name code that exists, and the tours go forward in few hops."""

from __future__ import annotations

import ast
import re

import pytest

from rag.config import ROOT

ARCHITECTURE = ROOT / "ARCHITECTURE.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
PAGES = [ARCHITECTURE, CONTRIBUTING, ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMED = re.compile(r"`((?:rag|docs|benchmarks|tests)/[\w/]+\.py|app\.py):([\w.]+)`")
HOPS, FILES = 8, 5


def section(text: str, heading: str) -> str:
    """What is under a heading of the second level."""
    _, found, rest = text.partition(f"\n## {heading}\n")
    assert found, heading
    return rest.partition("\n## ")[0]


def definition(path: str, name: str) -> ast.AST | None:
    """The function, class, method (`Class.method`) or nested function of that name in a file."""
    nodes: list[ast.AST] = [ast.parse((ROOT / path).read_text(encoding="utf-8"))]
    for part in name.split("."):
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        nodes = [one for node in nodes for one in ast.walk(node) if isinstance(one, kinds) and one.name == part]
    return nodes[0] if nodes else None


def mentioned(path: str, name: str) -> set[str]:
    """Every identifier in the body of a definition."""
    found = definition(path, name)
    assert found is not None, f"{path}:{name}"
    inside = [node for node in ast.walk(found) if node is not found]
    return {node.id for node in inside if isinstance(node, ast.Name)} | {
        node.attr for node in inside if isinstance(node, ast.Attribute)
    }


def hops(heading: str) -> list[tuple[str, str]]:
    """File and name of each numbered line; the first that a line names is the hop."""
    listed = re.findall(r"^\d+\. .*$", section(ARCHITECTURE.read_text(encoding="utf-8"), heading), re.MULTILINE)
    found = [NAMED.search(line) for line in listed]
    assert all(found), listed
    return [match.groups() for match in found if match]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_exists(page):
    named = NAMED.findall(page.read_text(encoding="utf-8"))
    missing = [f"{path}:{name}" for path, name in named if not (ROOT / path).is_file() or not definition(path, name)]
    assert missing == [], f"{page.name} names code that is not there"


TOURS = ("A question, from REST to the answer", "A file, from bytes to the index")


@pytest.mark.parametrize("tour", TOURS)
def test_a_tour_is_short_and_each_hop_is_called_by_an_earlier_one(tour):
    path = hops(tour)
    assert 3 <= len(path) <= HOPS
    for at, (_, name) in enumerate(path[1:], 1):
        called = set().union(*(mentioned(*earlier) for earlier in path[:at]))
        assert name.rpartition(".")[2] in called, f"nothing before hop {at + 1} calls {name}"


@pytest.mark.parametrize("tour", TOURS)
def test_a_tour_only_goes_forward(tour):
    """No hop calls a function of an earlier hop, by import or by name."""
    path = hops(tour)
    for at, hop in enumerate(path):
        own = hop[1].rpartition(".")[2]
        earlier = {name.rpartition(".")[2] for _, name in path[:at]} - {own}
        assert not earlier & mentioned(*hop), hop


@pytest.mark.parametrize("recipe", ["A file format", "A search stage", "A REST endpoint"])
def test_a_recipe_touches_few_files_that_are_there(recipe):
    """A path with a part in capitals (rag/ingest/loading/NAME.py) is a file to be made."""
    text = section(CONTRIBUTING.read_text(encoding="utf-8"), recipe)
    files = [line.partition("`")[2].partition("`")[0] for line in re.findall(r"^\d+\. .*$", text, re.MULTILINE)]
    assert 2 <= len(set(files)) <= FILES
    for file in files:
        place = ROOT / file
        assert place.parent.is_dir() if re.search("[A-Z]{3,}", place.stem) else place.is_file(), file
