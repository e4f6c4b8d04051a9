"""The report: one self-contained HTML page that needs no network and no script, with data files beside it.

Every text is escaped by jinja2, control characters are replaced, direction marks are isolated, and the page's own
content policy lets nothing load: a document cannot act on who reads the report.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from rag.evaluation.measures.comparison import Compared
from rag.evaluation.measures.evaluate import Evaluation
from rag.evaluation.measures.runner import write_atomically
from rag.evaluation.measures.spans import SpanFigures
from rag.evaluation.reports import charts, exports
from rag.evaluation.reports.saved import keep
from rag.evaluation.reports.views import BEIR_FILTERS, Card, Plot, Table, beir_rows, changed_rows, gold_rows
from rag.evaluation.sets.records import KINDS
from rag.evaluation.sets.sheets import results_bytes
from rag.evaluation.sets.trec import ordered

if TYPE_CHECKING:
    from jinja2 import Template

PAGE = "report.html"
PROBLEMS_MAX = 200
BOTH = (("main", "本次"), ("other", "基线"))  # the key of a plot with two curves
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def write_report(
    evaluation: Evaluation,
    compared: Compared | None,
    folder: Path,
    text_of: Callable[[str], str] = lambda doc_id: "",
) -> Path:
    """Write report.html, questions.xlsx and the data files; returns the page's path.

    text_of: a document's text, to show what was found in a BEIR folder. Raises EvaluationError when nothing can be
    written there.
    """
    exports.write_all(evaluation, compared.table if compared else (), folder)
    keep(evaluation, folder)
    rows = [list(row) for row in exports.table(evaluation)]
    sheets: dict[str, Sequence[Sequence[str | float]]] = {"概要": exports.summary(evaluation), "题目": rows}
    if evaluation.problems:
        sheets["不能用的行"] = [("文件", "行", "列", "说明"), *exports.problem_rows(evaluation.problems)]
    exports.write_bytes(folder / "questions.xlsx", results_bytes(sheets))
    write_atomically(folder / PAGE, page(evaluation, compared, text_of))
    return folder / PAGE


def page(
    evaluation: Evaluation, compared: Compared | None = None, text_of: Callable[[str], str] = lambda doc_id: ""
) -> str:
    """The whole page as HTML."""
    gold = evaluation.kind == "gold"
    rows = list(gold_rows(evaluation) if gold else beir_rows(evaluation, text_of))
    present = {row.verdict for row in rows}
    filters = {key: label for key, label in (exports.VERDICTS if gold else BEIR_FILTERS).items() if key in present}
    return _template().render(
        name=evaluation.name, kind=evaluation.kind, asked=len(evaluation.texts), index=evaluation.index,
        make=_make(evaluation.index.make), bad_rows=sum(problem.fatal for problem in evaluation.problems),
        cards=_cards(evaluation), plots=tuple(_plots(evaluation, compared)),
        tables=tuple(_tables(evaluation, compared)),
        changes=changed_rows(compared, text_of), measure=compared.measure if compared else "",
        problems=evaluation.problems[:PROBLEMS_MAX], more_problems=max(0, len(evaluation.problems) - PROBLEMS_MAX),
        questions=rows, shown=len(rows), left_out=len(evaluation.texts) - len(rows), filters=filters,
    )  # fmt: skip


def _cards(evaluation: Evaluation) -> tuple[Card, ...]:
    means, own, honest = evaluation.ranking.means, evaluation.spans, evaluation.honesty
    found: list[Card] = []
    if own is not None and own.questions:
        found = [
            Card("hit@1", _percent(own.hit[1]), f"{own.questions} 题"), Card("hit@5", _percent(own.hit[5])),
            Card("MRR", f"{own.mrr:.3f}"), Card("前五条全中", _percent(own.full)),
            Card("首句即答", _percent(own.lead), f"首条命中时；平均 {own.lead_characters:.0f} 字"),
        ]  # fmt: skip
    elif evaluation.ranking.queries:
        found = [Card(name, f"{means[name]:.3f}") for name in ("nDCG@10", "RR@10", "R@10", "R@100", "Success@1")]
    if honest is not None and honest.ece is not None:
        found += [
            Card("误拒", _percent(honest.false_refusal), f"有答案 {honest.answerable} 题"),
            Card("误答", _percent(honest.false_answer), f"无答案 {honest.unanswerable} 题"),
            Card("校准误差", f"{honest.ece:.3f}", "ECE，越小越好"),
        ]
    if times := evaluation.latency_ms.get("total"):
        found.append(Card("用时中位数", f"{times['p50']:.0f} ms", f"p95 {times['p95']:.0f} ms"))
    return tuple(found)


def _plots(evaluation: Evaluation, compared: Compared | None) -> Iterator[Plot]:
    own, honest = evaluation.spans, evaluation.honesty
    if own is not None and own.questions:
        yield Plot("各类问题", charts.by_type(evaluation.types.items()), (("main", "hit@1"), ("soft", "hit@5")))
        depth = max([5, *(len(outcome.response.excerpts) for outcome in evaluation.outcomes)])
        other = _curve(compared.baseline.spans, depth) if compared and compared.baseline.spans else []
        yield Plot("前 k 条的命中率", charts.hit_curve(_curve(own, depth), other), BOTH if other else ())
    elif evaluation.ranking.queries and evaluation.kind == "beir":
        other = _ranks(compared.baseline) if compared else []
        curves = charts.hit_curve(_ranks(evaluation), other, "前 k 篇文档")
        yield Plot("前 k 名里有相关文档的比例", curves, BOTH if compared else ())
    if honest is not None and honest.ece is not None:
        bars = (("soft", "实际有答案的比例（数字为题数）"), ("other", "完全校准"))
        yield Plot("可靠性：说有多大把握，就有多大比例真有答案", charts.reliability(honest.bins), bars)
    if evaluation.total_ms:
        yield Plot("用时", charts.histogram(evaluation.total_ms))
    if compared is not None:
        yield Plot("与基线逐题比较", charts.win_loss(compared.table), (("good", "胜"), ("rule", "平"), ("bad", "负")))


def _tables(evaluation: Evaluation, compared: Compared | None) -> Iterator[Table]:
    own, honest = evaluation.spans, evaluation.honesty
    if compared is not None:
        yield Table(
            "与基线比较", ("指标", "题数", "本次", "基线", "差", "95% 区间", "胜 / 平 / 负", "p"),
            tuple(
                (c.measure, str(c.questions), f"{c.ours:.4f}", f"{c.baseline:.4f}", f"{c.difference:+.4f}",
                 f"{c.low:+.4f} … {c.high:+.4f}", f"{c.wins} / {c.ties} / {c.losses}", f"{c.p:.4f}")
                for c in compared.table
            ), "p 来自配对随机化检验，区间来自自助法；p 小于 0.05 才算有把握的差别。",
        )  # fmt: skip
    if own is not None and own.questions:
        rows = tuple(_span_row(kind, part) for kind, part in [*evaluation.types.items(), ("合计", own)])
        yield Table("原文命中", ("类型", "题数", "hit@1", "hit@3", "hit@5", "MRR", "full@5", "lead", "误拒"), rows)
    if honest is not None and honest.unanswerable:
        shares = honest.false_answer_by_kind.items()
        rows = tuple((f"{KINDS[kind]}（{kind}）", str(honest.counts[kind]), _percent(share)) for kind, share in shares)
        note = f"拒答精确率 {_percent(honest.precision)}，召回率 {_percent(honest.recall)}。"
        yield Table("无答案的问题", ("种类", "题数", "误答"), rows, note)
    if evaluation.ranking.queries:
        means = evaluation.ranking.means
        yield Table(
            "文档排序", ("题数", *means), ((str(evaluation.ranking.queries), *(f"{v:.4f}" for v in means.values())),)
        )
    if evaluation.latency_ms.get("total"):
        names = {"total": "合计", "embed": "编码", "search": "检索", "rerank": "重排"}
        times = {part: own for part, own in evaluation.latency_ms.items() if own}
        rows = tuple((names[part], *(f"{value:.1f}" for value in own.values())) for part, own in times.items())
        yield Table("用时（毫秒）", ("环节", "中位", "p90", "p95", "p99", "平均", "最大"), rows)


def _curve(own: SpanFigures, depth: int) -> list[float]:
    return [value for k, value in own.hit.items() if k <= depth]


def _ranks(evaluation: Evaluation) -> list[float]:
    """Share of queries with a relevant document among the first k, k from 1 to 10."""
    counts = [0] * 10
    for query, grades in evaluation.qrels.items():
        first = [doc_id for doc_id, _ in ordered(evaluation.run.get(query, {}))[:10]]
        rank = next((at for at, doc_id in enumerate(first) if grades.get(doc_id, 0) > 0), None)
        for at in range(10):
            counts[at] += rank is not None and rank <= at
    return [count / max(1, evaluation.ranking.queries) for count in counts]


def _span_row(kind: str, own: SpanFigures) -> tuple[str, ...]:
    rates = (own.hit[1], own.hit[3], own.hit[5], own.mrr, own.full, own.lead, own.refused)
    return (kind, str(own.questions), *(f"{rate:.3f}" for rate in rates))


def _make(make: str) -> str:
    parts = json.loads(make or "{}")
    return "；".join(f"{name} {value}" for name, value in parts.items())


def _percent(value: float | None) -> str:
    return "—" if value is None else f"{value:.1%}"


def _clean(text: object) -> str:
    """A text without characters that no page may hold."""
    return _UNSEEN.sub("\ufffd", str(text))


@lru_cache(maxsize=1)
def _template() -> Template:
    import jinja2

    source = resources.files("rag").joinpath("data/evaluation_report.html.j2").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters["clean"] = _clean
    return environment.from_string(source)
