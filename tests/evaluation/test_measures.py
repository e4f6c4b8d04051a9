"""Measures: equal to pytrec_eval and to the gold set's own scorer, and small cases counted by hand."""

from __future__ import annotations

import importlib.util
import json
import random
from pathlib import Path

import pytest

from rag.config import ROOT
from rag.evaluation.measures import honesty, ranking, spans
from rag.evaluation.measures.evaluate import IndexState, score_gold
from rag.evaluation.measures.runner import response_of
from rag.evaluation.sets.beir import read_collection
from rag.evaluation.sets.library import Library
from rag.evaluation.sets.records import Evidence, Question, Response, Shown
from rag.evaluation.sets.testset import read_gold
from rag.evaluation.sets.trec import read_run, run_lines
from rag.text.tokenizing import fold

SHARED = ROOT.parent / "shared"
BENCH = SHARED / "bench"
FOLDERS = ("drcd", "dureader_robust", "antiterror_news")
needs_shared = pytest.mark.skipif(not BENCH.is_dir(), reason="the shared benchmark data is not beside the project")


def cheap_run(folder: Path, queries: dict[str, str], qrels: dict, depth: int = 100) -> dict[str, dict[str, float]]:
    """A run from shared character pairs with some luck and many ties; every twentieth query finds nothing."""
    chance = random.Random(folder.name)
    rows = [json.loads(line) for line in (folder / "corpus.jsonl").read_text(encoding="utf-8").splitlines()]
    documents = [(row["_id"], fold(row["text"][:300])) for row in rows]
    pairs: dict[str, list[int]] = {}
    for at, (_, text) in enumerate(documents):
        for pair in {text[i : i + 2] for i in range(len(text) - 1)}:
            pairs.setdefault(pair, []).append(at)
    run: dict[str, dict[str, float]] = {}
    for number, query in enumerate(qrels):
        counts = dict.fromkeys(chance.sample(range(len(documents)), 20), 0)
        question = fold(queries[query])
        for pair in {question[i : i + 2] for i in range(len(question) - 1)}:
            for at in pairs.get(pair, ()):
                counts[at] = counts.get(at, 0) + 1
        best = sorted(counts, key=lambda at: -counts[at])[:depth]
        run[query] = {documents[at][0]: counts[at] / 3 for at in best} if number % 20 else {}
    return run


def made_folder(folder: Path) -> Path:
    """A BEIR folder of drawn words with graded judgements, so that the comparison runs on any machine."""
    chance = random.Random("made")
    words = "工会 职工 经费 劳动 合同 安全 培训 宣传 调研 慰问 竞赛 工匠".split()
    (folder / "qrels").mkdir(parents=True)
    corpus = [{"_id": f"d{at}", "title": "", "text": "".join(chance.choices(words, k=12))} for at in range(80)]
    queries = [{"_id": f"q{at}", "text": "".join(chance.choices(words, k=3))} for at in range(60)]
    judged = [
        f"{query['_id']}\t{row['_id']}\t{chance.choice((1, 1, 2))}"
        for query in queries
        for row in chance.sample(corpus, chance.randint(1, 5))
    ]
    for name, rows in (("corpus", corpus), ("queries", queries)):
        lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    (folder / "qrels" / "test.tsv").write_text("\n".join(["query-id\tcorpus-id\tscore", *judged]), encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ["made", *(pytest.param(name, marks=needs_shared) for name in FOLDERS)])
