"""The bodies of the REST interface, as its OpenAPI document states them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from rag.web.feedback import Verdict

Globs = Annotated[list[str], Field(max_length=200, description="只在这些文档中找：文档编号或通配符")]


class AskBody(BaseModel):
    """A question."""

    question: str = Field(description="问题", examples=["四同步四衔接指的是什么？"])
    top_k: int | None = Field(None, ge=1, le=100, description="最多几条摘录，缺省见设置 top_k")
    documents: Globs | None = None
    id: str | int | None = Field(None, description="原样带回")


class SearchBody(BaseModel):
    """A query for documents."""

    question: str = Field(description="检索式")
    top_k: int = Field(10, ge=1, le=1000, description="最多几篇")
    documents: Globs | None = None


class SpanBody(BaseModel):
    """A span of a document, in code points, half-open."""

    doc: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)


class ExcerptOut(BaseModel):
    """A citation: `text` equals the source at `[start, end)`."""

    marker: int
    doc: str
    title: str
    headings: list[str]
    start: int
    end: int
    text: str
    score: float
    highlights: list[tuple[int, int]]
    also_in: list[SpanBody]
    mended: str | None = Field(None, description="接续断行后的读法，与 text 不同时才有")
    page: str | None = None


class TimingsOut(BaseModel):
    """Milliseconds."""

    embed: float
    search: float
    rerank: float
    total: float


class AnswerOut(BaseModel):
    """The answer. `answerable: false` comes with no excerpts."""

    id: str | int | None = None
    question: str
    answerable: bool
    confidence: float
    excerpts: list[ExcerptOut]
    timings_ms: TimingsOut


class RankedOut(BaseModel):
    """A document found."""

    rank: int
    doc: str
    title: str
    score: float


class SearchOut(BaseModel):
    """Ranked documents; search never refuses."""

    question: str
    documents: list[RankedOut]


class DocumentOut(BaseModel):
    """A document of the index with its line of the ingest report."""

    doc: str
    title: str
    media_type: str
    encoding: str
    sha256: str
    characters: int
    passages: int
    pages: int
    coverage: float
    removals: dict[str, int]
    metadata: dict[str, str]
    warnings: list[str]


class DocumentsOut(BaseModel):
    """All documents."""

    generation: int
    documents: list[DocumentOut]


class LineOut(BaseModel):
    """What became of one file; `error` is empty when it was read."""

    doc: str
    media_type: str
    characters: int
    passages: int
    coverage: float
    removals: dict[str, int]
    warnings: list[str]
    error: str
    code: str


class IngestOut(BaseModel):
    """The ingest report."""

    generation: int
    lines: list[LineOut]
    unchanged: list[str]
    removed: list[str]


class TextOut(BaseModel):
    """A stretch of a document's text. length: of the whole text."""

    doc: str
    start: int
    end: int
    length: int
    text: str


class FeedbackBody(BaseModel):
    """A verdict on an answer."""

    question: str = Field(min_length=1, max_length=4000)
    spans: Annotated[list[SpanBody], Field(max_length=200)] = []
    verdict: Verdict
    note: str = Field("", max_length=2000)


class FeedbackOut(BaseModel):
    """The verdict was kept."""

    id: int
    generation: int


class ProblemOut(BaseModel):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str | None = None
    errors: list[dict[str, object]] | None = None
