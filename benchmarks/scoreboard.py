"""The scoreboard: every set at every stage of the search, and as it is served. `make scoreboard`.

    python -m benchmarks.scoreboard [--sets seeds-dev gov-dev …] [--queries 300] [--cache DIR] [--out benchmarks/results]

Sets: seeds-dev and gov-dev, whole, which have quotes and questions without an answer; and the public sets of `../shared/bench`,
whose documents are all indexed and whose first `--queries` judged queries are asked. Writes scoreboard.json (which the
README's table is made from), scoreboard.md and risk-coverage.svg, after every set. Indexes and answers are kept in `--cache`:
run it again after an interruption and it goes on, run it after a change and only what the change concerns is done again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

from benchmarks.machine import machine
from benchmarks.scoring import SERVED, STAGES, SetScores, figures, first_is_right, judged_set, quoted_set
from rag.cli.terminal import bar
from rag.config import ROOT, load_settings
from rag.evaluation.measures.comparison import Comparison, compare
from rag.evaluation.measures.indexing import cache_folder
from rag.evaluation.measures.selective import risk_coverage
from rag.evaluation.reports.charts import risk_coverage as drawn

RESULTS = ROOT / "benchmarks" / "results"
QUOTED = ("gov-dev", "seeds-dev")
PUBLIC = ("antiterror_news", "cjrc", "csquad", "drcd", "dureader_robust")
MEASURES = ("hit@1", "hit@5", "nDCG@10")
STYLE = (
    "<style>svg{font:12px sans-serif;background:#fff}.label{fill:#333}.small{font-size:10px}"
    ".line{fill:none;stroke-width:2}.grid{stroke:#ddd}.curve1{stroke:#0b63b0}.curve2{stroke:#b3541e}</style>"
)


def main() -> None:
    """Ask what is not answered yet, then write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=(*QUOTED, *PUBLIC), default=(*QUOTED, *PUBLIC))
    parser.add_argument("--queries", type=int, default=300, help="queries of each public set; 0: all")
    parser.add_argument(
        "--shared", type=Path, default=ROOT.parent / "shared", help="folder that holds eval/ and bench/"
    )
    parser.add_argument("--cache", type=Path, help="keep indexes and answers here; default: beside the index")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    cache = given.cache or cache_folder(load_settings()) / "scoreboard"
    found: list[SetScores] = []
    for name in given.sets:
        found.append(_scored(name, given.shared, given.queries, cache))
        write(found, given.queries, given.out)
    print(table(found))


def _scored(name: str, shared: Path, queries: int, cache: Path) -> SetScores:
    if name == "seeds-dev":
        return quoted_set(name, ROOT / "seeds", shared / "eval" / "seeds-dev.jsonl", cache, bar)
    if name == "gov-dev":
        folder = shared / "eval" / name
        return quoted_set(name, folder / "corpus", folder / "questions.jsonl", cache, bar)
    return judged_set(shared / "bench" / name, queries, cache, bar)


def write(found: Sequence[SetScores], queries: int, folder: Path) -> None:
    """scoreboard.json, scoreboard.md, and risk-coverage.svg where a set has questions without an answer."""
    folder.mkdir(parents=True, exist_ok=True)
    data = {
        "machine": machine(), "command": "make scoreboard", "queries of each public set": queries or "all",
        "sets": {own.name: _as_json(own) for own in found},
        "comparisons": [asdict(own) | {"stage": stage, "against": other} for stage, other, own in comparisons(found)],
    }  # fmt: skip
    text = json.dumps(_rounded(data), ensure_ascii=False, indent=1)
    (folder / "scoreboard.json").write_text(f"{text}\n", encoding="utf-8")
    about = "，".join(f"{name} {value}" for name, value in machine().items())
    head = (
        f"# Scoreboard\n\n    make scoreboard\n\nMachine: {about}. Queries of each public set: {queries or 'all'}.\n\n"
    )
    (folder / "scoreboard.md").write_text(head + table(found), encoding="utf-8")
    curves = {own.name: risk_coverage(*first_is_right(own)) for own in found if own.kinds}
    if curves:
        svg = (
            str(drawn(curves))
            .replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
            .replace(">", f">{STYLE}", 1)
        )
        (folder / "risk-coverage.svg").write_text(svg + "\n", encoding="utf-8")


