"""Narrow a search by what documents state about themselves: their date, and whether they are in force."""

from __future__ import annotations

import calendar
import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rag.errors import UsageError

IN_FORCE, REPEALED = "现行", "废止"
_FORCE_WORDS = frozenset({"", "现行", "有效", "现行有效"})
_DATE = re.compile(r"(\d{4})(?:[-./年](\d{1,2})(?:[-./月](\d{1,2})日?|月)?|年)?")


@dataclass(frozen=True, slots=True)
class Filter:
    """What documents to search; an empty field does not narrow.

    since, until: ISO days, both included; a document without a date lies outside every period. validity: IN_FORCE (not
    stated to be repealed, void, amended away or not yet in force) or REPEALED (stated to be one of these).
    """

    since: str = ""
    until: str = ""
    validity: str = ""

    def admits(self, facts: Mapping[str, str]) -> bool:
        """Whether a document with this metadata is to be searched."""
        if self.validity and in_force(facts.get("validity", "")) != (self.validity == IN_FORCE):
            return False
        if not self.since and not self.until:
            return True
        days = period(facts.get("date", ""))
        return days is not None and days[1] >= self.since and (not self.until or days[0] <= self.until)


ALL = Filter()


def read_filter(since: str = "", until: str = "", validity: str = "") -> Filter:
    """A filter from what a person typed: a day, a month or a year each. Raises UsageError for what is none of them."""
    first, last = _period_or_error(since), _period_or_error(until)
    if validity not in {"", IN_FORCE, REPEALED}:
        raise UsageError(
            f"效力应为“{IN_FORCE}”或“{REPEALED}”，给的是“{validity[:20]}”。/ validity is 现行 or 废止.", code="filter"
        )
    found = Filter(first[0] if first else "", last[1] if last else "", validity)
    if found.until and found.since > found.until:
        raise UsageError(f"起始日期 {since} 晚于截止日期 {until}。/ The period ends before it begins.", code="filter")
    return found


def admitted(
    metadata: Mapping[str, Mapping[str, str]],
    documents: Sequence[str],
    allowed: Callable[[str], bool] | None,
    only: Filter,
) -> tuple[str, ...]:
    """The documents to search. metadata: of all, by doc_id. documents, allowed: as `Service.ask` takes them."""
    return tuple(
        doc_id
        for doc_id, facts in metadata.items()
        if (not documents or any(fnmatch.fnmatchcase(doc_id, glob) for glob in documents))
        and (allowed is None or allowed(doc_id))
        and only.admits(facts)
    )


def in_force(validity: str) -> bool:
    """Whether a document with this validity counts as in force; one that states none does."""
    return validity.strip() in _FORCE_WORDS


def period(date: str) -> tuple[str, str] | None:
    """First and last ISO day of a day, a month or a year; None for what is none of them."""
    match = _DATE.fullmatch(date.strip()[:20])
    if match is None:
        return None
    year, month, day = int(match[1]), int(match[2] or 0), int(match[3] or 0)
    if not 1 <= year or not 0 <= month <= 12 or (month and not 0 <= day <= calendar.monthrange(year, month)[1]):
        return None
    last_month = month or 12
    last_day = day or calendar.monthrange(year, last_month)[1]
    return f"{year:04}-{month or 1:02}-{day or 1:02}", f"{year:04}-{last_month:02}-{last_day:02}"


def _period_or_error(date: str) -> tuple[str, str] | None:
    if not date.strip():
        return None
    found = period(date)
    if found is None:
        raise UsageError(f"日期“{date[:20]}”读不懂，请写成 2023-11-06、2023-11 或 2023。/ Not a date.", code="filter")
    return found
