"""The places of an expected quote in the indexed documents, and the nearest text when there are none."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from rag.errors import YuanwenError
from rag.service import Service
from rag.text.spans import Span

NEAREST_LOOKUPS = 50  # a table with thousands of wrong quotes gets nearest texts for the first ones only
NEAREST_SCORE = 55  # of 100; below it nothing is near enough to be worth showing
SHOWN = 60  # characters of a nearest text


@dataclass(frozen=True)
class Library:
    """The documents that quotes are looked up in.

    titles: by doc_id. text_of: a document's text. search: doc_ids near a text, best first.
    """

    titles: Mapping[str, str]
    text_of: Callable[[str], str]
    search: Callable[[str], Sequence[str]]

    @cached_property
    def _by_name(self) -> Mapping[str, tuple[str, ...]]:
        """Documents by every name that a person may give them: path, file name, stem, title."""
        found: dict[str, list[str]] = {}
        for doc_id, title in self.titles.items():
            path = PurePosixPath(doc_id)
            for name in dict.fromkeys(_plain(name) for name in (path.name, path.stem, title)):
                found.setdefault(name, []).append(doc_id)
        return {name: tuple(ids) for name, ids in found.items()}

    def resolve(self, name: str) -> str | None:
        """The document that a person means by a path, file name or title; None when none or several."""
        if name in self.titles:
            return name
        found = self._by_name.get(_plain(PurePosixPath(name).name), ()) or self._by_name.get(_plain(name), ())
        return found[0] if len(found) == 1 else None

    def unknown(self, name: str) -> str:
        """A sentence on a name that `resolve` could not place."""
        from rapidfuzz import fuzz, process

        found = self._by_name.get(_plain(PurePosixPath(name).name), ()) or self._by_name.get(_plain(name), ())
        if len(found) > 1:
            return f"文档“{name}”有 {len(found)} 个同名的：{'、'.join(found[:3])}，请写全路径"
        near = process.extractOne(_plain(name), list(self._by_name), scorer=fuzz.WRatio, score_cutoff=60)
        hint = f"，最接近的是“{self._by_name[near[0]][0]}”" if near else ""
        return f"索引中没有文档“{name}”{hint}"

    def find(self, doc_id: str, quote: str) -> tuple[Span, ...]:
        """Every place of the exact quote in a document."""
        return occurrences(self.text_of(doc_id), quote)

    def find_loosely(self, doc_id: str, quote: str) -> tuple[Span, ...]:
        """Places of the quote when white space does not count, as it does not in a cell filled by copy and paste."""
        text = self.text_of(doc_id)
        exact = occurrences(text, quote)
        if exact or "".join(quote.split()) not in self._without_blanks(doc_id, text):
            return exact
        kept = [at for at, char in enumerate(text) if not char.isspace()]
        bare = "".join(text[at] for at in kept)
        return tuple((kept[a], kept[b - 1] + 1) for a, b in occurrences(bare, "".join(quote.split())))

    @cached_property
    def _texts(self) -> Mapping[str, str]:
        return {doc_id: self.text_of(doc_id) for doc_id in self.titles}

    @cached_property
    def _bare(self) -> dict[str, str]:
        """Texts without white space, filled as they are asked for."""
        return {}

    def _without_blanks(self, doc_id: str, text: str) -> str:
        if doc_id not in self._bare:
            self._bare[doc_id] = "".join(text.split())
        return self._bare[doc_id]

    def everywhere(self, quote: str) -> tuple[tuple[str, tuple[Span, ...]], ...]:
        """Every document that holds the quote, white space aside. Reads all texts, once."""
        bare = "".join(quote.split())
        found = [doc_id for doc_id, text in self._texts.items() if quote in text]
        found = found or [d for d, text in self._texts.items() if bare in self._without_blanks(d, text)]
        return tuple((doc_id, self.find_loosely(doc_id, quote)) for doc_id in found)

    def nearest(self, quote: str, doc_id: str | None = None) -> str:
        """A clause that quotes the text most like the quote, for a message only; empty when nothing is near."""
        from rapidfuzz import fuzz

        best, where, text = 0.0, "", ""
        for candidate in [doc_id] if doc_id else self._near(quote):
            source = self.text_of(candidate)
            found = fuzz.partial_ratio_alignment(quote, source, score_cutoff=max(best, NEAREST_SCORE))
            if found is not None and found.score > best:
                best, where, text = found.score, candidate, source[found.dest_start : found.dest_end]
        if not text:
            return ""
        shown = " ".join(text.split())
        return f"最接近的是《{where}》里的“{shown[:SHOWN]}{'…' if len(shown) > SHOWN else ''}”（相似 {best:.0f}%）"

    def _near(self, quote: str) -> Sequence[str]:
        try:
            return self.search(quote)
        except YuanwenError:  # the quote is no question: blank, say, or too long
            return ()


def library_of(service: Service) -> Library:
    """The library of a service's present index."""
    return Library(
        service.current().titles,
        lambda doc_id: service.document(doc_id).document.text,
        lambda text: [found.doc_id for found in service.search(text[: service.settings.question_max], 3)],
    )


def occurrences(text: str, quote: str) -> tuple[Span, ...]:
    """Every place of a string in a text, overlapping ones too."""
    if not quote:
        return ()
    spans, at = [], text.find(quote)
    while at >= 0:
        spans.append((at, at + len(quote)))
        at = text.find(quote, at + 1)
    return tuple(spans)


def _plain(name: str) -> str:
    """A name for comparing: NFC, no outer blanks or title marks, lower case."""
    return unicodedata.normalize("NFC", name).strip().strip("《》").strip().lower()
