"""The commands `yuanwen eval` and `yuanwen tune`. Progress and problems go to stderr, results to stdout."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from rag.cli.terminal import bar, err, out
from rag.errors import UsageError

if TYPE_CHECKING:
    from rag.evaluation.measures.comparison import Comparison
    from rag.evaluation.measures.evaluate import Evaluation
    from rag.evaluation.measures.tuning import Tuning
    from rag.evaluation.sets.records import Problem

PROBLEMS_SHOWN = 20

IndexOption = Annotated[Path | None, typer.Option("--index", help="索引文件夹（BEIR 缺省为另建的缓存索引）")]
ReportOption = Annotated[Path | None, typer.Option("--report", help="报告文件夹；中断后同样的命令会接着做")]
BaselineOption = Annotated[
    Path | None, typer.Option("--baseline", help="与之比较：另一次的报告文件夹、回答 .jsonl 或 TREC run")
]
RunOption = Annotated[Path | None, typer.Option("--run", help="不提问，只给已有的结果打分：回答 .jsonl 或 TREC run")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("eval")(evaluate_command)
    app.command("tune")(tune_command)


def evaluate_command(
    dataset: Annotated[
        Path | None, typer.Argument(help="BEIR 文件夹、题库 .jsonl、填好的 .xlsx，或 TREC 题目（加 --qrels）")
    ] = None,
    report: ReportOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False,
    baseline: BaselineOption = None,
    run: RunOption = None,
    top_k: Annotated[int | None, typer.Option("--top-k", min=1, max=100, help="每题最多几条摘录（缺省同设置）")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="只用前若干题")] = None,
    index: IndexOption = None,
    qrels: Annotated[Path | None, typer.Option("--qrels", help="TREC 判定文件，与 TREC 题目一起用")] = None,
    gate: Annotated[
        float | None, typer.Option("--gate", min=0, max=1, help="与 --baseline 同用：hit@5 下降超过此数则退出码为 1")
    ] = None,
    template: Annotated[Path | None, typer.Option("--template", help="只写出空白的 Excel 模板")] = None,
    draft: Annotated[Path | None, typer.Option("--draft", help="只从文档起草题目，写成 Excel，供人核对")] = None,
    count: Annotated[int, typer.Option("--count", min=1, help="起草多少题")] = 50,
) -> None:
    """成批评测：用实际服务的同一路径回答，给出各项指标和报告。/ Evaluate on the path that is served."""
    import json

    from rag.evaluation.desk.ordering import Order, carry_out
    from rag.evaluation.measures.comparison import compared
    from rag.evaluation.measures.evaluate import figures
    from rag.evaluation.reports import exports
    from rag.evaluation.reports.report import write_report

    if template is not None or draft is not None:
        _write_sheet(template, draft, count, index)
        return
    if gate is not None and baseline is None:
        raise UsageError("--gate 要与 --baseline 一起用。/ --gate needs --baseline.")
    if dataset is None:
        raise UsageError("请给出评测集：BEIR 文件夹、题库 .jsonl 或 .xlsx。/ Give a data set.")
    done = carry_out(Order(dataset, qrels, report, run, baseline, index, top_k, limit), bar)
    ours, theirs = done.ours, done.theirs
    both = compared(ours, theirs) if theirs is not None else None
    comparisons = both.table if both else ()
    _show_problems([*ours.problems, *done.beside])
    if report is not None:
        write_report(ours, both, report, done.text_of)
    if as_json:
        found = figures(ours) | {"latency_ms": ours.latency_ms, "problems": list(map(str, ours.problems))}
        if comparisons:
            found["comparison"] = [exports.comparison_json(own) for own in comparisons]
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        _show(ours, comparisons)
        if report is not None:
            out.print(Text(f"报告：{report / 'report.html'}"))
    if gate is not None and theirs is not None:
        _judge(ours, theirs, gate)


def tune_command(
    dataset: Annotated[Path, typer.Argument(help="题库 .jsonl 或 .xlsx；不要用对外报告的那一套")],
    weights: Annotated[str, typer.Option("--weights", help="试哪些 lexical_weight，逗号分隔")] = "",
    sizes: Annotated[str, typer.Option("--sizes", help="试哪些 passage_size，逗号分隔（每个都要重新编码）")] = "",
    rerank: Annotated[
        str,
        typer.Option(
            "--rerank", help="试哪些 reader_candidates（没有阅读模型时为 rerank_candidates），逗号分隔；0 为不读"
        ),
    ] = "",
    folds: Annotated[int, typer.Option("--folds", min=2, max=20, help="交叉验证的折数")] = 5,
    do_apply: Annotated[bool, typer.Option("--apply", help="确有改进时写入 yuanwen.toml")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False,
    index: IndexOption = None,
) -> None:
    """小范围调参：用交叉验证比较融合权重和段落长度，只打印不改动，除非 --apply。/ Search settings honestly."""
    import json

    from rag.config import load_settings
    from rag.evaluation.desk import desk
    from rag.evaluation.desk.ordering import serving
    from rag.evaluation.measures import tuning
    from rag.evaluation.reports import saved
    from rag.evaluation.reports.exports import comparison_json
    from rag.evaluation.sets.library import library_of

    grid: dict[str, tuple[float, ...]] = {"lexical_weight": _numbers(weights, "--weights") or tuning.WEIGHTS}
    if sizes:
        grid["passage_size"] = tuple(int(size) for size in _numbers(sizes, "--sizes"))
    service = serving(index)
    if rerank:
        second = "rerank_candidates" if service.reader is None else "reader_candidates"
        grid[second] = tuple(int(depth) for depth in _numbers(rerank, "--rerank"))
    for name, values in grid.items():
        for value in values:
            load_settings(**{name: value})  # refuses what no setting may be
    whole = saved.read_test_set(dataset, library_of(service))
    test_set = tuning.unreported(whole, desk.reported(service.settings.index))
    _show_problems(test_set.problems)
    with bar("调参 / tuning") as update:
        found = tuning.tune(service, test_set, grid, folds, update)
    if as_json:
        rows = [dict(row.values) | {"MRR": row.mrr, "hit@1": row.hit1, "hit@5": row.hit5} for row in found.rows]
        typer.echo(json.dumps({"rows": rows, "validated": comparison_json(found.validated)}, ensure_ascii=False))
    else:
        _show_tuning(found)
    if found.questions < tuning.ENOUGH:
        err.print(f"注意：只有 {found.questions} 题，结果多半是运气。/ Too few questions to trust.")
    if do_apply and not found.worthwhile:
        err.print("没有可靠的改进，yuanwen.toml 没有改动。/ No reliable gain: nothing written.")
    elif do_apply:
        tuning.apply(found.best.values)
        out.print("已写入 yuanwen.toml；改了段落长度的话，请运行 yuanwen index 重建。/ Written.")


def _show_tuning(found: Tuning) -> None:
    names = list(found.rows[0].values)
    table = Table(*names, "MRR", "hit@1", "hit@5", "", title=f"{found.questions} 题")
    for row in found.rows:
        note = "当前" if row.current else "最好" if row is found.best else ""
        cells = (*(f"{row.values[name]:g}" for name in names), f"{row.mrr:.4f}", f"{row.hit1:.3f}", f"{row.hit5:.3f}")
        table.add_row(*cells, note)
    out.print(table)
    own = found.validated
    out.print(
        f"交叉验证（在没有参与挑选的题上）：MRR {own.ours:.4f}，当前设置 {own.baseline:.4f}，差 {own.difference:+.4f}"
        f"（95% 区间 {own.low:+.4f} … {own.high:+.4f}，p = {own.p:.3f}）。"
        + ("值得改。" if found.worthwhile else "没有可靠的改进。")
    )


def _numbers(text: str, option: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise UsageError(f"{option} 应为逗号分隔的数字，给的是 {text}。/ Numbers, please.") from error


def _write_sheet(template: Path | None, draft: Path | None, count: int, index: Path | None) -> None:
    """The blank template, or drafted questions in its form."""
    from rag.evaluation.desk import drafting
    from rag.evaluation.desk.ordering import serving
    from rag.evaluation.reports.exports import write_bytes
    from rag.evaluation.sets.sheets import template_bytes

    if template is not None:
        write_bytes(template, template_bytes())
        out.print(Text(f"模板：{template}"))
    if draft is not None:
        found = drafting.draft(serving(index), count)
        write_bytes(draft, template_bytes(drafting.rows(found)))
        out.print(Text(f"起草了 {len(found)} 题：{draft}。请逐题核对后再用。"))


def _judge(ours: Evaluation, theirs: Evaluation, allowed: float) -> None:
    from rag.evaluation.desk.gate import gate

    found = gate(ours, theirs, allowed)
    err.print(Text(found.reason))
    if not found.passed:
        raise typer.Exit(1)


def _show_problems(problems: Sequence[Problem]) -> None:
    for problem in problems[:PROBLEMS_SHOWN]:
        err.print(Text(f"注意：{problem}"))
    if len(problems) > PROBLEMS_SHOWN:
        err.print(f"……另有 {len(problems) - PROBLEMS_SHOWN} 处，见报告文件夹的 problems.txt。")


def _show(ours: Evaluation, comparisons: Sequence[Comparison]) -> None:
    """The figures as tables."""
    where = f"；索引第 {ours.index.generation} 代，{ours.index.documents} 个文档" if ours.index.documents else ""
    out.print(f"{ours.name}：{len(ours.texts)} 题{where}。", markup=False)
    if ours.spans is not None and ours.spans.questions:
        own = ours.spans
        table = Table("类型", "题数", "hit@1", "hit@3", "hit@5", "MRR", "full@5", "lead", "误拒", title="原文命中")
        for kind, part in [*ours.types.items(), ("合计", own)]:
            rates = (part.hit[1], part.hit[3], part.hit[5], part.mrr, part.full, part.lead, part.refused)
            table.add_row(Text(kind), str(part.questions), *(f"{rate:.3f}" for rate in rates))
        out.print(table)
    if ours.ranking.queries:
        table = Table("指标", "数值", title=f"文档排序（{ours.ranking.queries} 题）")
        for name, value in ours.ranking.means.items():
            table.add_row(name, f"{value:.4f}")
        out.print(table)
    _show_honesty(ours)
    if times := ours.latency_ms.get("total"):
        out.print("用时（毫秒）：" + "，".join(f"{name} {value:.0f}" for name, value in times.items()))
    if comparisons:
        table = Table("指标", "题数", "本次", "基线", "差", "95% 区间", "胜/平/负", "p", title="与基线比较")
        for one in comparisons:
            table.add_row(
                one.measure, str(one.questions), f"{one.ours:.4f}", f"{one.baseline:.4f}", f"{one.difference:+.4f}",
                f"{one.low:+.4f} … {one.high:+.4f}", f"{one.wins}/{one.ties}/{one.losses}", f"{one.p:.4f}",
            )  # fmt: skip
        out.print(table)


def _show_honesty(ours: Evaluation) -> None:
    own = ours.honesty
    if own is None or own.ece is None:
        return

    def share(value: float | None) -> str:
        return "—" if value is None else f"{value:.1%}"

    shares = own.false_answer_by_kind.items()
    kinds = "，".join(f"{kind} {value:.1%}（{own.counts[kind]} 题）" for kind, value in shares)
    out.print(
        f"拒答：精确率 {share(own.precision)}，召回率 {share(own.recall)}；误拒 {share(own.false_refusal)}；"
        f"误答 {share(own.false_answer)}{'：' + kinds if kinds else ''}；校准误差 ECE {own.ece:.3f}", markup=False,
    )  # fmt: skip
