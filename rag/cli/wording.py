"""`yuanwen words`: the tables of terms and synonyms, shown, replaced and tried out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rag.config import load_settings
from rag.errors import UsageError

IndexOption = Annotated[Path | None, typer.Option("--index", help="索引文件夹（缺省见设置 YUANWEN_INDEX）")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(words)


def words(
    terms: Annotated[
        Path | None, typer.Option("--terms", help="词条文件，一行一个；整词计分，如单位简称、文件代号")
    ] = None,
    synonyms: Annotated[Path | None, typer.Option("--synonyms", help="同义词文件，一行一组，用顿号或空格隔开")] = None,
    index: IndexOption = None,
) -> None:
    """显示或替换词条表与同义词表；改表不必重新编码。/ Show or replace the terms and synonyms."""
    from rag.access import audit
    from rag.cli.access import operator
    from rag.service import Service

    service = Service(load_settings(index=index))
    if terms is None and synonyms is None:
        own, groups = service.word_tables()
        typer.echo(f"# 词条\n{own.strip()}\n\n# 同义词\n{groups.strip()}")
        return
    service.set_word_tables(_text(terms), _text(synonyms))
    audit.note(service.settings.index, operator(), "command", "words")
    typer.echo(f"已更新，索引代次 {service.catalog.generation}。/ Updated.")


def _text(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise UsageError(f"找不到词表 {path}。/ No such file.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"词表 {path} 读不出，应是 UTF-8 文本。/ Not UTF-8 text.") from error
