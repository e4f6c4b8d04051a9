"""Stretches of a text, character by character."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from rag.datamodels import Passage
from rag.text.spans import mend, reads_as, uncovered
from tests.oracles import plain

TEXT = "工会经费的使用要公开，\n每季度 由委员会审查一次。  结果向会员公布。\n"
PAIRS = st.lists(st.tuples(st.integers(0, len(TEXT)), st.integers(0, len(TEXT))).map(sorted).map(tuple), max_size=4)


def apart(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those that begin after the end of the one before, in order."""
    kept: list[tuple[int, int]] = []
    for span in sorted(spans):
        if span[0] < span[1] and (not kept or span[0] > kept[-1][1]):
            kept.append(span)
    return kept


@settings(deadline=None)
@given(PAIRS, PAIRS)
def test_what_no_span_covers_is_found(spans, removed):
    covered = {at for start, end in [*spans, *removed] for at in range(start, end)}
    lost = {at for at, char in enumerate(TEXT) if not char.isspace() and at not in covered}
    found = {at for start, end in uncovered(TEXT, spans, removed) for at in range(start, end)}
    assert {at for at in found if not TEXT[at].isspace()} == lost
    assert not found & covered
    assert uncovered(TEXT, [(0, 5)], []) == [(5, len(TEXT))]


@settings(deadline=None)
@given(PAIRS, st.integers(0, len(TEXT)), st.integers(0, len(TEXT)))
def test_a_part_of_a_mended_passage_reads_without_its_cuts(spans, one, other):
    cuts = tuple(apart(spans))
    start, end = sorted((one, other))
    whole = "".join(char for at, char in enumerate(TEXT) if not any(a <= at < b for a, b in cuts))
    passage = Passage("p", "d", 0, 0, len(TEXT), whole, (), cuts)
    assert mend(TEXT, 0, len(TEXT), cuts) == whole
    expected = plain.read_without_cuts(passage, start, end)
    assert reads_as(passage, start, end) == expected == mend(TEXT, start, end, cuts)
    last = Passage("p", "d", 0, 2, 9, TEXT[2:4] + TEXT[6:9], (), ((4, 6),))
    assert reads_as(last, 6, 9) == TEXT[6:9]
