"""Exact addresses in a question: 《title》 with 第三条 or 第2点, 〔2023〕12号. Resolved before anything semantic."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.datamodels import Passage
from rag.text.headings import DOCUMENT_NUMBER, UNIT_NAMED, UNIT_NUMBER, marker_at
from rag.text.numerals import to_number
from rag.text.tokenizing import fold

_TITLE = re.compile(r"《([^《》]{2,60})》")
_ENUMERATING_RANKS = frozenset(range(6, 12))  # 一、 （一） 1. （1） ① 一是: what people call 第N点


@dataclass(frozen=True, slots=True)
class Address:
    """What a question points at by name. titles: folded. units: (number, 条/章/点…). numbers: (year, no)."""

    titles: tuple[str, ...] = ()
    units: tuple[tuple[int, str], ...] = ()
    numbers: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        """Whether the question names any place."""
        return bool(self.units or self.numbers)


def read_address(question: str) -> Address:
    """The exact addresses that a question holds."""
    units = []
    for match in UNIT_NAMED.finditer(question):
        value = to_number(match[1])
        if value is not None:
            units.append((value, match[2]))
    return Address(
        titles=tuple(fold(match[1]) for match in _TITLE.finditer(question)),
        units=tuple(units),
        numbers=tuple((match[1], match[2].lstrip("0")) for match in DOCUMENT_NUMBER.finditer(question)),
    )


def resolve(address: Address, question: str, passages: Sequence[Passage], titles: Mapping[str, str]) -> tuple[int, ...]:
    """Rows of the passages that an address names, in order; empty when it names none here.

    A unit (第三条) counts only inside documents that the question names, by 《title》, by the title's own words, or
    because there is only one; elsewhere it would be a guess.
    """
    if not address:
        return ()
    named = {doc_id for doc_id, title in titles.items() if _names(address, question, title)}
    if not named and len(titles) == 1:
        named = set(titles)
    found = []
    for row, passage in enumerate(passages):
        by_unit = passage.doc_id in named and any(_opens(passage, *unit) for unit in address.units)
        if by_unit or _holds(passage, address):
            found.append(row)
    return tuple(found)


def _names(address: Address, question: str, title: str) -> bool:
    folded = fold(title)
    if len(folded) < 3 or title.endswith("…"):
        return False
    return folded in fold(question) or any(part in folded for part in address.titles)


def _opens(passage: Passage, value: int, unit: str) -> bool:
    """Whether the passage belongs to the unit, by its headings, or holds it, by the marks that open its lines."""
    for heading in (*passage.headings, *passage.text.splitlines()):
        marker = marker_at(heading, 0, len(heading))
        number = UNIT_NUMBER.search(heading[: marker.end]) if marker else None
        if marker is None or number is None:
            continue
        if to_number(number[1]) != value:
            continue
        if (unit in "点项" and marker.rank in _ENUMERATING_RANKS) or heading[: marker.end].endswith(unit):
            return True
    return False


def _holds(passage: Passage, address: Address) -> bool:
    return bool(address.numbers) and any(
        (match[1], match[2].lstrip("0")) in address.numbers for match in DOCUMENT_NUMBER.finditer(passage.text)
    )
