"""Rewrite the generated parts of the documentation from the code: `python docs/generate.py` (tests compare).

A generated part stands between `<!-- NAME -->` and `<!-- /NAME -->`.
"""

from __future__ import annotations

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


PARTS = {"commands": commands, "settings": settings, "stages": stages, "formats": formats}


def rewritten(text: str) -> str:
    """The text with every generated part made anew."""
    for name, make in PARTS.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(\n<!-- /{name} -->)", re.DOTALL)
        if pattern.search(text):
            made = make()
            text = pattern.sub(lambda match, made=made: match[1] + made + match[2], text)
    return text


def main() -> None:
    """Rewrite all pages in place."""
    for path in DOCS.glob("*.md"):
        path.write_text(rewritten(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
