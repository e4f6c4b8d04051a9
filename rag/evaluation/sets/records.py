"""The records of evaluation. All are frozen; offsets are code points, half-open, ranks count from 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from rag.text.spans import Span

Run = dict[str, dict[str, float]]  # query id → document id → score, higher is better
Qrels = dict[str, dict[str, int]]  # query id → document id → grade, relevant from 1
NEAR, OFF, HARD = "near-domain", "off-topic", "hard"
# Why a question has no answer, and how it is called in a sheet: the topic is near, or foreign, or there without the fact.
KINDS: Mapping[str, str] = {OFF: "无关", NEAR: "相近", HARD: "提到而未说明"}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one row of a test set. `column` may be empty; `fatal` rows are left out of the run."""

    source: str
    row: int
    column: str
    message: str
    fatal: bool = True

    def __str__(self) -> str:
        """One sentence that names file, row and column."""
        column = f"“{self.column}”" if self.column else ""
        return f"{self.source} 第 {self.row} 行{column}：{self.message}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A place that answers. spans: of the quote in the document; empty when only the document is named."""

    doc_id: str
    quote: str
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A row of a test set.

    type: what sort of question it is, as the set has it. answerable: None when the row does not say, so that it is asked
    and shown but not scored. evidence: all are needed. alternatives: any of them answers as well. kind: one of KINDS where
    it is not answerable, else empty. row: its number in its file, from 1.
    """

    question_id: str
    text: str
    type: str
    answerable: bool | None
    evidence: tuple[Evidence, ...] = ()
    alternatives: tuple[Evidence, ...] = ()
    note: str = ""
    row: int = 0
    kind: str = ""


@dataclass(frozen=True, slots=True)
class TestSet:
    """Questions that can be asked, and what was wrong with the others. rows: how many rows were read in all."""

    __test__ = False  # not a pytest class

    name: str
    questions: tuple[Question, ...]
    problems: tuple[Problem, ...]
    rows: int

    def noting(self, problems: Sequence[Problem]) -> TestSet:
        """The same with more problems."""
        return replace(self, problems=(*self.problems, *problems))


@dataclass(frozen=True, slots=True)
class Collection:
    """A BEIR folder: queries with relevance judgements over a corpus that is read row by row when it is indexed."""

    name: str
    queries: Mapping[str, str]
    qrels: Qrels
    problems: tuple[Problem, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class Shown:
    """An excerpt as the service gave it."""

    doc_id: str
    start: int
    end: int
    text: str = ""
    title: str = ""
    headings: tuple[str, ...] = ()
    score: float = 0.0
    highlights: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Response:
    """What the service answered to one question; a refusal has no excerpts. timings_ms: by part, with `total`."""

    question_id: str
    answerable: bool
    confidence: float
    excerpts: tuple[Shown, ...]
    timings_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question, scored.

    rank: of the first excerpt that hits, None when none does. full: every entry covered by the first five.
    Both are None where the row has no quote, or is not answerable. document_rank: of the first expected document.
    lead: where the first excerpt hits, whether what is highlighted in it hits too; None otherwise.
    """

    question: Question
    response: Response
    rank: int | None
    full: bool | None
    document_rank: int | None
    verdict: str  # hit, miss, refused, false-answer, correct-refusal, unscored
    lead: bool | None = None
