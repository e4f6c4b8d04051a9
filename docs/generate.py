"""Rewrite the generated parts of the documentation from the code: `python docs/generate.py` (tests compare).

A generated part stands between `<!-- NAME -->` and `<!-- /NAME -->`.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import typer.main

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))


def commands() -> str:
    """A section a command: its help line, arguments and options."""
    from rag.cli import app

    parts: list[str] = []

    def walk(command, path: str) -> None:
        children = getattr(command, "commands", None)
        if children:
            for name in sorted(children):
                walk(children[name], f"{path} {name}")
            return
        parts.append(f"### `{path}`\n\n{(command.help or '').strip()}\n")
        for parameter in command.params:
            if parameter.name == "help":
                continue
            names = (
                " ".join(f"`{name}`" for name in parameter.opts)
                if parameter.param_type_name == "option"
                else (f"`{parameter.metavar or parameter.name.upper()}`")
            )
            parts.append(f"- {names}：{getattr(parameter, 'help', None) or ''}")
        parts.append("")

    walk(typer.main.get_command(app), "yuanwen")
    return "\n".join(parts).strip()


def settings() -> str:
    """A row a setting: its variable, default and help line."""
    from rag.config import ROOT, Settings

    rows = ["| 环境变量 | yuanwen.toml | 缺省 | 说明 |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = str(field.default).replace(f"{ROOT}/", "")
        rows.append(f"| `YUANWEN_{name.upper()}` | `{name}` | `{default}` | {field.description} |")
    return "\n".join(rows)


def stages() -> str:
    """A row a stage of the search, in the order of a query: what it does, its setting, its scores."""
    from rag.search.stages import STAGES

    rows = ["| 步骤 | 做什么 | 设置 | 得分（`explain` 中的名字） |", "|---|---|---|---|"]
    for stage in STAGES:
        setting = f"`YUANWEN_{stage.setting.upper()}`" if stage.setting else "—"
        scores = "、".join(f"`{name}` {label}" for name, label in stage.scores.items()) or "—"
        rows.append(f"| {stage.name} | {stage.told} | {setting} | {scores} |")
    return "\n".join(rows)


def formats() -> str:
    """A row a format: its suffixes, what is read of it, what its pages are called."""
    from rag.ingest.loading.formats import FORMATS

    rows = ["| 后缀 | 读出什么 | 页码 |", "|---|---|---|"]
    for one in FORMATS:
        suffixes = " ".join(f"`{suffix}`" for suffix in one.suffixes)
        rows.append(f"| {suffixes} | {one.reads} | {one.pages or '—'} |")
    return "\n".join(rows)


SETS = {
    "gov-dev": "**法规与报告**（不为它们调参）",
    "seeds-dev": "五份种子文件（开发时看着调的）",
    "antiterror_news": "长新闻（公开）",
    "cjrc": "裁判文书（公开）",
    "csquad": "百科（公开）",
    "drcd": "百科，繁体（公开）",
    "dureader_robust": "搜索问题（公开）",
}


def quality() -> str:
    """A row a set of the scoreboard, the documents that nobody tuned for first."""
    found = json.loads((DOCS.parent / "benchmarks" / "results" / "scoreboard.json").read_text(encoding="utf-8"))
    rows = [
        "| 题集 | 文档 | 题：有据 / 相近 / 无关 | hit@1 / hit@5 | 不拒答 nDCG@10 | 有据误拒 | 相近误答 | 无关误答 | 相近 AUC |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, label in SETS.items():
        if name not in found["sets"]:
            continue
        own = found["sets"][name]
        served, ranking = own["stages"]["as served"], own["stages"]["read"]
        shares = [
            f"{served[key]:.2f}" if key in served else "—" for key in ("refused", "near answered", "off answered")
        ]
        cells = [
            label, str(own["documents"]), f"{own['answerable']} / {own['near']} / {own['off']}",
            f"{served['hit@1']:.2f} / {served['hit@5']:.2f}", f"{ranking['nDCG@10']:.2f}", *shares,
            f"{served['AUC near']:.2f}" if "AUC near" in served else "—",
        ]  # fmt: skip
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


PARTS = {"commands": commands, "settings": settings, "stages": stages, "formats": formats, "quality": quality}
PAGES = (*sorted(DOCS.glob("*.md")), DOCS.parent / "README.md")


def rewritten(text: str) -> str:
    """The text with every generated part made from the code."""
    for name, make in PARTS.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)", re.DOTALL)
        if pattern.search(text):
            made = make()
            text = pattern.sub(lambda match, made=made: match[1] + made + match[2], text)
    return text


def main() -> None:
    """Rewrite all pages in place."""
    for path in PAGES:
        path.write_text(rewritten(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
