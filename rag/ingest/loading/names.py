"""Names of files as people see them: one name for what looks the same to a reader and differs only in code points.

A folder copied between systems changes its names (macOS takes 文件é.txt apart, web pages put zero-width spaces in); the
documents would be removed and added again. What looks alike but is not the same (а of another alphabet, ～ for ~) stays
two names, and the report says so.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable
from pathlib import PurePosixPath

_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0]"
)
# Letters and marks that look like another one, after NFKC and case folding: other alphabets', dashes, rings, strokes, dots.
_ALIKE_GROUPS = (
    "aаα", "bв", "cс", "dԁ", "eеε", "hнһ", "iіιı", "jј", "kкκ", "mм", "oоο0〇○", "pрρ", "qԛ", "sѕ", "tтτ", "uυ", "vν", "wԝ",
    "xхχ", "yу", "1l|", "-‐‑‒–—―−ー一", "·•‧・", "~〜",
)  # fmt: skip
_ALIKE = {ord(char): group[0] for group in _ALIKE_GROUPS for char in group}


def plain_name(name: str) -> str:
    """A name composed (NFC), without characters that nobody sees; a name of nothing else stays as it is."""
    plain = unicodedata.normalize("NFC", _UNSEEN.sub("", name))
    return plain if PurePosixPath(plain).stem.strip() else name


def numbered(name: str, taken: Collection[str]) -> str:
    """The name, numbered before its suffix where it is taken: 通知.txt → 通知〔2〕.txt."""
    if name not in taken:
        return name
    path = PurePosixPath(name)
    number = 2
    while (other := path.with_name(f"{path.stem}〔{number}〕{path.suffix}").as_posix()) in taken:
        number += 1
    return other


def look_alikes(names: Iterable[str]) -> dict[str, str]:
    """For each name that looks like another one of `names`, the other."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in names:
        groups[_seen_as(name)].append(name)
    return {
        name: next(other for other in group if other != name)
        for group in groups.values()
        if len(group) > 1
        for name in group
    }


def _seen_as(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold().translate(_ALIKE)
