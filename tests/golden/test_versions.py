"""Versions that cannot be forgotten: output that changes under the same version is found (promise 7)."""

from __future__ import annotations

import json

import pytest

from rag.ingest import chunking, cleaning, loading, preparing
from rag.ingest.loading.formats import FORMATS
from rag.text import tokenizing
from tests.golden import outputs

RECORDED: dict[str, dict[str, str]] = json.loads(outputs.VERSIONS.read_text(encoding="utf-8"))


def check(part: str, version: str, where: str, sha256: str) -> None:
    recorded = RECORDED.get(part, {}).get(version)
    assert recorded is not None, f"{part} is at {version}, which is new: run `python -m tests.golden.outputs`"
    assert recorded == sha256, (
        f"{part}: the same inputs give another output, but the version is still {version}. Raise {where}, so that "
        "indexes made before are found, then run `python -m tests.golden.outputs`."
    )


@pytest.mark.parametrize("part", outputs.PARTS)
def test_output_is_that_of_the_version(part):
    check(part, *outputs.found(part))


def test_output_of_each_loader_is_that_of_its_version():
    found = outputs.found_loaders()
    assert {name.removeprefix("loader ") for name in found} | set(outputs.UNPINNED) == {one.kind for one in FORMATS}
    for part, (version, where, sha256) in found.items():
        check(part, version, where, sha256)


def test_every_version_is_part_of_what_an_index_is_made_with(toy):
    make = json.loads(preparing.make_of(toy, 250))
    assert make["loaders"].split(" ") == sorted(one.read_by for one in FORMATS) and make["loaders"] == loading.LOADERS
    assert make | {"cleaner": cleaning.CLEANER, "chunker": chunking.CHUNKER} == make
    assert make | {"tokenizer": tokenizing.TOKENIZER, "context": preparing.CONTEXT} == make


CHANGES = {
    "cleaner": ("rag.ingest.cleaning.MIN_PROSE_LINE", 12),
    "chunker": ("rag.ingest.chunking.SHORT", 90),
    "tokenizer": ("rag.text.tokenizing.STOP_WORDS", frozenset()),
    "context": ("rag.ingest.preparing.contextual", lambda passage: passage.text),
    "near-duplicates": ("rag.index.duplicates.NEAR", 0.99),
    "signals": ("rag.search.query.CENTRING", 0.5),
}


@pytest.mark.parametrize("part", outputs.PARTS)
def test_a_change_of_each_part_is_seen(part, monkeypatch):
    monkeypatch.setattr(*CHANGES[part])
    with pytest.raises(AssertionError, match="Raise "):
        check(part, *outputs.found(part))


def test_a_change_of_a_loader_is_seen(monkeypatch):
    monkeypatch.setattr("rag.ingest.loading.web._AROUND", frozenset())
    monkeypatch.setattr("rag.ingest.loading.tables._LABEL", 1)
    found = outputs.found_loaders()
    changed = {part for part, (version, _, sha256) in found.items() if RECORDED[part][version] != sha256}
    assert "loader docx" in changed and "loader txt" not in changed