@pytest.mark.slow
def test_figures_equal_pytrec_eval_on_the_same_run_file(name, tmp_path):
    import pytrec_eval

    folder = made_folder(tmp_path / name) if name == "made" else BENCH / name
    collection = read_collection(folder)
    file = tmp_path / "run.trec"
    run = cheap_run(folder, dict(collection.queries), collection.qrels)
    file.write_text("\n".join(run_lines(run)) + "\n", encoding="utf-8")
    ours = ranking.measure(collection.qrels, read_run(file, []))

    raw: dict[str, dict[str, float]] = {}  # the same file and judgements, read without our code
    for line in file.read_text(encoding="utf-8").splitlines():
        query, _, doc_id, _, score, _ = line.split()
        raw.setdefault(query, {})[doc_id] = float(score)
    judged: dict[str, dict[str, int]] = {}
    for line in (folder / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, doc_id, grade = line.split("\t")
        judged.setdefault(query, {})[doc_id] = int(grade)
    first = {q: dict(sorted(d.items(), key=lambda item: (item[1], item[0]), reverse=True)[:10]) for q, d in raw.items()}
    names = {
        "nDCG@10": ("ndcg_cut_10", raw), "R@5": ("recall_5", raw), "R@10": ("recall_10", raw),
        "R@100": ("recall_100", raw), "AP": ("map", raw), "Success@1": ("success_1", raw),
        "Success@5": ("success_5", raw), "RR@10": ("recip_rank", first),
    }  # fmt: skip
    evaluator = {"ndcg_cut.10", "recall.5,10,100", "map", "success.1,5", "recip_rank"}
    results = {id(part): pytrec_eval.RelevanceEvaluator(judged, evaluator).evaluate(part) for part in (raw, first)}
    assert ours.queries == len(judged)
    for measure, (key, part) in names.items():
        mean = sum(found[key] for found in results[id(part)].values()) / len(judged)  # absent queries add nothing
        assert ours.means[measure] == pytest.approx(mean, abs=1e-6), measure
        for query, found in results[id(part)].items():
            assert ours.by_query[query][measure] == pytest.approx(found[key], abs=1e-6)
    assert 0 < ours.means["nDCG@10"] < 1


def test_a_query_without_results_is_zero_and_unjudged_documents_are_counted():
    qrels = {"a": {"x": 1, "y": 0}, "b": {"z": 1}, "none": {"x": 0}}
    found = ranking.measure(qrels, {"a": {"u": 3.0, "x": 2.0, "y": 1.0}})
    assert found.queries == 2  # a query without a relevant document cannot be scored
    assert found.by_query["a"]["RR@10"] == 0.5
    assert found.by_query["a"]["nDCG@10"] == pytest.approx(0.63093, abs=1e-5)
    assert found.by_query["a"]["Judged@10"] == pytest.approx(2 / 3)
    assert found.by_query["b"] == dict.fromkeys(ranking.NAMES, 0.0)
    assert found.means["Success@5"] == 0.5


def test_reciprocal_rank_stops_at_ten():
    run = {"q": {f"d{at:02}": 50.0 - at for at in range(20)}}
    assert ranking.measure({"q": {"d09": 1}}, run).means["RR@10"] == pytest.approx(0.1)
    assert ranking.measure({"q": {"d10": 1}}, run).means["RR@10"] == 0
    assert ranking.measure({}, run).queries == 0


def test_scores_fall_strictly_even_when_they_tie():
    kept = ranking.strictly_falling([("a", 1.0), ("c", 1.0), ("b", 1.0), ("d", 0.2)])
    assert [doc_id for doc_id, _ in ranking.ordered(kept)] == ["a", "c", "b", "d"]
    lines = list(run_lines({"q": kept}))
    assert len({line.split()[4] for line in lines}) == 4


def question(*evidence: Evidence, answerable: bool | None = True, kind: str = "", name: str = "q") -> Question:
    return Question(name, "问", "fact", answerable, evidence, kind=kind)


def response(*excerpts: Shown, confidence: float = 0.9) -> Response:
    return Response("q", bool(excerpts), confidence, excerpts, {"total": 5.0})


def test_sixty_per_cent_of_the_quote_is_a_hit_and_less_is_not():
    quote = Evidence("d", "十个字的一句引文啊", ((10, 20),))
    assert spans.hits(Shown("d", 0, 16), quote)
    assert not spans.hits(Shown("d", 0, 15), quote)
    assert not spans.hits(Shown("other", 0, 30), quote)


def test_several_entries_need_all_for_full_but_one_for_a_hit():
    two = question(Evidence("d", "甲", ((0, 10),)), Evidence("d", "乙", ((50, 60),)))
    far, first, second = Shown("d", 90, 99), Shown("d", 0, 10), Shown("d", 45, 65)
    assert spans.score(two, response(far, first)).rank == 2
    assert spans.score(two, response(far, first)).full is False
    assert spans.score(two, response(second, first)).full is True
    assert spans.score(two, response(second, far, far, far, far, first)).full is False
    refused = spans.score(two, response())
    assert (refused.rank, refused.full, refused.verdict) == (None, False, "refused")


def test_span_figures_by_hand():
    hit = Evidence("d", "甲", ((0, 10),))
    outcomes = [
        spans.score(question(hit), response(Shown("d", 0, 10))),
        spans.score(question(hit), response(Shown("d", 20, 30), Shown("d", 40, 52), Shown("d", 0, 10))),
        spans.score(question(hit), response()),
        spans.score(question(answerable=False), response()),
    ]
    found = spans.span_figures(outcomes)
    assert (found.questions, found.hit[1], found.hit[3]) == (3, pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert found.mrr == pytest.approx((1 + 1 / 3) / 3) and found.refused == pytest.approx(1 / 3)
    assert found.mean_characters == pytest.approx((10 + 10 + 12 + 10) / 4)
    assert (found.lead, found.lead_characters) == (0.0, 0.0)


def test_the_lead_is_what_is_highlighted_first():
    quote = Evidence("d", "甲", ((10, 20),))
    whole, half, beside, elsewhere = ((10, 20),), ((8, 13), (17, 20)), ((20, 30),), ((0, 4),)
    outcomes = [
        spans.score(question(quote), response(Shown("d", 0, 30, highlights=marked)))
        for marked in (whole, half, beside, elsewhere)
    ]
    assert [outcome.lead for outcome in outcomes] == [True, True, False, False]
    second = spans.score(
        question(quote), response(Shown("e", 0, 30, highlights=((0, 30),)), Shown("d", 0, 30, highlights=whole))
    )
    assert second.lead is None and second.rank == 2
    found = spans.span_figures([*outcomes, second])
    assert found.lead == 0.5 and found.lead_characters == (10 + 8 + 10 + 4 + 30) / 5


def test_refusal_and_calibration_by_hand():
    quote = Evidence("d", "甲", ((0, 10),))
    shown = Shown("d", 0, 10)
    outcomes = [
        spans.score(question(quote), response(shown, confidence=0.95)),
        spans.score(question(quote), response(confidence=0.35)),
        spans.score(question(answerable=False, kind="off-topic"), response(confidence=0.05)),
        spans.score(question(answerable=False, kind="hard"), response(shown, confidence=0.95)),
    ]
    found = honesty.honesty_figures(outcomes)
    assert (found.precision, found.recall, found.false_refusal, found.false_answer) == (0.5, 0.5, 0.5, 0.5)
    assert found.false_answer_by_kind == {"off-topic": 0.0, "hard": 1.0}
    # bins .0–.1: gap .05; .3–.4: gap .65; .9–1: two questions, mean .95 against .5
    assert found.ece == pytest.approx((0.05 + 0.65 + 2 * 0.45) / 4)
    assert sum(part.count for part in found.bins) == 4


def test_each_share_is_of_its_own_questions():
    """Five answerable, two of them refused; four unanswerable, three of them refused: no two shares are alike."""
    quote, shown = Evidence("d", "甲", ((0, 10),)), Shown("d", 0, 10)
    good = [spans.score(question(quote), response(*given)) for given in ((shown,), (shown,), (shown,), (), ())]
    bad = [spans.score(question(answerable=False, kind="hard"), response(*given)) for given in ((shown,), (), (), ())]
    found = honesty.honesty_figures([*good, *bad])
    assert (found.answerable, found.unanswerable) == (5, 4)
    assert (found.precision, found.recall) == (3 / 5, 3 / 4)
    assert (found.false_refusal, found.false_answer) == (2 / 5, 1 / 4)
    assert found.false_answer_by_kind == {"hard": 1 / 4} and found.counts == {"hard": 4}


def test_confidence_of_one_falls_into_the_last_bin():
    found = honesty.reliability([1.0, 0.0, 0.1], [True, False, False])
    assert [part.count for part in found] == [1, 1, 0, 0, 0, 0, 0, 0, 0, 1]
    assert honesty.honesty_figures([]).ece is None
    assert honesty.percentiles([]) == {}
    assert honesty.percentiles([10, 20, 30])["p50"] == 20


@needs_shared
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # of the scorer, which is not ours
def test_span_figures_equal_the_gold_sets_own_scorer(tmp_path, capsys):
    gold = SHARED / "eval" / "seeds-dev.jsonl"
    seeds = ROOT / "seeds"
    texts = {path.name: path.read_bytes().decode("utf-8") for path in seeds.glob("*.txt")}
    library = Library(dict.fromkeys(texts, ""), texts.__getitem__, lambda text: ())
    test_set = read_gold(gold, library)
    assert not test_set.problems and len(test_set.questions) == 80

    chance = random.Random(7)
    predictions = []
    for own in test_set.questions:
        excerpts = []
        for _ in range(chance.randrange(0, 9)):
            doc, start = chance.choice(list(texts)), chance.randrange(0, 3000)
            if own.evidence and chance.random() < 0.5:
                entry = chance.choice((*own.evidence, *own.alternatives))
                doc, start = entry.doc_id, max(0, entry.spans[0][0] + chance.randrange(-60, 60))
            excerpts.append({"doc": f"somewhere/{doc}", "start": start, "end": start + chance.randrange(20, 250)})
        predictions.append({"id": own.question_id, "answerable": bool(excerpts), "excerpts": excerpts})
    predictions = predictions[3:]  # a question without a prediction counts as refused
    file = tmp_path / "predictions.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in predictions), encoding="utf-8")

    spec = importlib.util.spec_from_file_location("score_seeds", SHARED / "eval" / "score_seeds.py")
    scorer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(scorer)
    theirs = scorer.main(str(gold), str(file), str(seeds))
    capsys.readouterr()

    answers = {str(line["id"]): response_of(line, library.resolve) for line in predictions}
    ours = score_gold(test_set, answers, IndexState(1, 5, 1, ""))
    found, honest = ours.spans, ours.honesty
    assert {k: round(found.hit[int(k[3:])], 4) for k in ("hit1", "hit3", "hit5")} == {
        k: theirs[k] for k in ("hit1", "hit3", "hit5")
    }
    assert (round(found.mrr, 4), round(found.full, 4)) == (theirs["mrr"], theirs["full5"])
    assert round(found.refused, 4) == theirs["refused"]
    assert round(found.mean_characters, 1) == theirs["mean_excerpt_chars"]
    assert round(honest.false_answer, 4) == theirs["false_answer_all"]
    for kind, share in honest.false_answer_by_kind.items():
        assert round(share, 4) == theirs["false_answer"][kind]
    by_type = {kind: f"{round(own.hit[1] * own.questions)}/{own.questions}" for kind, own in ours.types.items()}
    assert by_type == theirs["hit1_by_type"]
    assert 0 < found.hit[1] < 1
