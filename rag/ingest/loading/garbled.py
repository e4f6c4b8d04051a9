"""Text layers that are no text: fonts whose codes stand for other characters than those they draw.

What comes out of them are Chinese characters, private codes or accented letters, but not those that people write: in good
Chinese files the commonest characters are seven in ten and more of what is judged, in these at most half.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping

from rag.ingest.loading.common_characters import COMMON

FILE_SHARE = 0.6  # of common characters; a whole file below it is garbled
PAGE_SHARE = 0.4  # a page below it is garbled, whatever the rest is: lists of names go down to .5
GOOD_SHARE = 0.7  # a page above it is good, whatever the rest is
_LEAST_JUDGED = 40
_PAGE_JUDGED = 100
_AGREED = 0.5


def common_share(counts: Mapping[str, int]) -> float | None:
    """The share of common characters among those that are Chinese or no letters at all.

    counts: characters with how often they occur. None where too few can be judged, or the text is in another script.
    """
    share, judged = _judged(counts)
    return share if judged >= _LEAST_JUDGED else None


def garbled_pages(texts: Mapping[int, str]) -> frozenset[int]:
    """Keys of the pages whose text is no text. texts: those that have one, by any key."""
    counts = {key: Counter(text) for key, text in texts.items()}
    judged = {key: _judged(one) for key, one in counts.items()}
    bad = {key for key, (share, number) in judged.items() if number >= _PAGE_JUDGED and share < PAGE_SHARE}
    rest: Counter[str] = Counter()
    for key in counts.keys() - bad:
        rest.update(counts[key])
    share = common_share(rest)
    if (share is None and bad) or (share is not None and share < FILE_SHARE):
        good = {key for key, (own, number) in judged.items() if number >= _LEAST_JUDGED and own >= GOOD_SHARE}
        bad = set(counts) - good
    return frozenset(bad)


def says_the_same(layer: str, recognised: str) -> bool:
    """Whether what was recognised on a page is what its text layer says: rare characters may be right."""
    seen = Counter(c for c in recognised if "\u3400" <= c <= "\u9fff")
    held = Counter(c for c in layer if "\u3400" <= c <= "\u9fff")
    return sum(seen.values()) > 0 and (seen & held).total() >= _AGREED * max(seen.total(), held.total())


def _judged(counts: Mapping[str, int]) -> tuple[float, int]:
    """The share of common characters, and among how many; (1, 0) where nothing can be said."""
    han = common = noise = letters = foreign = 0
    for char, number in counts.items():
        code = ord(char)
        if code < 0x80:
            letters += number if char.isalpha() else 0
        elif 0x3400 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF or 0x20000 <= code <= 0x323AF:
            han += number
            common += number if char in COMMON else 0
        elif code < 0x250 or 0xE000 <= code <= 0xF8FF or code == 0xFFFD:
            noise += number
        elif unicodedata.category(char)[0] in "LC":
            foreign += number
    judged = han + (noise if noise > letters else 0)  # bullets and accents of an English page are no noise
    if foreign * 2 > judged or judged * 4 < letters or not judged:
        return 1.0, 0
    return common / judged, judged
