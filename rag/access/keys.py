"""API keys for machines: shown once, kept as a hash, ended by date or by hand."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from pathlib import Path

from rag.access.identity import ROLES, Identity, Role
from rag.access.store import Store
from rag.access.users import checked_name
from rag.errors import AccessError, NotFoundError

PREFIX = "yw_"


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key. made, expires: UTC dates, ISO 8601; the key is good until the end of `expires`."""

    number: str
    name: str
    role: Role
    groups: frozenset[str]
    made: str
    expires: str


class Keys:
    """The keys file of an index folder."""

    def __init__(self, home: Path) -> None:
        """home: the access folder."""
        self._store = Store(home / "keys.json")

    def all(self) -> list[Key]:
        """All keys, oldest first."""
        found = [_key(number, row) for number, row in self._store.read().items()]
        return sorted(found, key=lambda key: (key.made, key.number))

    def add(self, name: str, role: Role, groups: frozenset[str], days: int) -> tuple[Key, str]:
        """A new key with its words, which are kept nowhere. days: until it expires. Raises UsageError."""
        number, words = secrets.token_hex(4), secrets.token_urlsafe(32)
        today = _today()
        row: dict[str, object] = {
            "name": checked_name(name), "role": role.name.lower(), "groups": sorted(groups), "sha256": _hash(words),
            "made": today.isoformat(), "expires": (today + datetime.timedelta(days=days)).isoformat(),
        }  # fmt: skip
        with self._store.changing() as rows:
            rows[number] = row
        return _key(number, row), f"{PREFIX}{number}_{words}"

    def revoke(self, number: str) -> Key:
        """End a key at once. Raises NotFoundError."""
        with self._store.changing() as rows:
            if number not in rows:
                raise NotFoundError(f"没有编号为 {number} 的密钥，见 yuanwen keys list。/ No such key.")
            return _key(number, rows.pop(number))

    def check(self, shown: str) -> Identity:
        """The identity that the key was made for. Raises AccessError."""
        number, _, words = shown.removeprefix(PREFIX).partition("_")
        row = self._store.read().get(number)
        if not hmac.compare_digest(_hash(words), str(row["sha256"]) if row else _hash("")) or row is None:
            raise AccessError("密钥不对或已吊销。/ The key is wrong or revoked.", code="key-invalid")
        key = _key(number, row)
        if _today().isoformat() > key.expires:
            raise AccessError(f"密钥已于 {key.expires} 到期，请换新的。/ The key has expired.", code="key-expired")
        return Identity(key.name, key.role, key.groups, "key")


def _key(number: str, row: dict[str, object]) -> Key:
    groups = row["groups"]
    listed = frozenset(map(str, groups)) if isinstance(groups, list) else frozenset()
    role = ROLES.get(str(row["role"]), Role.READER)
    return Key(number, str(row["name"]), role, listed, str(row["made"]), str(row["expires"]))


def _hash(words: str) -> str:
    return hashlib.sha256(words.encode()).hexdigest()  # the words are random, so nothing slower is needed


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()
