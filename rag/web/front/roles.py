"""What a route asks of its callers: declared beside the route, collected into one table when the app is built.

In: the routes of an app. Out: `Rules`, which the middlewares ask about each request. What declares nothing is shut.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute, compile_path

from rag.access.identity import Role

E = TypeVar("E", bound=Callable[..., Any])
PAGE = "page"  # the metric's label of all that people's browsers fetch
OTHER = "api-other"
_DECLARED = "__yuanwen_needs__"


class Work(Enum):
    """What a request costs. NONE: nothing worth counting; ASK: counted and limited; UPLOAD: one writer at a time.

    QUEUED: counted and limited, and waits in Gradio's queue; LOGIN: costs time and memory even when it fails.
    """

    NONE = "none"
    ASK = "ask"
    UPLOAD = "upload"
    QUEUED = "queued"
    LOGIN = "login"


@dataclass(frozen=True, slots=True)
class Needs:
    """What a route asks. role: None when nobody need be known. metric: its label in /metrics. files: takes large bodies."""

    role: Role | None
    work: Work = Work.NONE
    metric: str = PAGE
    files: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A route with what it asks."""

    method: str
    path: str
    needs: Needs
    pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compile the path once."""
        object.__setattr__(self, "pattern", compile_path(self.path)[0])


@dataclass(frozen=True, slots=True)
class Rules:
    """The routes that there are."""

    rules: tuple[Rule, ...]

    def find(self, method: str, path: str) -> Rule | None:
        """The rule of a request; HEAD is as GET."""
        wanted = "GET" if method == "HEAD" else method
        return next((rule for rule in self.rules if rule.method == wanted and rule.pattern.match(path)), None)

    def methods_at(self, path: str) -> list[str]:
        """The methods that a path has, for saying so."""
        return sorted({rule.method for rule in self.rules if rule.pattern.match(path)})

    def metric(self, method: str, path: str) -> str:
        """The label of a request in /metrics: its route's, so that ids do not make a series each."""
        known = self.find(method, path) or next((rule for rule in self.rules if rule.pattern.match(path)), None)
        if known is None:
            return OTHER if path.startswith("/api/") else PAGE
        return known.needs.metric

    def takes_files(self, method: str, path: str) -> bool:
        """Whether the body of a request may be as large as files are."""
        rule = self.find(method, path)
        return rule is not None and rule.needs.files


def needs(role: Role | None, work: Work = Work.NONE, *, metric: str = PAGE, files: bool = False) -> Callable[[E], E]:
    """Declare what a route asks; written under the route's own decorator. As in `Needs`."""

    def declared(endpoint: E) -> E:
        setattr(endpoint, _DECLARED, Needs(role, work, metric, files))
        return endpoint

    return declared


def rules_of(routes: Iterable[BaseRoute]) -> tuple[Rule, ...]:
    """The rules of the routes that declare what they ask, through included routers."""
    found = []
    for one in iter_route_contexts(list(routes)):
        declared = getattr(one.endpoint, _DECLARED, None)
        if declared is not None and one.path is not None:
            found += [Rule(method, one.path, declared) for method in sorted(one.methods or ()) if method != "HEAD"]
    return tuple(found)
