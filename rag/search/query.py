"""The first station: a question is checked, then read by one generation of the collection.

`SearchRequest` is what was asked for, before anything is loaded; `Query` is the same with its words and vectors.
"""

from __future__ import annotations

import math
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from rag.config import Settings
from rag.datamodels import QueryTerms
from rag.errors import QuestionError, UsageError
from rag.index.snapshot import Snapshot
from rag.models.embedding import Embedder
from rag.search.english import in_chinese
from rag.search.filtering import ALL, Filter, admitted
from rag.search.pacing import UNHURRIED, Pace
from rag.text.tokenizing import fold, tokenize

CENTRING = 0.7  # of what all questions have in common, taken out, or passages near to any question float up


@dataclass(frozen=True, slots=True)
class Scope:
    """What a question may look at.

    documents: globs over doc_id; empty for all. allowed: whether the one who asks may see a document; None for all.
    only: what dates and validity.
    """

    documents: tuple[str, ...] = ()
    allowed: Callable[[str], bool] | None = None
    only: Filter = ALL

    def sees(self, doc_id: str) -> bool:
        """Whether a document may be named at all, searched or not."""
        return self.allowed is None or self.allowed(doc_id)


EVERYTHING = Scope()


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A checked question and how it is to be answered.

    question: as it was asked. text: the same without control characters and outer blanks. top_k: results wanted.
    depth: hits to rank, at least `top_k`. whole_lists: give more than that where the question asks for a list that is
    longer. around: passages of context to name on each side of an excerpt. arrived: `time.perf_counter()` at its arrival.
    """

    settings: Settings
    question: str
    text: str
    top_k: int
    depth: int
    whole_lists: bool = False
    scope: Scope = EVERYTHING
    around: int = 0
    pace: Pace = UNHURRIED
    arrived: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """A question ready to be searched with, by one generation.

    terms: how its words are read. vector: (dim,) of the embedder. centred: (dim,) the same without what all questions
    have in common: what is searched with. rows: (m,) int64, ascending, the passages that may be searched; None for all.
    started: `time.perf_counter()` before it was read. embed_ms: what reading and encoding took.
    """

    request: SearchRequest
    terms: QueryTerms
    vector: np.ndarray
    centred: np.ndarray
    rows: np.ndarray | None
    started: float
    embed_ms: float

    @property
    def asked(self) -> str:
        """What is searched for: the question, or the Chinese words for an English one."""
        return self.terms.translated or self.request.text

    def deeper(self, depth: int) -> Query:
        """The same query for more hits."""
        return replace(self, request=replace(self.request, depth=depth))


def request_of(
    settings: Settings,
    question: str,
    top_k: int | None = None,
    scope: Scope = EVERYTHING,
    pace: Pace = UNHURRIED,
    *,
    spare: int = 0,
    around: int = 0,
) -> SearchRequest:
    """Check what was asked for. top_k: by default as the settings say, or as many as the list asked for has.

    spare: hits to rank beyond those wanted. Raises QuestionError, UsageError.
    """
    arrived = time.perf_counter()
    text = check_question(question, settings.question_max)
    wanted = settings.top_k if top_k is None else top_k
    if wanted < 1:
        raise UsageError(f"top_k 应为正整数，给的是 {wanted}。/ top_k must be at least 1.")
    whole_lists = top_k is None
    return SearchRequest(settings, question, text, wanted, wanted + spare, whole_lists, scope, around, pace, arrived)


def check_question(question: str, longest: int) -> str:
    """The question without control characters and outer blanks. longest: in characters. Raises QuestionError."""
    if not isinstance(question, str):
        raise QuestionError("问题必须是一段文字。/ The question must be text.")
    kept = "".join(" " if unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} else char for char in question)
    kept = " ".join(kept.split())
    if not any(char.isalnum() for char in kept):
        raise QuestionError("请输入问题：目前是空白或只有符号。/ The question is blank.", code="question-blank")
    if len(kept) > longest:
        raise QuestionError(
            f"问题太长：{len(kept)} 字，最多 {longest} 字。请概括后再问。/ The question is too long.",
            code="question-too-long",
        )
    return kept


def read_query(
    snapshot: Snapshot, embedder: Embedder, request: SearchRequest, vector: np.ndarray | None = None
) -> Query:
    """Read and encode a question. vector: (dim,) the question's, where it is known already."""
    started = time.perf_counter()
    rows = searched_rows(snapshot, request.scope)
    terms = read_terms(snapshot, request.text)
    if vector is None:
        vector = embedder.encode_queries([terms.translated or request.text])[0]
    centred = vector - CENTRING * snapshot.background
    return Query(request, terms, vector, centred, rows, started, (time.perf_counter() - started) * 1e3)


def read_terms(snapshot: Snapshot, text: str) -> QueryTerms:
    """What the words of a checked question are, to this collection."""
    translated = in_chinese(text, snapshot.lexical.frequency)
    asked = translated or text
    tokens = (*tokenize(asked), *snapshot.vocabulary.terms_in(asked))
    return QueryTerms(fold(text), tokens, snapshot.vocabulary.tokens_of(asked), translated)


def searched_documents(snapshot: Snapshot, scope: Scope) -> tuple[str, ...]:
    """The documents that a scope leaves to search."""
    return admitted(snapshot.metadata, scope.documents, scope.allowed, scope.only)


def searched_rows(snapshot: Snapshot, scope: Scope) -> np.ndarray | None:
    """(m,) int64, ascending, the passages of those documents; None where the scope narrows nothing."""
    if scope == EVERYTHING:
        return None
    return snapshot.rows_of(frozenset(searched_documents(snapshot, scope)).__contains__)


def left_ms(query: Query) -> float:
    """Milliseconds left of the time for one question, its wait included; inf where there is no limit."""
    budget = query.request.settings.latency_budget_ms
    gone = query.request.pace.waited_ms + (time.perf_counter() - query.started) * 1e3
    return budget - gone if budget else math.inf
