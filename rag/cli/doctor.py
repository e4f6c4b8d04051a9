"""Check every promise on an index: what is stored is what is cited, whole, in step and of one make."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from rag.cli.terminal import kept_and_removed
from rag.datamodels import Passage
from rag.errors import IndexUnusable
from rag.index.catalog import Record
from rag.index.snapshot import Snapshot
from rag.ingest.loading import reader_of
from rag.service import Service
from rag.text.spans import mend, uncovered

SAMPLE = 50  # vectors compared with brute force


class Check(NamedTuple):
    """One promise: whether it holds, and what was looked at or is wrong."""

    name: str
    good: bool
    detail: str


def examine(service: Service) -> list[Check]:
    """Check an index; never raises for what it finds, only for what makes looking impossible."""
    damage = service.catalog.check()
    checks = [Check("数据库完好 / database", not damage, "；".join(damage[:3]) or "完整性与外键检查通过")]
    try:
        current = service.current()
    except IndexUnusable as error:
        return [*checks, Check("索引可用 / index", False, str(error))]
    records = {record.document.doc_id: record for record in service.documents()}
    entries = list(service.catalog.entries())
    loose = [
        entry.passage.passage_id
        for entry in entries
        if mend(records[entry.passage.doc_id].document.text, entry.passage.start, entry.passage.end, entry.passage.cuts)
        != entry.passage.text
    ]
    checks.append(_check("引文精确 / exact", loose, f"{len(entries)} 个段落逐字等于原文"))
    lost = []
    passages: dict[str, list[Passage]] = defaultdict(list)
    for entry in entries:
        passages[entry.passage.doc_id].append(entry.passage)
    for doc_id, record in records.items():
        spans = [(passage.start, passage.end) for passage in passages[doc_id]]
        removed = [(removal.start, removal.end) for removal in record.removals]
        lost += [f"{doc_id} 第 {a} 字" for a, _ in uncovered(record.document.text, spans, removed)]
        # 0: a report written before it had this figure
        if record.report.kept and record.report.kept != sum(
            len("".join(passage.text.split())) for passage in passages[doc_id]
        ):
            lost.append(f"{doc_id} 报告的可检索字数")
    checks.append(
        _check(
            "内容完整 / whole",
            lost,
            f"{len(records)} 个文档，{kept_and_removed(record.report for record in records.values())}",
        )
    )
    found = service.calibration()
    checks.append(Check(
        "诚实拒答 / honest", found.spread > 0,
        f"已按本索引校准：无关问题误答 {found.false_answer:.1%}，有据问题误拒 {found.false_refusal:.1%}（{found.own} 题，"
        f"95% 把握不超过 {found.refusal_bound:.1%}）",
    ))  # fmt: skip
    checks.append(
        _check("同一真相 / one truth", _out_of_step(service, current), f"第 {current.generation} 代，派生索引一致")
    )
    checks.append(Check("不混用 / one make", True, f"{service.catalog.fact('make') or ''}{_read_before(records)}"))
    return checks


def _read_before(records: Mapping[str, Record]) -> str:
    """The documents whose text an older loader read, which were made again from it because their files are not kept."""
    old = [
        doc_id for doc_id, one in records.items() if one.document.loader not in {"", reader_of(one.document.media_type)}
    ]
    return f"；{len(old)} 个文档的文字是旧版读取程序读出的：{'、'.join(old[:3])}" if old else ""


def _check(name: str, wrong: list[str], good: str) -> Check:
    return Check(name, not wrong, good if not wrong else f"{len(wrong)} 处不符，如 {'、'.join(wrong[:3])}")


def _out_of_step(service: Service, current: Snapshot) -> list[str]:
    """Differences between the catalog's vectors and what FAISS returns."""
    entries = list(service.catalog.entries())
    stored = service.catalog.vectors()
    wrong = [f"{entry.passage.passage_id} 缺向量" for entry in entries if entry.key not in stored]
    if wrong or len(entries) != len(current.passages):
        return wrong or [f"段落数 {len(entries)} ≠ {len(current.passages)}"]
    matrix = np.stack([stored[entry.key] for entry in entries])
    if not np.allclose(np.linalg.norm(matrix, axis=1), 1, atol=1e-3):
        wrong.append("有向量不是单位长度")
    for row in range(0, len(entries), max(1, len(entries) // SAMPLE)):
        _, scores = current.passage_vectors.search(matrix[row], 1)
        if abs(float((matrix @ matrix[row]).max()) - float(scores[0])) > 1e-3:
            wrong.append(entries[row].passage.passage_id)
    return wrong
