"""FAISS and the near-duplicates are written when documents come in, by the index, and again only when they lag."""

from __future__ import annotations

import json

import pytest

from rag.index import derived


@pytest.fixture
def filled(make_service, tmp_path):
    service, corpus = make_service(), tmp_path / "corpus"
    corpus.mkdir()
    for name in ("甲", "乙"):
        (corpus / f"{name}.txt").write_text("职工之家应当每日开放，不少于八小时。", encoding="utf-8")
    service.ingest([corpus])
    return service


def note(service) -> dict:
    return json.loads((service.settings.index / derived.NOTE).read_text(encoding="utf-8"))


def test_written_by_the_ingest_and_not_by_the_first_question(filled):
    folder = filled.settings.index
    assert note(filled)["generation"] == filled.catalog.generation
    before = {name: (folder / name).stat().st_mtime_ns for name in (derived.NOTE, *derived.FILES)}
    filled.calibration()
    assert {name: (folder / name).stat().st_mtime_ns for name in before} == before
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_other_rules_for_near_duplicates_find_them_again(filled, make_service, monkeypatch):
    monkeypatch.setattr(derived, "DUPLICATES", "another-rule-1")
    monkeypatch.setattr(derived, "near_duplicates", lambda passages: {})
    assert filled.current().near_duplicates == {}
    assert note(filled)["duplicates"] == "another-rule-1"


def test_near_duplicates_are_those_of_the_files(filled, make_service):
    assert make_service().current().near_duplicates == {0: (1,), 1: (0,)}


def test_plain_ingest_loads_nothing_of_the_evaluation(tmp_path):
    import subprocess
    import sys

    (tmp_path / "甲.txt").write_text("职工之家应当每日开放。", encoding="utf-8")
    code = (
        "import sys; from pathlib import Path; from rag.config import Settings; from rag.service import Service; "
        "from tests.conftest import ToyEmbedder; "
        f"Service(Settings(index=Path({str(tmp_path / 'index')!r})), ToyEmbedder()).ingest([Path({str(tmp_path / '甲.txt')!r})]); "
        "print([name for name in sys.modules if name.startswith('rag.evaluation')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
