"""The audit log: who changed or administered what and when, one JSON object a line, only ever added to."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from rag.access.store import folder


@dataclass(frozen=True, slots=True)
class Act:
    """Something done or refused. at: UTC, ISO 8601. via: how the person was known. outcome: `ok` or an error's code.

    target: what was acted upon, such as a document's name; never a question, a password, a token or a key.
    """

    at: str
    who: str
    via: str
    action: str
    target: str
    outcome: str
    address: str = ""
    request: str = ""


def note(
    index: Path,
    who: str,
    via: str,
    action: str,
    target: str = "",
    outcome: str = "ok",
    address: str = "",
    request: str = "",
) -> None:
    """Add an act, now."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    act = Act(at, who[:200], via, action, target[:500], outcome, address, request)
    line = json.dumps(asdict(act), ensure_ascii=False).encode("utf-8", "replace") + b"\n"
    descriptor = os.open(folder(index) / "audit.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, line)  # one write, so that two processes do not mix their lines
    finally:
        os.close(descriptor)


def read(index: Path, last: int | None = None) -> list[Act]:
    """The acts, oldest first. last: only so many of the newest."""
    path = index / "access" / "audit.jsonl"
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Act(**json.loads(line)) for line in (lines[-last:] if last else lines)]
