"""Provinces, cities and counties that a question names: what is said about Wuxi does not answer for Hangzhou."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources

from rag.text.tokenizing import dictionary_words

_ENDINGS = ("特别行政区", "自治区", "自治州", "自治县", "省", "市", "区", "县", "州")


def places_named(text: str) -> tuple[str, ...]:
    """The places in order, folded and without 省, 市, 县 and the like, each once."""
    return tuple(dict.fromkeys(place for word in dictionary_words(text) if (place := _place(word))))


def _place(word: str) -> str:
    """The name that a word is, with or without its ending; empty when it is none."""
    bare = (word.removesuffix(ending) for ending in _ENDINGS if word.endswith(ending))
    return next((name for name in (word, *bare) if name in _names()), "")


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    lines = resources.files("rag").joinpath("data/places.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))
