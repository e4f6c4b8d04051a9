"""Who is asking: a name, a role and groups; and which documents the groups may see."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from rag.errors import UsageError

EVERYONE = "*"  # in a collection's groups


class Role(IntEnum):
    """What someone may do; each may do what the ones before may."""

    READER = 1
    EDITOR = 2
    ADMINISTRATOR = 3


ROLES: Mapping[str, Role] = {role.name.lower(): role for role in Role}


@dataclass(frozen=True, slots=True)
class Identity:
    """The sender of a request. via: how the name is known: local, open, password, proxy, token or key."""

    name: str
    role: Role
    groups: frozenset[str]
    via: str


def role_of(name: str) -> Role:
    """The role of that name. Raises UsageError."""
    if name not in ROLES:
        raise UsageError(f"角色 {name!r} 不对：可用 {'、'.join(ROLES)}。/ No such role.")
    return ROLES[name]


def granted(name: str, groups: frozenset[str], editors: Sequence[str], administrators: Sequence[str]) -> Role:
    """The role of someone whom a proxy or a portal vouches for. editors, administrators: names, and groups as `@group`."""
    own = {name, *(f"@{group}" for group in groups)}
    if own & set(administrators):
        return Role.ADMINISTRATOR
    return Role.EDITOR if own & set(editors) else Role.READER


class Collections:
    """Which groups may see which documents: the first glob that fits a document decides; without one all may."""

    def __init__(self, rules: Mapping[str, Sequence[str]]) -> None:
        """rules: glob over doc_id → groups, `*` for everyone; in order."""
        self._rules = [(glob, frozenset(groups)) for glob, groups in rules.items()]
        self.allowed_to = lru_cache(maxsize=256)(self._allowed_to)

    def allowed(self, identity: Identity) -> Callable[[str], bool] | None:
        """A test of whether this person may see a document; None when all may be seen, as administrators always may."""
        if not self._rules or identity.role is Role.ADMINISTRATOR:
            return None
        return self.allowed_to(identity.groups)

    def _allowed_to(self, groups: frozenset[str]) -> Callable[[str], bool]:
        mine = groups | {EVERYONE}

        @lru_cache(maxsize=100_000)
        def allowed(doc_id: str) -> bool:
            return next((bool(mine & may) for glob, may in self._rules if fnmatch.fnmatchcase(doc_id, glob)), True)

        return allowed
