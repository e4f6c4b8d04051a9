"""The audit log: who changed or administered what and when, one JSON object a line, only ever added to."""

from __future__ import annotations

import json
import logging
import os
import time
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path

from rag.access.store import folder

log = logging.getLogger(__name__)


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


@dataclass(frozen=True, slots=True)
class Trail:
    """What the log tells. acts: oldest first. bad_lines: numbers, from 1, of the lines that cannot be read."""

    acts: tuple[Act, ...]
    bad_lines: tuple[int, ...]


_FIELDS = {field.name for field in fields(Act)}
_NEEDED = {field.name for field in fields(Act) if field.default is MISSING}


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
    """Add an act, now. What cannot be written is told in the service's own log, and stops nobody's work."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    act = Act(at, who[:200], via, action, target[:500], outcome, address, request)
    line = json.dumps(asdict(act), ensure_ascii=False).encode("utf-8", "replace") + b"\n"
    try:
        _append(folder(index) / "audit.jsonl", line)
    except OSError as error:
        log.error("审计记录写不进去（%s）：%s", error, ascii(asdict(act)))


def _append(path: Path, line: bytes) -> None:
    """Add a line of its own, also after one that a full disk or a power cut left unfinished. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        whole = b"\n" + line if torn else line
        written = os.write(descriptor, whole)  # one write, so that two processes do not mix their lines
        if written < len(whole):
            raise OSError(f"{written} of {len(whole)} bytes written")
    finally:
        os.close(descriptor)


def read(index: Path, last: int | None = None) -> Trail:
    """The acts that can be read. last: only so many of the newest; bad lines are named among these."""
    try:
        lines = (index / "access" / "audit.jsonl").read_bytes().split(b"\n")
    except FileNotFoundError:
        return Trail((), ())
    acts: list[Act] = []
    bad: list[int] = []
    for number in range(len(lines), 0, -1):
        if last is not None and len(acts) == last:
            break
        line = lines[number - 1]
        if (act := _act(line)) is not None:
            acts.append(act)
        elif line.strip():
            bad.append(number)
    return Trail(tuple(reversed(acts)), tuple(reversed(bad)))


def _act(line: bytes) -> Act | None:
    """The act that a line tells; None for any other line."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):  # not JSON, not UTF-8, or nested without end
        return None
    if not isinstance(found, dict) or not _NEEDED <= found.keys() <= _FIELDS:
        return None
    return Act(**found) if all(isinstance(value, str) for value in found.values()) else None
