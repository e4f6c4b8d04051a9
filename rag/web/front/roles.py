"""Every route with the role it needs: what is not in this table does not exist, whatever an app behind it offers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum

from starlette.routing import compile_path

from rag.access.identity import Role


class Work(Enum):
    """What a request costs. NONE: nothing worth counting; ASK: counted and limited; UPLOAD: one writer at a time.

    QUEUED: counted and limited, and waits in Gradio's queue; LOGIN: costs time and memory whoever tries.
    """

    NONE = "none"
    ASK = "ask"
    UPLOAD = "upload"
    QUEUED = "queued"
    LOGIN = "login"


@dataclass(frozen=True, slots=True)
class Rule:
    """A route. role: None when nobody need be known."""

    method: str
    path: str
    role: Role | None
    work: Work = Work.NONE
    pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compile the path once."""
        object.__setattr__(self, "pattern", compile_path(self.path)[0])


_PUBLIC = (
    "/healthz", "/readyz", "/openapi.json", "/page/login", "/page/page.css", "/page/page.js", "/page/sheets.js", "/page/basket.js",
    "/page/messages.js",
    "/page/admin.js", "/page/evaluation.js", "/page/words.js", "/page/icon.svg",
    "/page/frame.js", "/embed", "/embed.js",
    # Gradio's own files
    "/assets/{path:path}", "/static/{path:path}", "/svelte/{path:path}", "/theme.css", "/gradio_api/theme.css",
    "/favicon.ico", "/manifest.json", "/robots.txt",
)  # fmt: skip
MCP = "/mcp"
TABLE: tuple[Rule, ...] = (
    *(Rule("GET", path, None) for path in _PUBLIC),
    Rule("POST", "/page/login", None, Work.LOGIN),
    # programs
    Rule("POST", "/api/v1/ask", Role.READER, Work.ASK),
    Rule("POST", "/api/v1/search", Role.READER, Work.ASK),
    Rule("POST", "/api/v1/feedback", Role.READER, Work.ASK),
    Rule("GET", "/api/v1/documents", Role.READER, Work.ASK),
    Rule("GET", "/api/v1/documents/{doc_id:path}/text", Role.READER, Work.ASK),
    Rule("GET", "/api/v1/documents/{doc_id:path}/context", Role.READER, Work.ASK),
    Rule("GET", "/api/v1/documents/{doc_id:path}/pages/{number}", Role.READER, Work.ASK),
    Rule("POST", "/api/v1/documents", Role.EDITOR, Work.UPLOAD),
    Rule("PATCH", "/api/v1/documents/{doc_id:path}/metadata", Role.EDITOR, Work.UPLOAD),
    Rule("DELETE", "/api/v1/documents/{doc_id:path}", Role.EDITOR, Work.UPLOAD),
    Rule("GET", "/metrics", Role.READER),
    Rule("POST", MCP, Role.READER, Work.ASK),
    # people
    Rule("GET", "/", Role.READER),
    Rule("POST", "/page/logout", Role.READER),
    Rule("POST", "/page/turn", Role.READER, Work.ASK),
    Rule("GET", "/page/source", Role.READER, Work.ASK),
    Rule("POST", "/page/compilation/view", Role.READER, Work.ASK),
    Rule("POST", "/page/compilation/{kind}", Role.READER, Work.ASK),
    Rule("GET", "/page/admin", Role.EDITOR, Work.ASK),
    Rule("POST", "/page/ingest/stop", Role.EDITOR),
    Rule("GET", "/page/gaps", Role.EDITOR, Work.ASK),
    Rule("GET", "/page/gold.jsonl", Role.EDITOR, Work.ASK),
    Rule("GET", "/page/audit", Role.ADMINISTRATOR, Work.ASK),
    Rule("GET", "/page/words", Role.ADMINISTRATOR, Work.ASK),
    Rule("POST", "/page/words", Role.ADMINISTRATOR, Work.ASK),
    Rule("POST", "/page/words/preview", Role.ADMINISTRATOR, Work.ASK),
    Rule("GET", "/page/evaluation", Role.ADMINISTRATOR, Work.ASK),
    Rule("GET", "/page/evaluation/progress", Role.ADMINISTRATOR),
    Rule("GET", "/page/evaluation/template.xlsx", Role.ADMINISTRATOR, Work.ASK),
    Rule("GET", "/page/evaluation/drafts.xlsx", Role.ADMINISTRATOR, Work.ASK),
    Rule("GET", "/page/evaluation/runs/{run}/{file}", Role.ADMINISTRATOR, Work.ASK),
    Rule("GET", "/page/evaluation/compare", Role.ADMINISTRATOR, Work.ASK),
    Rule("GET", "/page/questions", Role.ADMINISTRATOR, Work.ASK),
    Rule("POST", "/page/evaluation/sets", Role.ADMINISTRATOR, Work.UPLOAD),
    Rule("POST", "/page/evaluation/sets/remove", Role.ADMINISTRATOR, Work.ASK),
    Rule("POST", "/page/evaluation/runs", Role.ADMINISTRATOR, Work.ASK),
    Rule("POST", "/page/evaluation/runs/{run}/continue", Role.ADMINISTRATOR, Work.ASK),
    Rule("POST", "/page/evaluation/runs/{run}/remove", Role.ADMINISTRATOR, Work.ASK),
    Rule("POST", "/page/evaluation/stop", Role.ADMINISTRATOR),
    Rule("POST", "/page/evaluation/gate", Role.ADMINISTRATOR, Work.ASK),
    Rule("POST", "/page/evaluation/questions", Role.ADMINISTRATOR, Work.ASK),
    # what Gradio's page calls; the rest of its routes stays shut
    Rule("GET", "/config", Role.READER),
    Rule("GET", "/gradio_api/info", Role.READER),
    Rule("GET", "/gradio_api/app_id", Role.READER),
    Rule("GET", "/gradio_api/startup-events", Role.READER),
    Rule("GET", "/gradio_api/heartbeat/{session_hash}", Role.READER),
    Rule("POST", "/gradio_api/queue/join", Role.READER, Work.QUEUED),
    Rule("GET", "/gradio_api/queue/data", Role.READER),
    Rule("POST", "/gradio_api/run/predict", Role.READER),
    Rule("POST", "/gradio_api/cancel", Role.READER),
    Rule("POST", "/gradio_api/reset", Role.READER),
)


def rule_for(method: str, path: str) -> Rule | None:
    """The rule of a request; HEAD is as GET."""
    wanted = "GET" if method == "HEAD" else method
    return next((rule for rule in TABLE if rule.method == wanted and rule.pattern.match(path)), None)


def methods_at(path: str) -> list[str]:
    """The methods that a path has, for saying so."""
    return sorted({rule.method for rule in TABLE if rule.pattern.match(path)})
