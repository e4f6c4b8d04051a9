"""The records that flow through Yuanwen. All are frozen; offsets are code points, half-open.

`bytes → Document → [Passage] → vectors + tokens → index` and `question → [Hit] → Answer`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FACTS = ("doc_number", "issuer", "date", "validity")  # the metadata that a document is cited by, in this order


@dataclass(frozen=True, slots=True)
class Page:
    """Where a page, slide or sheet begins in the document's text.

    start: first code point of the page. label: what a reader calls it, e.g. `第3页`, `幻灯片2`, `工作表“名单”`.
    """

    start: int
    label: str


@dataclass(frozen=True, slots=True)
class LineBox:
    """The place of a run of text on its page, for boxing a quote on the page itself.

    page: number from 1. x0, top, x1, bottom: fractions of page width/height in [0, 1], origin top left.
    """

    start: int
    end: int
    page: int
    x0: float
    top: float
    x1: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Document:
    """One source document, its text exactly as decoded or extracted.

    doc_id: POSIX path under the corpus root. text: for .txt the decoded bytes with newlines untouched.
    sha256: of the file's bytes. metadata: doc_number, issuer, date, validity, encoding, … (all text).
    boxes: of every line (OFD, recognised pages), or of those at the edges of a page (other PDF).
    loader: what read the file, with its version (`pdf-1`); empty for rows of a test collection. warnings: sentences for the
    ingest report. original: the file's bytes where its pages can be shown (PDF), else empty;
    a document read back from the catalog comes without them.
    """

    doc_id: str
    title: str
    text: str
    sha256: str
    media_type: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    pages: tuple[Page, ...] = ()
    boxes: tuple[LineBox, ...] = ()
    warnings: tuple[str, ...] = ()
    loader: str = ""
    original: bytes = field(default=b"", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Removal:
    """A span that is left out of passages, and why.

    joins: true when the text before and after is one sentence that the span had cut in two.
    """

    start: int
    end: int
    reason: str
    joins: bool = False


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a document that can be retrieved.

    text: `source[start:end]` without `cuts`, the spans inside that mending removed (offsets into the source).
    sentences: source spans of the sentences, in order. headings: the headings above, outermost first.
    ordinal: position among the document's passages, from 0.
    """

    passage_id: str
    doc_id: str
    ordinal: int
    start: int
    end: int
    text: str
    headings: tuple[str, ...] = ()
    cuts: tuple[tuple[int, int], ...] = ()
    sentences: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class QueryTerms:
    """A question as the search reads it.

    folded: its characters in the form they are compared. tokens: its words, bigrams, numbers and known terms.
    added: tokens that synonyms bring in, each with the question's word that it is a synonym of. translated: the Chinese
    words that are searched for instead of an English question; empty for others.
    """

    folded: str = ""
    tokens: tuple[str, ...] = ()
    added: Mapping[str, str] = field(default_factory=dict)
    translated: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found for a query. `score` is higher-is-better; `stages` holds what each stage gave it.

    row: of the passage in the `Snapshot` that was searched. matched: the question's words, terms and numbers that it
    holds, and synonyms of them. named: the question names it.
    """

    passage: Passage
    score: float
    rank: int
    row: int
    stages: Mapping[str, float] = field(default_factory=dict)
    matched: tuple[str, ...] = ()
    named: bool = False


@dataclass(frozen=True, slots=True)
class Location:
    """Another place that holds the same words."""

    doc_id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Context:
    """A span widened to neighbouring passages (`start`, `end`), and the section it is part of, under `headings`."""

    start: int
    end: int
    section_start: int
    section_end: int
    headings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A citation: the exact source text of `[start, end)` and what a reader needs to check it.

    text: equals the source at the span. mended: the same with page breaks and stray numbers taken out.
    highlights: source spans of the sentences that answer. page: label of the page it begins on, or "". boxes: where it
    is on its pages, for formats with a fixed layout. facts: what the document is cited by, those of FACTS it states.
    context: the passages around it, where that was asked for. stages, matched, named: why it has its rank, as in
    Hit.
    """

    marker: int
    doc_id: str
    title: str
    headings: tuple[str, ...]
    start: int
    end: int
    text: str
    mended: str
    score: float
    highlights: tuple[tuple[int, int], ...]
    also_in: tuple[Location, ...] = ()
    page: str = ""
    stages: Mapping[str, float] = field(default_factory=dict)
    matched: tuple[str, ...] = ()
    named: bool = False
    boxes: tuple[LineBox, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    context: Context | None = None


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds spent in each part of one answer."""

    embed: float = 0.0
    search: float = 0.0
    rerank: float = 0.0
    total: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service says to a question. `answerable=False` comes with no excerpts.

    nearest: what is about the matter and does not answer, where the question is not answered; none for a foreign one.
    """

    question: str
    answerable: bool
    confidence: float
    excerpts: tuple[Excerpt, ...]
    timings: Timings
    terms: QueryTerms = QueryTerms()
    nearest: tuple[Excerpt, ...] = ()


@dataclass(frozen=True, slots=True)
class IngestLine:
    """What became of one file at ingest. `error` is empty when it was read.

    characters: of the text, blanks included. kept, removals: characters other than blanks that can be found, and those
    removed, by reason. coverage: the share kept, in [0, 1]: 1 only where nothing was removed.
    """

    doc_id: str
    media_type: str
    encoding: str
    pages: int
    passages: int
    characters: int
    coverage: float
    removals: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    error: str = ""
    code: str = ""
    kept: int = 0