def _as_json(own: SetScores) -> dict[str, object]:
    kinds = list(own.kinds.values())
    return {
        "documents": own.documents, "passages": own.passages, "answerable": len(own.questions) - len(kinds),
        "near": len(kinds) - kinds.count("off-topic"), "off": kinds.count("off-topic"),
        "stages": {scores.stage: figures(scores, own.kinds) for scores in own.stages},
    }  # fmt: skip


def comparisons(found: Sequence[SetScores]) -> list[tuple[str, str, Comparison]]:
    """(stage, the stage before it, comparison) by hit@1 and nDCG@10, over the answerable questions of all sets together."""
    pooled: dict[str, dict[str, dict[str, float]]] = {}
    for own in found:
        for scores in own.stages:
            for name, values in scores.measures.items():
                mine = pooled.setdefault(scores.stage, {}).setdefault(name, {})
                mine |= {f"{own.name} {question}": value for question, value in values.items()}
    names = [stage.name for stage in STAGES]
    return [
        (stage, before, compare(name, pooled[stage][name], pooled[before][name]))
        for before, stage in pairwise(names)
        for name in ("hit@1", "nDCG@10")
    ]


def table(found: Sequence[SetScores]) -> str:
    """All figures as Markdown: a table a set, the means over the public sets, the paired tests."""
    lines: list[str] = []
    for own in found:
        kinds = list(own.kinds.values())
        off = kinds.count("off-topic")
        asked = f"{len(own.questions) - len(kinds)} answerable"
        asked += f", {len(kinds) - off} near-domain, {off} off-topic" if kinds else ""
        lines += [f"## {own.name}", "", f"{own.documents} documents, {own.passages} passages; {asked}.", ""]
        lines += _rows({scores.stage: figures(scores, own.kinds) for scores in own.stages})
    public = [own for own in found if not own.kinds]
    if public:
        lines += ["## Mean of the public sets", ""]
        lines += _rows({stage: _mean([_of(own, stage) for own in public]) for stage in (*_names(), SERVED)})
    if any(own.kinds for own in found):
        lines += ["![risk and coverage](risk-coverage.svg)", ""]
    lines += ["## Each stage against the one before it", "", "All sets together, paired randomisation test.", ""]
    lines += ["| stage | against | measure | difference (95 %) | win / tie / loss | p |", "|---|---|---|---|---|---|"]
    for stage, before, own in comparisons(found):
        spread = f"{own.difference:+.4f} ({own.low:+.4f} … {own.high:+.4f})"
        counts = f"{own.wins} / {own.ties} / {own.losses}"
        lines.append(f"| {stage} | {before} | {own.measure} | {spread} | {counts} | {own.p:.4f} |")
    return "\n".join(lines) + "\n"


def _names() -> list[str]:
    return [stage.name for stage in STAGES]


def _of(own: SetScores, stage: str) -> dict[str, float]:
    return figures(next(scores for scores in own.stages if scores.stage == stage), own.kinds)


def _mean(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}


def _rows(stages: Mapping[str, Mapping[str, float]]) -> list[str]:
    """A table, a row a stage; a figure that a stage has not is a dash."""
    names = list(dict.fromkeys(name for own in stages.values() for name in own))
    head = [f"| stage | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    body = [
        f"| {stage} | {' | '.join(f'{own[name]:.3f}' if name in own else '—' for name in names)} |"
        for stage, own in stages.items()
    ]
    return [*head, *body, ""]


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main()
