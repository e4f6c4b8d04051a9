"""Write a scored run beside its report: figures and latency as JSON, questions as CSV, documents as TREC run."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rag.errors import EvaluationError
from rag.evaluation.measures.comparison import Comparison
from rag.evaluation.measures.evaluate import Evaluation, figures
from rag.evaluation.measures.runner import write_atomically
from rag.evaluation.sets.records import KINDS, Outcome, Problem
from rag.evaluation.sets.trec import ordered, run_lines

VERDICTS = {
    "hit": "命中",
    "miss": "未命中",
    "refused": "误拒",
    "false-answer": "误答",
    "correct-refusal": "正确拒答",
    "unscored": "未标注",
}
COLUMNS = (
    "编号", "类型", "问题", "期望文档", "期望原文", "备注", "无答案", "结果", "第几条命中", "前五条全中", "把握", "毫秒",
    "摘录1", "出处1", "摘录2", "出处2", "摘录3", "出处3",
)  # fmt: skip
BEIR_COLUMNS = ("编号", "问题", "相关文档", "第几名", "nDCG@10", "RR@10", "R@10", "前十名")
SHOWN = 3  # excerpts a row
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_all(evaluation: Evaluation, comparisons: Sequence[Comparison], folder: Path) -> None:
    """figures.json, latency.json, questions.csv, run.trec and, with a baseline, comparison.json."""
    write_atomically(folder / "figures.json", json_text(figures(evaluation)))
    write_atomically(folder / "latency.json", json_text(evaluation.latency_ms))
    write_atomically(folder / "problems.txt", "".join(f"{problem}\n" for problem in evaluation.problems))
    write_atomically(folder / "run.trec", "".join(f"{line}\n" for line in run_lines(evaluation.run)))
    write_atomically(folder / "questions.csv", csv_text(table(evaluation)))
    if comparisons:
        write_atomically(folder / "comparison.json", json_text([comparison_json(own) for own in comparisons]))


def json_text(value: object) -> str:
    """JSON for a file: indented, readable, always the same bytes for the same value."""
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def comparison_json(own: Comparison) -> dict[str, object]:
    """One measure of a comparison, six digits."""
    return {
        "measure": own.measure, "questions": own.questions, "ours": round(own.ours, 6),
        "baseline": round(own.baseline, 6), "difference": round(own.difference, 6), "wins": own.wins, "ties": own.ties,
        "losses": own.losses, "p": round(own.p, 6), "low": round(own.low, 6), "high": round(own.high, 6),
    }  # fmt: skip


def table(evaluation: Evaluation) -> Iterator[Sequence[str | float]]:
    """The heading row, then one row a question."""
    if evaluation.kind == "beir":
        yield BEIR_COLUMNS
        for query, own in evaluation.ranking.by_query.items():
            yield _beir_row(evaluation, query, own)
        return
    yield COLUMNS
    for outcome in evaluation.outcomes:
        yield outcome_row(outcome)


def outcome_row(outcome: Outcome) -> list[str | float]:
    """A question of a gold set with its verdict and first excerpts, as `COLUMNS`."""
    question, response = outcome.question, outcome.response
    rank = outcome.rank or outcome.document_rank
    row: list[str | float] = [
        question.question_id, question.type, question.text,
        "\n".join(dict.fromkeys(evidence.doc_id for evidence in question.evidence)),
        "\n".join(evidence.quote for evidence in question.evidence if evidence.quote), question.note,
        KINDS.get(question.kind, ""),
        VERDICTS[outcome.verdict], rank if outcome.verdict == "hit" and rank else "",
        "" if outcome.full is None else "是" if outcome.full else "否",
        round(response.confidence, 4), round(response.timings_ms.get("total", 0.0), 1),
    ]  # fmt: skip
    for shown in response.excerpts[:SHOWN]:
        row += [shown.text, f"{shown.doc_id} 第 {shown.start + 1}–{shown.end} 字"]
    return row + [""] * (len(COLUMNS) - len(row))


def summary(evaluation: Evaluation) -> list[tuple[str | float, ...]]:
    """Figure names and values, for a sheet."""
    rows: list[tuple[str | float, ...]] = [("指标", "数值")]

    def walk(name: str, value: object) -> None:
        if isinstance(value, Mapping):
            for key, item in value.items():
                walk(f"{name} {key}".strip(), item)
        elif isinstance(value, (int, float, str)):
            rows.append((name, value))

    walk("", figures(evaluation))
    return rows


def problem_rows(problems: Sequence[Problem]) -> list[tuple[str | float, ...]]:
    """Problems as table rows."""
    return [(problem.source, problem.row, problem.column, problem.message) for problem in problems]


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all. Raises EvaluationError when the folder cannot be written."""
    scratch = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_bytes(data)
        scratch.replace(path)
    except OSError as error:
        raise EvaluationError(f"写不了 {path}：{error.strerror}。/ Cannot write it.") from error


def csv_text(rows: Iterator[Sequence[str | float]]) -> str:
    """CSV that Excel opens as UTF-8. A text that Excel would run as a formula gets an apostrophe before it."""
    target = io.StringIO()
    target.write("\ufeff")
    writer = csv.writer(target)
    for row in rows:
        writer.writerow([f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell for cell in row])
    return target.getvalue()


def _beir_row(evaluation: Evaluation, query: str, own: Mapping[str, float]) -> list[str | float]:
    relevant = [doc_id for doc_id, grade in evaluation.qrels[query].items() if grade > 0]
    ranked = [doc_id for doc_id, _ in ordered(evaluation.run.get(query, {}))]
    rank = next((at for at, doc_id in enumerate(ranked, 1) if doc_id in relevant), "")
    return [
        query, evaluation.texts[query], " ".join(relevant), rank,
        *(round(own[name], 6) for name in ("nDCG@10", "RR@10", "R@10")), " ".join(ranked[:10]),
    ]  # fmt: skip
