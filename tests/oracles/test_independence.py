"""An oracle that borrows from what it judges says yes to everything: what these files may import is listed here."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

FILES = sorted(Path(__file__).parent.glob("*.py"))
RECORDS = {"rag.config", "rag.datamodels", "rag.errors", "rag.service"}
# What is called because it is judged, and records that have no other home.
BESIDES = {
    "letters.py": {"TransformerEmbedder"},
    "test_crowd.py": {"Limits", "Startup", "Work", "build_app"},
    "test_embedding.py": {"LateReranker", "TransformerEmbedder", "load_reranker"},
    "test_narrowing.py": {"Filter"},
    "test_spans.py": {"mend", "reads_as", "uncovered"},
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_an_oracle_borrows_nothing(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert not any(alias.name.partition(".")[0] == "rag" for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "rag":
            names = {alias.name for alias in node.names}
            assert node.module in RECORDS or names <= BESIDES.get(path.name, set())
            assert not any(name.isupper() for name in names)  # a constant is written down again, not taken over
