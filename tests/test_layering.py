"""Imports point one way, siblings do not import each other, and `import rag` is light."""

from __future__ import annotations

import ast
import subprocess
import sys

from rag.config import ROOT

LAYERS = [
    {"errors", "datamodels", "numerals", "pacing"},
    {"config", "expecting", "structure", "tokenizing", "filtering"},
    {"cleaning", "loading", "basemodel", "adapters"},
    {
        "chunking",
        "embedding",
        "english",
        "duplicates",
        "addressing",
        "outlines",
        "places",
        "surroundings",
        "vocabulary",
    },
    {"catalog", "dense", "lexical", "reranking"},
    {"index"},
    {"scoring", "intake"},
    {"retrieval", "explaining"},
    {"answering"},
    {"calibration"},
    {"service"},
    {"evaluation", "doctor", "access", "backup", "terminal"},
    {"upkeep", "wording"},
    {"cli", "web"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def imports():
    for path in sorted((ROOT / "rag").rglob("*.py")):
        parts = path.relative_to(ROOT / "rag").with_suffix("").parts
        if parts == ("__init__",):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            targets = []
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("rag"):
                rest = node.module.split(".")[1:]
                targets = [rest[0]] if rest else [alias.name for alias in node.names]
            elif isinstance(node, ast.Import):
                targets = [alias.name.split(".")[1] for alias in node.names if alias.name.startswith("rag.")]
            for target in targets:
                if target != "__version__":
                    yield path, parts[0], target


def test_every_module_has_its_floor():
    modules = {path.stem if path.is_file() else path.name for path in (ROOT / "rag").iterdir()}
    assert modules - {"__init__", "__pycache__", "data", "py"} <= set(RANK)


def test_imports_point_upwards_only():
    wrong = [
        f"{path.name}: {source} imports {target}"
        for path, source, target in imports()
        if source != target
        and RANK[target] >= RANK[source]
        # the command line starts the web server; they stand on one floor only for the reader
        and (source, target) != ("cli", "web")
    ]
    assert not wrong


def test_import_rag_is_light():
    code = "import rag, rag.cli, rag.service, sys; print({'torch', 'gradio', 'faiss', 'jieba'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
