"""What stands around a passage, counted out passage by passage."""

from __future__ import annotations

import pytest

from rag.datamodels import Passage
from rag.service import Service

SECTION_MAX = 3000


def by_document(service: Service) -> dict[str, list[Passage]]:
    found: dict[str, list[Passage]] = {}
    for entry in service.catalog.entries():
        found.setdefault(entry.passage.doc_id, []).append(entry.passage)
    return found


def section_of(passages: list[Passage], at: int) -> tuple[int, int, tuple[str, ...]] | None:
    """The innermost heading's passages around one, at most 3,000 characters and more than the passage itself."""
    own = passages[at].headings
    for depth in range(len(own), 0, -1):
        same = [passage.headings[:depth] == own[:depth] for passage in passages]
        first = max((place + 1 for place in range(at) if not same[place]), default=0)
        last = min((place - 1 for place in range(at, len(passages)) if not same[place]), default=len(passages) - 1)
        start, end = passages[first].start, passages[last].end
        if end - start > SECTION_MAX:
            return None
        if last > first:
            return start, end, own[:depth]
    return None


@pytest.mark.parametrize("around", [0, 1, 2, 500])
def test_so_many_passages_on_each_side_and_the_section(toy_service: Service, around: int) -> None:
    sections = 0
    for doc_id, passages in by_document(toy_service).items():
        for at, passage in enumerate(passages):
            found = toy_service.around(doc_id, passage.start, passage.end, around)
            near = passages[max(0, at - around) : at + around + 1]
            assert (found.start, found.end) == (near[0].start, near[-1].end)
            section = section_of(passages, at)
            if section is not None:
                sections += 1
                assert (found.section_start, found.section_end, found.headings) == section
            else:
                assert (found.section_start, found.section_end) == (found.start, found.end)
    assert sections > 20
