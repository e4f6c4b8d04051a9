"""`yuanwen backup` and `yuanwen restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rag.access import audit
from rag.cli.access import operator
from rag.config import load_settings

IndexOption = Annotated[Path | None, typer.Option("--index", help="索引文件夹（缺省见设置 YUANWEN_INDEX）")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(backup)
    app.command()(restore)


def backup(
    file: Annotated[Path, typer.Argument(help="备份文件，如 yuanwen-20261121.tar.gz")],
    index: IndexOption = None,
    force: Annotated[bool, typer.Option("--force", help="覆盖同名的旧备份")] = False,
) -> None:
    """把索引文件夹备份成一个文件；服务不必停。/ Back the index folder up, while serving."""
    from rag.index.backup import save

    settings = load_settings(index=index)
    found = save(settings.index, file, force=force)
    audit.note(settings.index, operator(), "command", "backup", file.name)
    typer.echo(f"已备份 {found.documents} 个文档（索引代次 {found.generation}）到 {file}。/ Backed up.")


def restore(
    file: Annotated[Path, typer.Argument(help="yuanwen backup 做的备份文件")],
    index: IndexOption = None,
    force: Annotated[bool, typer.Option("--force", help="替换已有的索引；原来的改名保留在旁边")] = False,
    other_make: Annotated[
        bool,
        typer.Option("--other-make", help="备份的模型等与当前配置不同也恢复；随后用 yuanwen index --if-needed 重建"),
    ] = False,
) -> None:
    """核对并恢复备份；先停止服务。/ Verify a backup and put it in place; stop the service first."""
    from rag.index.backup import read_note
    from rag.index.backup import restore as put_back
    from rag.ingest.preparing import make_of
    from rag.service import Service

    settings = load_settings(index=index)
    note = read_note(file)  # before the model is loaded
    make = make_of(Service(settings).embedder, settings.passage_size)
    kept = put_back(file, settings.index.resolve(), make=make, other_make=other_make, force=force)
    audit.note(settings.index, operator(), "command", "restore", file.name)
    typer.echo(f"已恢复 {note.documents} 个文档（{note.made} 的备份）到 {settings.index}。/ Restored.")
    if kept:
        typer.echo(f"原来的索引保留在 {kept}，确认无误后可删除。/ The old index is kept there.")
    if note.make != make:
        typer.echo("请运行 yuanwen index --if-needed，用库存文本重建。/ Run it to rebuild from the stored texts.")
