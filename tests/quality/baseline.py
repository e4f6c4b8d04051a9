"""The kept results that the quality test compares with: `python -m tests.quality.baseline "why"` asks everything and writes them.

Commit what it writes alone, with the reason as its message: a change that makes figures fall is seen in review as such.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.machine import machine
from rag.config import Settings
from rag.service import Service
from tests.quality import slices
from tests.quality.measuring import Result, ask_quoted, documents, figures, search_judged

BASELINE = Path(__file__).with_name("baseline.json")
RULE = "Changed in a commit of its own that says why, never in the change that needs it."


def measured(scratch: Path) -> dict[str, dict[str, Result]]:
    """Index and ask all sets in a folder that begins empty."""
    found: dict[str, dict[str, Result]] = {}
    embedder = None
    for asked in slices.quoted(scratch):
        service = Service(Settings(index=scratch / f"index-{asked.name}", latency_budget_ms=0), embedder)
        service.ingest([asked.corpus], mirror=True)
        embedder = service.embedder
        found[asked.name] = ask_quoted(service, asked)
    for part in slices.judged(scratch):
        service = Service(Settings(index=scratch / f"index-{part.name}", latency_budget_ms=0), embedder)
        service.ingest_documents(documents(part.folder), mirror=True)
        found[part.name] = search_judged(service, part)
    return found


def read_baseline() -> dict[str, dict[str, Result]]:
    """What was kept, by set and question."""
    kept = json.loads(BASELINE.read_text(encoding="utf-8"))["sets"]
    return {name: {question: Result(*row) for question, row in rows.items()} for name, rows in kept.items()}


def as_text(found: Mapping[str, Mapping[str, Result]], why: str) -> str:
    """The file: what made it change, the figures for reading, and a line a question for comparing."""
    head = {
        "why": why,
        "rule": RULE,
        "machine": machine(),
        "figures": {name: {key: round(own, 4) for key, own in figures(rows).items()} for name, rows in found.items()},
        "columns": list(Result.__dataclass_fields__),
    }
    sets = {name: {question: _row(own) for question, own in rows.items()} for name, rows in found.items()}
    lines = json.dumps(head, ensure_ascii=False, indent=1).removesuffix("\n}") + ',\n "sets": {'
    for name, rows in sets.items():
        inside = ",\n".join(f"   {json.dumps(question)}: {json.dumps(row)}" for question, row in rows.items())
        lines += f"\n  {json.dumps(name)}: {{\n{inside}\n  }},"
    return lines.removesuffix(",") + "\n }\n}\n"


def _row(own: Result) -> list[object]:
    return [
        own.kind,
        own.answered,
        round(own.confidence, 4),
        own.rank,
        round(own.ndcg, 6),
        {key: round(value, 4) for key, value in own.scores.items()},
    ]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        text = as_text(measured(Path(folder)), sys.argv[1])
    BASELINE.write_text(text, encoding="utf-8")
