"""The list of faults, and what becomes of a source file when one is planted."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIST = Path(__file__).with_name("faults.toml")


class StaleFault(Exception):
    """A fault whose old text does not stand in its file exactly once."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One careless change. file: POSIX path under the root. old: its text there, once. tests: pytest ids that must fail."""

    name: str
    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def read_faults(path: Path = LIST) -> tuple[Fault, ...]:
    """All faults of the list, in order."""
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["fault"]
    return tuple(Fault(**(row | {"tests": tuple(row["tests"])})) for row in rows)


def planted(fault: Fault, root: Path = ROOT) -> str:
    """The text of the fault's file with the fault in it. Raises StaleFault."""
    path = root / fault.file
    if not path.is_file():
        raise StaleFault(f"{fault.name}: {fault.file} is not there")
    text = path.read_text(encoding="utf-8")
    count = text.count(fault.old)
    if count != 1:
        raise StaleFault(f"{fault.name}: its old text stands {count} times in {fault.file}, not once")
    return text.replace(fault.old, fault.new)
