"""What SQLite reports, by its own code, as one sentence that names the cause and says what to do."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import sqlalchemy as sa

from rag.errors import BusyError, IndexUnusable, YuanwenError

_TOLD = {  # SQLite's primary code → our code and what to do
    sqlite3.SQLITE_FULL: (
        "disk-full", "磁盘满了，这次改动没有写入；原有的内容没有动。请腾出空间再做一次。/ The disk is full: nothing was changed."
    ),
    sqlite3.SQLITE_READONLY: (
        "index-read-only", "索引只许读，写不进去；请检查文件夹的权限和挂载方式。/ The index is read-only."
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "index-cannot-open", "索引数据库打不开；请检查文件夹在不在、有没有读写的权限。/ The index cannot be opened."
    ),
    sqlite3.SQLITE_PERM: ("index-cannot-open", "没有读写索引数据库的权限。/ No permission to use the index."),
    sqlite3.SQLITE_IOERR: (
        "disk-failed", "磁盘读写出错；请检查磁盘和挂载，不要删除索引。/ The disk failed: check it, delete nothing."
    ),
    sqlite3.SQLITE_CORRUPT: (
        "index-unusable",
        "索引数据库已损坏。请从备份恢复，或删除该文件夹后重新运行 yuanwen index。/ The index database is damaged.",
    ),
    sqlite3.SQLITE_NOTADB: (
        "index-unusable",
        "索引数据库已损坏。请从备份恢复，或删除该文件夹后重新运行 yuanwen index。/ The index database is damaged.",
    ),
}  # fmt: skip
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
RETRY = 5  # seconds


def tell(engine: sa.Engine, path: Path) -> None:
    """Make every use of the engine raise IndexUnusable or BusyError for what fails outside of the code.

    path: of the database, for messages.
    """

    def told(context: sa.engine.ExceptionContext) -> YuanwenError | None:
        error = context.original_exception
        return named(error, path) if isinstance(error, sqlite3.Error) else None

    sa.event.listen(engine, "handle_error", told, retval=True)


def named(error: sqlite3.Error, path: Path) -> YuanwenError | None:
    """Our error for SQLite's; None for one that only a fault of the code can cause."""
    code = getattr(error, "sqlite_errorcode", 0)  # set by SQLite alone, not by the driver's own errors
    if code & 0xFF in _LOCKED:
        return BusyError(
            "别的进程占用索引太久，这次没有写入，请稍后再试。/ Another process holds the index: try again.",
            retry_after=RETRY,
        )
    if code & 0xFF not in _TOLD:
        return None
    ours, said = _TOLD[code & 0xFF]
    return IndexUnusable(f"{path}：{said}（{error.sqlite_errorname}：{error}）", code=ours)
