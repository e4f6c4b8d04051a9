"""`yuanwen users`, `yuanwen keys` and `yuanwen audit`: who may come in, and what was done."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from rag.access import audit
from rag.access.identity import ROLES, role_of
from rag.access.store import folder
from rag.config import Settings, load_settings
from rag.errors import UsageError

IndexOption = Annotated[Path | None, typer.Option("--index", help="索引文件夹（缺省见设置 YUANWEN_INDEX）")]
RoleOption = Annotated[str, typer.Option("--role", help=f"角色：{'、'.join(ROLES)}")]
GroupOption = Annotated[list[str] | None, typer.Option("--group", help="所属用户组，可重复")]
StdinOption = Annotated[bool, typer.Option("--password-stdin", help="从标准输入读密码（一行），不提示")]
JsonOption = Annotated[bool, typer.Option("--json", help="输出 JSON")]
NameArgument = Annotated[str, typer.Argument(help="用户名")]

users_app = typer.Typer(no_args_is_help=True, help="用户与密码（YUANWEN_ACCESS=users）。/ Users with passwords.")
keys_app = typer.Typer(no_args_is_help=True, help="程序用的密钥。/ API keys for machines.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(users_app, name="users")
    app.add_typer(keys_app, name="keys")
    app.command("audit")(audit_command)


def operator() -> str:
    """Who runs a command, as the audit log names them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "未知"  # a container's user without a name


@users_app.command("add")
def users_add(
    name: NameArgument,
    role: RoleOption = "reader",
    group: GroupOption = None,
    password_stdin: StdinOption = False,
    index: IndexOption = None,
) -> None:
    """添加用户；密码在提示下输入两遍。/ Add a user."""
    from rag.access.users import Users, checked_name

    settings, groups = _settings(index), frozenset(group or ())
    wanted, name = role_of(role), checked_name(name)
    Users(folder(settings.index)).add(name, _password(password_stdin), wanted, groups)
    _note(settings, "users add", name)
    typer.echo(f"已添加用户 {name}（{role}）。/ Added.")


@users_app.command("password")
def users_password(name: NameArgument, password_stdin: StdinOption = False, index: IndexOption = None) -> None:
    """改密码；此人已有的登录随即失效。/ Change a password; sessions end."""
    from rag.access.users import Users

    settings = _settings(index)
    Users(folder(settings.index)).set_password(name, _password(password_stdin))
    _note(settings, "users password", name)
    typer.echo(f"已更改 {name} 的密码。/ Changed.")


@users_app.command("remove")
def users_remove(name: NameArgument, index: IndexOption = None) -> None:
    """移除用户；此人已有的登录随即失效。/ Remove a user; sessions end."""
    from rag.access.users import Users

    settings = _settings(index)
    Users(folder(settings.index)).remove(name)
    _note(settings, "users remove", name)
    typer.echo(f"已移除用户 {name}。/ Removed.")


@users_app.command("list")
def users_list(as_json: JsonOption = False, index: IndexOption = None) -> None:
    """列出用户、角色与用户组。/ List the users."""
    from rag.access.users import Users

    rows = [
        {"name": user.name, "role": user.role.name.lower(), "groups": sorted(user.groups)}
        for user in Users(folder(_settings(index).index)).all()
    ]
    _show(rows, as_json)


@keys_app.command("add")
def keys_add(
    name: Annotated[str, typer.Argument(help="给哪个程序用")],
    role: RoleOption = "reader",
    group: GroupOption = None,
    days: Annotated[int, typer.Option("--days", min=1, max=3650, help="多少天后到期")] = 365,
    index: IndexOption = None,
) -> None:
    """新建密钥，只显示这一次。/ Make a key; it is shown once."""
    from rag.access.keys import Keys

    settings = _settings(index)
    key, words = Keys(folder(settings.index)).add(name, role_of(role), frozenset(group or ()), days)
    _note(settings, "keys add", f"{key.number} {key.name}")
    typer.echo(
        f"编号 {key.number}，{key.expires} 到期。请求时放在 Authorization: Bearer 后面；只显示这一次：", err=True
    )
    typer.echo(words)


@keys_app.command("list")
def keys_list(as_json: JsonOption = False, index: IndexOption = None) -> None:
    """列出密钥（不含密钥本身）。/ List the keys, not their words."""
    from rag.access.keys import Keys

    rows = [
        asdict(key) | {"role": key.role.name.lower(), "groups": sorted(key.groups)}
        for key in Keys(folder(_settings(index).index)).all()
    ]
    _show(rows, as_json)


@keys_app.command("revoke")
def keys_revoke(
    number: Annotated[str, typer.Argument(help="密钥编号，见 keys list")], index: IndexOption = None
) -> None:
    """吊销密钥，立即生效。/ Revoke a key, at once."""
    from rag.access.keys import Keys

    settings = _settings(index)
    key = Keys(folder(settings.index)).revoke(number)
    _note(settings, "keys revoke", f"{key.number} {key.name}")
    typer.echo(f"已吊销 {key.name} 的密钥 {key.number}。/ Revoked.")


def audit_command(
    last: Annotated[int, typer.Option("--last", min=1, help="最近多少条")] = 50,
    as_json: JsonOption = False,
    index: IndexOption = None,
) -> None:
    """查看审计记录：谁在何时改了什么、谁登录过。/ Who changed or administered what, and when."""
    trail = audit.read(_settings(index).index, last)
    if trail.bad_lines:
        numbers = "、".join(map(str, trail.bad_lines))
        typer.echo(f"audit.jsonl 第 {numbers} 行读不懂，已跳过。/ Unreadable lines, skipped.", err=True)
    for act in trail.acts:
        if as_json:
            typer.echo(json.dumps(asdict(act), ensure_ascii=False))
        else:
            typer.echo(
                f"{act.at}  {act.who}（{act.via}）  {act.action}  {act.target}  {act.outcome}  {act.address}".rstrip()
            )


def _settings(index: Path | None) -> Settings:
    return load_settings(index=index.resolve() if index else None)


def _note(settings: Settings, action: str, target: str) -> None:
    audit.note(settings.index, operator(), "command", action, target)


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise UsageError("不在终端里，请用 --password-stdin 从标准输入给出密码。/ Use --password-stdin.", code="io")
    return typer.prompt("密码", hide_input=True, confirmation_prompt="再输一遍")


def _show(rows: Sequence[Mapping[str, object]], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for row in rows:
        cells = (",".join(value) if isinstance(value, list) else str(value) for value in row.values())
        typer.echo("\t".join(cells).rstrip())
