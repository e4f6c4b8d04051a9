"""Near-duplicate passages: equal but for white space, or nearly, found with MinHash and then verified exactly.

Broder 1997 for MinHash; the library only proposes candidates, so its estimate decides nothing. Passages whose numbers
differ are never duplicates: 提前五日 and 提前三十日 are two rules.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rag.datamodels import Passage
from rag.text.numerals import ALL

DUPLICATES = "minhash-1"  # changes whenever the same passages would be found to be others' duplicates
NEAR = 0.85  # Jaccard of character 3-grams from which two passages count as one text
SHINGLE = 3
PERMUTATIONS, BANDS = 128, 16  # 16 bands of 8: a pair at .85 is proposed with probability 1 − (1 − .85⁸)¹⁶ > .99
_NUMBERS = re.compile(rf"[0-9０-９{ALL}]+")


def near_duplicates(passages: Sequence[Passage]) -> dict[int, tuple[int, ...]]:
    """For each row that has any, the rows of the passages that say the same, ascending."""
    from rensa import RMinHash, RMinHashLSH

    texts = ["".join(passage.text.split()) for passage in passages]
    if len(texts) < 2:
        return {}
    shingles = [_shingles(text) for text in texts]
    sketches = RMinHash.from_token_sets([sorted(found) for found in shingles], num_perm=PERMUTATIONS, seed=1)
    lsh = RMinHashLSH(threshold=NEAR, num_perm=PERMUTATIONS, num_bands=BANDS)
    found: dict[int, set[int]] = {}
    for row, sketch in enumerate(sketches):
        for other in lsh.query(sketch):
            if _same(texts[row], texts[other], shingles[row], shingles[other]):
                found.setdefault(row, set()).add(other)
                found.setdefault(other, set()).add(row)
        lsh.insert(row, sketch)
    return {row: tuple(sorted(others)) for row, others in sorted(found.items())}


def _shingles(text: str) -> frozenset[str]:
    return frozenset(text[at : at + SHINGLE] for at in range(max(1, len(text) - SHINGLE + 1)))


def _same(a: str, b: str, grams_a: frozenset[str], grams_b: frozenset[str]) -> bool:
    if a == b:
        return True
    jaccard = len(grams_a & grams_b) / max(1, len(grams_a | grams_b))
    return jaccard >= NEAR and _NUMBERS.findall(a) == _NUMBERS.findall(b)


def to_json(duplicates: Mapping[int, Sequence[int]]) -> dict[str, list[int]]:
    """Near-duplicates with string keys, as JSON wants them."""
    return {str(row): list(others) for row, others in duplicates.items()}


def from_json(stored: Mapping[str, Sequence[int]]) -> dict[int, tuple[int, ...]]:
    """The near-duplicates that `to_json` was given."""
    return {int(row): tuple(others) for row, others in stored.items()}
