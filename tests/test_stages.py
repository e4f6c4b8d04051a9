"""The registry of stages is what hits, settings and explanations go by."""

from __future__ import annotations

from rag.config import ROOT, Settings
from rag.datamodels import Excerpt
from rag.search.explaining import place_json, place_lines
from rag.search.stages import SCORES, STAGES
from tests.searching import ranked
from tests.test_search_oracles import Backwards


def test_every_file_of_stages_is_registered():
    files = {path.stem for path in (ROOT / "rag" / "search" / "stages").glob("*.py")} - {"__init__", "stage"}
    assert len(files) == len(STAGES) == len({stage.name for stage in STAGES})


def test_a_stages_setting_exists():
    named = {stage.setting for stage in STAGES} - {""}
    assert named and named - set(Settings.model_fields) == set()


def test_a_hit_has_the_scores_that_are_registered_and_no_others(toy_service):
    hits = ranked(toy_service, "工会干部怎样了解职工所思所想所盼？", 12, reranker=Backwards(), rerank_candidates=8).hits
    unread = [name for name in SCORES if name != "reader"]  # a reader takes the place of reranking
    assert [list(hit.stages) for hit in hits[:8]] == [unread] * 8
    assert {frozenset(unread) - frozenset(hit.stages) for hit in hits[8:]} == {frozenset({"rerank"})}


def test_explanations_name_every_score():
    stages = {name: float(at) for at, name in enumerate(SCORES)}
    excerpt = Excerpt(1, "a.txt", "a", (), 0, 1, "工", "工", 1.0, (), stages=stages)
    assert place_json(excerpt)["stages"] == stages
    assert all(f"{label} {stages[name]:.2f}" in place_lines(excerpt)[-1] for name, label in SCORES.items())
