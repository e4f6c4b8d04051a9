"""What the command line shows and reads: report lines, answers, progress bars, files of questions."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from rag.datamodels import Answer, Context, IngestLine
from rag.errors import UsageError, YuanwenError
from rag.ingest.cleaning import REASONS
from rag.search.explaining import place_lines, terms_lines
from rag.service import Service

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)


def kept_and_removed(lines: Iterable[IngestLine]) -> str:
    """What can be found of documents and what was removed, by reason: 可检索 980 字；剔除 20 字（页眉页脚 20）."""
    kept = 0
    removed: Counter[str] = Counter()
    for line in lines:
        kept += line.kept
        removed.update(line.removals)
    if not removed.total():
        return f"可检索 {kept} 字（100%）"
    reasons = "，".join(f"{REASONS.get(reason, reason)} {count}" for reason, count in removed.most_common() if count)
    return f"可检索 {kept} 字；剔除 {removed.total()} 字（{reasons}）"


def print_line(line: IngestLine) -> None:
    """One document's line of the ingest report."""
    if line.error:
        err.print(Text(f"✗ {line.error}"))
        return
    pages = f"，{line.pages} 页" if line.pages else ""
    out.print(Text(
        f"✓ {line.doc_id}（{line.media_type} {line.encoding}{pages}）{line.characters} 字 → {line.passages} 段，"
        f"{kept_and_removed([line])}"
    ))  # fmt: skip
    for warning in line.warnings:
        err.print(Text(f"  注意：{warning}"))


def print_answer(answer: Answer, service: Service, *, explain: bool) -> None:
    """An answer for people; with `explain`, how the question was read and why each excerpt has its rank."""
    for line in terms_lines(answer.terms, answer.question) if explain else ():
        out.print(Text(line, style="dim"))
    if not answer.answerable:
        out.print(f"现有文档中没有能回答这个问题的内容（把握 {answer.confidence:.0%}）。/ Not in these documents.")
        for excerpt in answer.nearest:
            where = " › ".join([f"《{excerpt.title}》", *excerpt.headings])
            out.print(
                Text(f"最接近的：{where}（{excerpt.doc_id} 第 {excerpt.start + 1}–{excerpt.end} 字）", style="dim")
            )
        return
    for excerpt in answer.excerpts:
        where = " › ".join([f"《{excerpt.title}》", *excerpt.headings, *([excerpt.page] if excerpt.page else [])])
        out.print(Text(f"[{excerpt.marker}] {where}", style="bold"))
        if excerpt.facts:
            out.print(Text(" · ".join(excerpt.facts.values()), style="dim"))
        around = excerpt.context or Context(excerpt.start, excerpt.end, excerpt.start, excerpt.end, ())
        shown, at = Text(), excerpt.start
        shown.append(service.text(excerpt.doc_id, around.start, excerpt.start), style="dim")
        for start, end in excerpt.highlights:
            shown.append(excerpt.text[at - excerpt.start : start - excerpt.start])
            shown.append(excerpt.text[start - excerpt.start : end - excerpt.start], style="reverse")
            at = end
        shown.append(excerpt.text[at - excerpt.start :])
        shown.append(service.text(excerpt.doc_id, excerpt.end, around.end), style="dim")
        out.print(shown)
        out.print(Text(f"    —— {excerpt.doc_id} 第 {excerpt.start + 1}–{excerpt.end} 字", style="dim"))
        for line in place_lines(excerpt) if explain else ():
            out.print(Text(f"    {line}", style="dim"))
        out.print()


@contextmanager
def bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr; yields `update(done, total)`."""
    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task(label, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def asked(question: str | None, batch: Path | None, out_file: Path | None) -> str | tuple[Path, Path]:
    """One question, or a file of them with the place for the answers. Raises UsageError for anything else."""
    if (question is None) == (batch is None):
        raise UsageError("请给出一个问题，或用 --batch 给出问题文件，二者择一。/ Give a question or --batch.")
    if question is not None and out_file is None:
        return question
    if batch is not None and out_file is not None:
        return batch, out_file
    raise UsageError("--batch 与 --out 要一起用。/ --batch and --out go together.")


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One line of a batch of questions.

    line: its number in the file, from 1. documents: globs of the documents to search, from the line itself; none where it
    names none. problem: why it cannot be asked, if so.
    """

    line: int
    identifier: str
    question: str = ""
    documents: tuple[str, ...] = ()
    problem: UsageError | None = None


def run_batch(
    batch: Path,
    out_file: Path,
    work: Callable[[BatchRow], list[str]],
    failed: Callable[[BatchRow, YuanwenError], list[str]],
) -> None:
    """Answer a file of questions in order; a bad line is reported by number and the others still run.

    work(row) and failed(row, error) return output lines. Raises UsageError when nothing could be done.
    """
    rows = list(_questions(batch))
    done = 0
    scratch = out_file.with_name(f".{out_file.name}.part")
    try:
        with scratch.open("w", encoding="utf-8") as target, bar("提问 / asking") as update:
            for number, row in enumerate(rows, 1):
                try:
                    if row.problem is not None:
                        raise row.problem
                    produced = work(row)
                    done += 1
                except UsageError as error:
                    err.print(Text(f"{batch.name} 第 {row.line} 行：{error}"))
                    produced = failed(row, error)
                target.writelines(f"{text}\n" for text in produced)
                update(number, len(rows))
        scratch.replace(out_file)
    except OSError as error:
        raise UsageError(f"写不了 {out_file}：{error.strerror}。/ Cannot write the result.", code="io") from error
    if not done:
        raise UsageError(f"{batch.name} 里没有一行可用的问题。/ No usable question.", code="batch-empty")


def _questions(batch: Path) -> Iterator[BatchRow]:
    """Each non-blank line; those that cannot be asked say why."""
    try:
        text = batch.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"读不了 {batch}：{error}。需要 UTF-8 的 JSON Lines。/ Cannot read it.", code="io") from error
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield _row(number, line)


def _row(number: int, line: str) -> BatchRow:
    """One line of a batch as it is asked."""
    try:
        row = json.loads(line)
        identifier = str(row.get("id", row.get("_id", number)))
        question, documents = row.get("question", row.get("text")), row.get("documents", [])
    except (ValueError, AttributeError):
        return BatchRow(number, str(number), problem=UsageError("不是 JSON 对象。/ not a JSON object", code="row"))
    if not isinstance(question, str):
        return BatchRow(number, identifier, problem=UsageError('缺少 "question"。/ no "question"', code="row"))
    if not isinstance(documents, list) or not all(isinstance(glob, str) and glob for glob in documents):
        said = UsageError('"documents" 应为通配符的列表，如 ["规章/*"]。/ "documents" must list globs', code="row")
        return BatchRow(number, identifier, question, problem=said)
    return BatchRow(number, identifier, question, tuple(documents))
