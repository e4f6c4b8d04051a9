"""The scoreboard: its stages, its figures against the evaluation of the same questions, and that it goes on."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks import sampling, scoreboard, scoring
from rag.config import Settings
from rag.evaluation.measures.evaluate import evaluate_gold
from rag.evaluation.sets.library import library_of
from rag.evaluation.sets.testset import read_gold
from rag.service import Service
from tests.conftest import SEEDS, ToyEmbedder

DOC = "001_4310a0096f66f682.txt"
TEXT = (SEEDS / DOC).read_bytes().decode("utf-8")


@contextmanager
def bar(label: str):
    yield lambda done, total: None


@pytest.fixture(scope="module")
def questions(tmp_path_factory) -> Path:
    """Ten quotes asked for, by halves of them, and four questions without an answer."""
    rows = []
    for at in range(10):
        quote = TEXT[at * 250 : at * 250 + 40]
        rows.append(
            {
                "id": f"a{at}",
                "question": quote[:20] if at % 2 else quote[::2],
                "answerable": True,
                "evidence": [{"doc": DOC, "quote": quote}],
            }
        )
    for at, (text, kind) in enumerate(
        (("红烧肉", "off-topic"), ("修汽车", "off-topic"), ("工会食堂几点开饭", "near-domain"), ("会费多少", "hard"))
    ):
        rows.append({"id": f"n{at}", "question": text, "answerable": False, "kind": kind})
    path = tmp_path_factory.mktemp("gold") / "gold.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def scored(questions, tmp_path_factory) -> tuple[scoring.SetScores, Path]:
    cache = tmp_path_factory.mktemp("cache")
    return scoring.quoted_set("tiny", SEEDS, questions, cache, bar, ToyEmbedder()), cache


def test_what_is_served_has_the_figures_of_the_evaluation(scored, questions):
    own, cache = scored
    service = Service(Settings(index=cache / "tiny" / "index"), ToyEmbedder())
    whole = evaluate_gold(service, read_gold(questions, library_of(service)))
    found = scoring.figures(own.stages[-1], own.kinds)
    assert own.stages[-1].stage == scoring.SERVED
    assert found["hit@1"] == whole.spans.hit[1] and found["hit@5"] == whole.spans.hit[5] and 0 < found["hit@1"] < 1
    assert found["refused"] == whole.honesty.false_refusal
    assert found["off answered"] == whole.honesty.false_answer_by_kind["off-topic"]
    assert own.kinds == {"n0": "off-topic", "n1": "off-topic", "n2": "near-domain", "n3": "hard"}


def test_a_stage_is_the_search_with_the_rest_turned_off(scored, questions):
    own, cache = scored
    service = Service(Settings(index=cache / "tiny" / "index"), ToyEmbedder())
    test_set = read_gold(questions, library_of(service))
    by_stage = {scores.stage: scores for scores in own.stages}
    assert list(by_stage) == ["BM25", "dense", "fused", "reranked", "read", scoring.SERVED]
    for name, weight in (("BM25", 1.0), ("dense", 0.0)):
        alone = Service(
            service.settings.model_copy(update={"lexical_weight": weight, "rerank_candidates": 0}), ToyEmbedder()
        )
        for question in test_set.questions:
            hits = alone.search_passages(question.text, 5)
            if question.answerable:
                ((start, end),) = question.evidence[0].spans
                first = hits[0].passage
                right = first.doc_id == DOC and min(end, first.end) - max(start, first.start) >= 0.6 * (end - start)
                assert by_stage[name].measures["hit@1"][question.question_id] == float(right)
            best = max(
                hit.stages["lexical" if weight else "dense"] for hit in alone.search_passages(question.text, 100)
            )
            assert by_stage[name].confidence[question.question_id] == best
    ndcg = [scoring.figures(by_stage[name], own.kinds)["nDCG@10"] for name in ("BM25", "dense", "fused")]
    assert all(0 < value < 1 for value in ndcg)


def test_a_second_run_asks_nothing_and_says_the_same(scored, questions):
    own, cache = scored
    with pytest.MonkeyPatch.context() as patch:
        for name in ("ask", "search_passages"):
            patch.setattr(Service, name, lambda *given, **more: pytest.fail("asked again"))
        assert scoring.quoted_set("tiny", SEEDS, questions, cache, bar, ToyEmbedder()) == own


def test_a_public_set_is_drawn_asked_and_written(scored, tmp_path):
    folder = tmp_path / "public"
    (folder / "qrels").mkdir(parents=True)
    texts = ["工会是职工的群众组织。", "火车从北京开往上海，要四小时。", "苹果长在树上。", "食堂十一点半开饭。"]
    corpus = [{"_id": f"d{at}", "title": "", "text": text} for at, text in enumerate(texts)]
    queries = [{"_id": f"q{at}", "text": text[:4]} for at, text in enumerate(texts[:3])]
    for name, rows in (("corpus", corpus), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    judged = "query-id\tcorpus-id\tscore\n" + "".join(f"q{at}\td{at}\t1\n" for at in range(3))
    (folder / "qrels" / "test.tsv").write_text(judged, encoding="utf-8")
    part = sampling.draw(folder, 3, 2, tmp_path / "part")
    drawn = [json.loads(line)["_id"] for line in (part / "queries.jsonl").read_text(encoding="utf-8").splitlines()]
    kept = {json.loads(line)["_id"] for line in (part / "corpus.jsonl").read_text(encoding="utf-8").splitlines()}
    assert len(drawn) == 2 and len(kept) == 3 and {name.replace("q", "d") for name in drawn} <= kept

    public = scoring.judged_set(folder, 2, tmp_path / "cache", bar, ToyEmbedder())
    assert public.questions == ("q0", "q1") and public.documents == 4
    assert scoring.figures(public.stages[0], {})["hit@1"] == 1.0
    scoreboard.write([scored[0], public], 2, tmp_path / "out")
    data = json.loads((tmp_path / "out" / "scoreboard.json").read_text(encoding="utf-8"))
    assert data["sets"]["tiny"]["near"] == 2 and data["sets"]["tiny"]["off"] == 2
    served = data["sets"]["tiny"]["stages"]["as served"]
    assert {"hit@1", "hit@5", "AUC near", "AUC off", "near answered at 5% refused", "refused"} <= served.keys()
    assert [(row["stage"], row["against"]) for row in data["comparisons"]][::2] == [
        ("dense", "BM25"), ("fused", "dense"), ("reranked", "fused"), ("read", "reranked"),
    ]  # fmt: skip
    assert (tmp_path / "out" / "risk-coverage.svg").read_text(encoding="utf-8").startswith("<svg xmlns=")
    assert "| reranked | fused | hit@1 |" in (tmp_path / "out" / "scoreboard.md").read_text(encoding="utf-8")
