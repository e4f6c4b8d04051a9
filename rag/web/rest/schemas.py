"""The bodies of the REST interface, as its OpenAPI document states them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from rag.search.filtering import Filter, read_filter
from rag.web.rest.feedback import Verdict

Globs = Annotated[list[str], Field(max_length=200, description="只在这些文档中找：文档编号或通配符")]


class Body(BaseModel):
    """What is sent to us: of just the types that the document names, so that `true` is no number."""

    model_config = ConfigDict(strict=True)


class Narrowed(Body):
    """What documents to search; what is left out does not narrow."""

    documents: Globs | None = None
    since: str = Field("", max_length=20, description="只找这一天（月、年）及以后的文档，如 2023-11-06；没有日期的不算")
    until: str = Field("", max_length=20, description="只找这一天（月、年）及以前的文档")
    validity: Literal["", "现行", "废止"] = Field("", description="现行：未注明废止、失效的；废止：注明了的")

    def only(self) -> Filter:
        """The dates and validity as the service takes them. Raises UsageError."""
        return read_filter(self.since, self.until, self.validity)


class AskBody(Narrowed):
    """A question."""

    question: str = Field(description="问题", examples=["四同步四衔接指的是什么？"])
    top_k: int | None = Field(None, ge=1, le=100, description="最多几条摘录，缺省见设置 top_k")
    around: int = Field(0, ge=0, le=10, description="每条摘录前后各带几段上下文的位置；0 为不带")
    explain: bool = Field(False, description="是否说明问题怎样读、每条为什么排在这里")
    id: str | int | None = Field(None, description="原样带回")


class SearchBody(Narrowed):
    """A query for documents."""

    question: str = Field(description="检索式")
    top_k: int = Field(10, ge=1, le=1000, description="最多几篇")


class SpanBody(Body):
    """A span of a document, in code points, half-open."""

    doc: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)


class BoxOut(BaseModel):
    """A box on a page, as fractions of the page from its upper left corner. page: number from 1."""

    page: int
    x0: float
    y0: float
    x1: float
    y1: float


class SectionOut(BaseModel):
    """The section around a span."""

    start: int
    end: int
    headings: list[str]


class SpansOut(BaseModel):
    """An excerpt widened to neighbouring passages, and its section."""

    start: int
    end: int
    section: SectionOut


class PlaceOut(BaseModel):
    """What put an excerpt in its place."""

    stages: dict[str, float] = Field(description="各路得分")
    matched: list[str] = Field(description="命中的词")
    named: bool = Field(description="问题是否直接点名这一处")


class ReadingOut(BaseModel):
    """How a question was read."""

    folded: str = Field(description="统一繁简、全半角、大小写之后")
    words: list[str] = Field(description="检索词")
    synonyms: dict[str, list[str]] = Field(description="同义词：问题里的词 → 也找的词")
    translated: str = Field(description="英文问题按词典译成的检索词；中文问题没有此项", default="")


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
    boxes: list[BoxOut] | None = Field(None, description="在版面上的位置，PDF、OFD 才有")
    metadata: dict[str, str] | None = Field(None, description="文号、发文机关、日期、效力，文中或著录写明才有")
    context: SpansOut | None = Field(None, description="上下文的位置，要了才有")
    explain: PlaceOut | None = Field(None, description="为什么排在这里，要了才有")


class TimingsOut(BaseModel):
    """Milliseconds."""

    embed: float
    search: float
    rerank: float = Field(description="重排；没有重排时为 0，比如同时提问的人多")
    total: float = Field(description="合计，不含排队")


class AnswerOut(BaseModel):
    """The answer. `answerable: false` comes with no excerpts."""

    id: str | int | None = None
    question: str
    answerable: bool
    confidence: float
    excerpts: list[ExcerptOut]
    nearest: list[ExcerptOut] | None = Field(
        None, description="没有回答时才有：最接近而没有回答问题的地方，至多三处；与问题无关时为空"
    )
    timings_ms: TimingsOut
    explain: ReadingOut | None = Field(None, description="问题怎样读，要了才有")


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
    kept: int
    removals: dict[str, int]
    metadata: dict[str, str]
    warnings: list[str]


class FactsBody(BaseModel):
    """What a document is cited by; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    title: str | None = Field(None, max_length=200)
    doc_number: str | None = Field(None, max_length=100, description="文号")
    issuer: str | None = Field(None, max_length=200, description="发文机关")
    date: str | None = Field(None, max_length=20, description="日期，如 2023-11-06")
    validity: str | None = Field(None, max_length=20, description="效力：现行、废止、失效……")


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
    kept: int
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


EVENTS: dict[str, object] = {
    "description": "Accept: text/event-stream 时：reading（几个文件）、line（读完一篇，同报告的一行）、encoding（done / total 段）"
    "逐个报来，最后是 report（与 201 的内容相同）或 problem（与出错时的内容相同）。中途断开不影响入库。",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}


class TextOut(BaseModel):
    """A stretch of a document's text. length: of the whole text."""

    doc: str
    start: int
    end: int
    length: int
    text: str


class ContextOut(SpansOut):
    """A span of a document with what is around it."""

    doc: str
    text: str


class FeedbackBody(Body):
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
    stage: str | None = Field(None, description="/readyz：正在做什么，starting、model、index、calibration 或 failed")
