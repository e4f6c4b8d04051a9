"""Small JSON files that only their owner may read: users, keys. A change is whole or not at all."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rag.errors import ServerError

Rows = dict[str, dict[str, object]]


def folder(index: Path) -> Path:
    """Where an index folder keeps what access needs; made when missing, closed to others."""
    home = index / "access"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    return home


class Store:
    """Rows by name in one file; another process's change is seen at the next read."""

    def __init__(self, path: Path) -> None:
        """path: need not exist yet."""
        self.path = path
        self._seen: tuple[int, int, int] | None = None
        self._rows: Rows = {}

    def read(self) -> Rows:
        """All rows. Raises ServerError when the file is damaged."""
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            return {}
        sign = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if sign != self._seen:
            try:
                rows = json.loads(self.path.read_text(encoding="utf-8"))
                if not isinstance(rows, dict) or not all(isinstance(row, dict) for row in rows.values()):
                    raise ValueError("not an object of objects")
            except ValueError as error:
                raise ServerError(f"{self.path} 读不懂：{error}。请从备份恢复。/ The file is damaged.") from error
            self._rows, self._seen = rows, sign
        return self._rows

    @contextmanager
    def changing(self) -> Iterator[Rows]:
        """A copy of the rows to change; written when the block ends well. One process at a time."""
        folder(self.path.parent.parent)
        with (self.path.parent / f".{self.path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            rows: Rows = {name: dict(row) for name, row in self.read().items()}
            yield rows
            scratch = self.path.with_name(f".{self.path.name}.{os.getpid()}")
            with os.fdopen(
                os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
            ) as file:
                json.dump(rows, file, ensure_ascii=False, indent=1)
                file.flush()
                os.fsync(file.fileno())
            scratch.replace(self.path)


def own_secret(home: Path) -> str:
    """The service's own signing secret, made on first use."""
    path = home / "secret"
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
    except FileExistsError:
        pass
    return path.read_text(encoding="ascii").strip()
