"""What an administrator teaches the search: terms found whole, and words that mean the same.

Terms are those of the list and those that the collection itself puts between quotation marks (“四同步”). A term that a
passage or a question holds becomes one more token of it, so that it counts as itself beside the words jieba cuts it
into. Both tables can change without encoding any passage again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources
from typing import TYPE_CHECKING

from rag.errors import UsageError
from rag.text.tokenizing import fold, tokenize

if TYPE_CHECKING:
    import ahocorasick

TERM_MARK = "\u0002"  # ends a term's token, so that it is never mistaken for a word
LONGEST = 30  # characters of a term or synonym
MOST = 20_000  # lines of a table
_QUOTED = re.compile(r"[“「『]([0-9A-Za-z\u3007\u3400-\u9fff]{2,8})[”」』]")
_BETWEEN = re.compile(r"[,，、;；=\t]|\s+")


@dataclass(frozen=True)
class Vocabulary:
    """terms: folded, each once. synonyms: groups of folded words that mean the same."""

    terms: tuple[str, ...] = ()
    synonyms: tuple[tuple[str, ...], ...] = ()

    def terms_in(self, text: str) -> list[str]:
        """The tokens of the terms that a text holds, in order, repeats kept."""
        if self._automaton is None:
            return []
        return [f"{term}{TERM_MARK}" for _, term in self._automaton.iter(fold(text))]

    def expand(self, question: str) -> list[tuple[str, tuple[str, ...]]]:
        """The question's words that have synonyms, each with those the question does not hold; longest words first."""
        left = folded = fold(question)
        found = []
        for word in self._groups:
            if word in left:
                others = tuple(other for other in self._groups[word] if other not in folded)
                left = left.replace(word, " ")
                if others:
                    found.append((word, others))
        return found

    def tokens_of(self, question: str) -> dict[str, str]:
        """The tokens that synonyms add to a question, each with the word of the question that it replaces."""
        own = set(tokenize(question))
        return {
            token: word
            for word, others in self.expand(question)
            for other in others
            for token in tokenize(other)
            if token not in own
        }

    @cached_property
    def _groups(self) -> dict[str, tuple[str, ...]]:
        """The synonyms of each word, the longest words first."""
        groups: dict[str, tuple[str, ...]] = {}
        for group in self.synonyms:
            for word in group:
                groups[word] = tuple(dict.fromkeys([*groups.get(word, ()), *(o for o in group if o != word)]))
        return dict(sorted(groups.items(), key=lambda entry: (-len(entry[0]), entry[0])))

    @cached_property
    def _automaton(self) -> ahocorasick.Automaton | None:
        import ahocorasick

        if not self.terms:
            return None
        automaton = ahocorasick.Automaton()
        for term in self.terms:
            automaton.add_word(term, term)
        automaton.make_automaton()
        return automaton


def read_terms(text: str) -> tuple[str, ...]:
    """Terms, one a line; `#` begins a comment. Raises UsageError with the line."""
    return tuple(dict.fromkeys(_checked(line.strip(), number, "词条") for number, line in _lines(text)))


def read_synonyms(text: str) -> tuple[tuple[str, ...], ...]:
    """Groups of synonyms, one a line, words set apart by 、 commas or blanks. Raises UsageError with the line."""
    groups = []
    for number, line in _lines(text):
        words = tuple(dict.fromkeys(_checked(word, number, "同义词") for word in _BETWEEN.split(line) if word))
        if len(words) < 2:
            raise UsageError(
                f"同义词第 {number} 行只有一个词“{line[:20]}”，一行至少两个，用顿号或空格隔开。/ Line {number} has one word."
            )
        groups.append(words)
    return tuple(groups)


def quoted_terms(texts: Iterable[str]) -> tuple[str, ...]:
    """The short terms that texts put between quotation marks: what an office calls its own things."""
    return tuple(sorted({fold(match[1]) for text in texts for match in _QUOTED.finditer(text)}))


@lru_cache(maxsize=1)
def shipped_synonyms() -> str:
    """The table that an index begins with: everyday words and what official documents say for them."""
    return resources.files("rag").joinpath("data/synonyms.txt").read_text(encoding="utf-8")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    lines = text.lstrip("\ufeff").splitlines()
    if len(lines) > MOST:
        raise UsageError(f"词表有 {len(lines)} 行，最多 {MOST} 行。/ The table has too many lines.")
    for number, line in enumerate(lines, 1):
        content = line.split("#", 1)[0].strip()
        if content:
            yield number, content


def _checked(word: str, number: int, kind: str) -> str:
    folded = fold(word)
    if len(folded) > LONGEST or not any(char.isalnum() for char in folded):
        raise UsageError(
            f"{kind}第 {number} 行的“{word[:20]}”不能用：须含文字，且不超过 {LONGEST} 字。/ Line {number} is not a word."
        )
    return folded
