"""People with passwords: a file of argon2 hashes, and sessions that end when the password or the person goes."""

from __future__ import annotations

import hashlib
import threading
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from rag.access.identity import ROLES, Identity, Role
from rag.access.store import Store
from rag.errors import NotFoundError, UsageError

PASSWORD_MIN, PASSWORD_MAX = 8, 1024
NAME_MAX = 64
_HASHER = PasswordHasher()  # argon2id, the library's defaults follow RFC 9106
_AT_ONCE = threading.Semaphore(2)  # each check takes 64 MB
# An unknown name is checked against this, so that the time taken does not tell it from a known one.
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$xOPdV6wsdJXzzC9Ui2Kv1A$AODCjBPNOuqT299ItXi6F7X2fzfxfMnSWR0cvJIR4RM"


@dataclass(frozen=True, slots=True)
class User:
    """A person of the users file. stamp: changes with the password and with every logout; sessions carry it."""

    name: str
    role: Role
    groups: frozenset[str]
    stamp: str

    @property
    def identity(self) -> Identity:
        """The identity of the user once logged in."""
        return Identity(self.name, self.role, self.groups, "password")


class Users:
    """The users file of an index folder."""

    def __init__(self, home: Path) -> None:
        """home: the access folder."""
        self._store = Store(home / "users.json")

    def all(self) -> list[User]:
        """Everyone, by name."""
        return [self._user(name, row) for name, row in sorted(self._store.read().items())]

    def get(self, name: str) -> User | None:
        """The user of that name."""
        row = self._store.read().get(name)
        return None if row is None else self._user(name, row)

    def check(self, name: str, password: str) -> User | None:
        """The user when the password is theirs; takes as long for a name that does not exist."""
        row = self._store.read().get(name)
        with _AT_ONCE:
            try:
                _HASHER.verify(str(row["hash"]) if row else _NOBODY, password[:PASSWORD_MAX])
            except (VerificationError, InvalidHashError):
                return None
        return None if row is None else self._user(name, row)

    def add(self, name: str, password: str, role: Role, groups: frozenset[str]) -> None:
        """Add a user. Raises UsageError for a bad name or password, and for a name in use."""
        name = checked_name(name)
        hashed = _HASHER.hash(checked_password(password))
        with self._store.changing() as rows:
            if name in rows:
                raise UsageError(f"已有用户 {name}；改密码用 yuanwen users password。/ The user exists.", code="exists")
            rows[name] = {"role": role.name.lower(), "groups": sorted(groups), "hash": hashed, "logouts": 0}

    def set_password(self, name: str, password: str) -> None:
        """Change the password, which ends the sessions. Raises NotFoundError, UsageError."""
        hashed = _HASHER.hash(checked_password(password))
        with self._store.changing() as rows:
            _row(rows, name)["hash"] = hashed

    def remove(self, name: str) -> None:
        """Remove the user, which ends the sessions. Raises NotFoundError."""
        with self._store.changing() as rows:
            _row(rows, name)
            del rows[name]

    def log_out(self, name: str) -> None:
        """End every session of a user. Raises NotFoundError."""
        with self._store.changing() as rows:
            row = _row(rows, name)
            row["logouts"] = int(str(row.get("logouts", 0))) + 1

    def _user(self, name: str, row: dict[str, object]) -> User:
        groups = row.get("groups", [])
        stamp = hashlib.sha256(f"{row['hash']}\0{row.get('logouts', 0)}".encode()).hexdigest()[:16]
        listed = frozenset(map(str, groups)) if isinstance(groups, list) else frozenset()
        return User(name, ROLES.get(str(row.get("role")), Role.READER), listed, stamp)


def checked_name(name: str) -> str:
    """A name without outer blanks. Raises UsageError."""
    kept = unicodedata.normalize("NFC", name).strip()
    if not kept or len(kept) > NAME_MAX or not kept.isprintable() or kept.startswith("@"):
        raise UsageError(f"用户名不能用：需要 1–{NAME_MAX} 个可见字符，不以 @ 开头。/ Bad user name.", code="name")
    return kept


def checked_password(password: str) -> str:
    """The password as it is. Raises UsageError."""
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        raise UsageError(f"密码需要 {PASSWORD_MIN}–{PASSWORD_MAX} 个字符。/ Bad password length.", code="password")
    return password


def _row(rows: dict[str, dict[str, object]], name: str) -> dict[str, object]:
    if name not in rows:
        raise NotFoundError(f"没有用户 {name}。/ No such user.")
    return rows[name]
