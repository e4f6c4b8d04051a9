"""The page of synonyms and terms: both tables as text, and before they are saved, which questions would change."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from itertools import zip_longest
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, Field

from rag.datamodels import Passage
from rag.errors import UsageError, YuanwenError
from rag.evaluation.desk import desk
from rag.evaluation.reports.saved import read_test_set
from rag.evaluation.sets.library import library_of
from rag.index.snapshot import Snapshot
from rag.service import Service
from rag.web.admin.admin import nav
from rag.web.front.gate import note
from rag.web.front.inert import inert, percent
from rag.web.front.problems import request_id
from rag.web.front.reading import Mine, Reading
from rag.web.front.state import Startup
from rag.web.front.streaming import Events, Tell
from rag.web.page import examples
from rag.web.page.pages import whole_page
from rag.web.rest import feedback

QUESTIONS_MAX = 100
SHOWN = 70  # characters of a passage
READERS, TESTS, EXAMPLES = "读者反馈", "测试题", "文件中的标题"
_Table = Annotated[str, Field(max_length=1_000_000)]


class WordsBody(BaseModel):
    """Both tables. began: the mark of the tables that were being changed."""

    terms: _Table
    synonyms: _Table
    began: str = Field("", max_length=100)


def build_words(service: Service, startup: Startup) -> APIRouter:
    """Routes under /page/words."""
    router = APIRouter(prefix="/page", include_in_schema=False)

    @router.get("/words")
    def words(mine: Mine) -> HTMLResponse:
        """The tables, to be changed."""
        return HTMLResponse(whole_page("同义词与词条", words_view(mine)))

    @router.post("/words/preview")
    def preview(body: WordsBody, request: Request, mine: Mine) -> Response:
        """Which questions would change, told as it goes; nothing is saved."""
        trial = service.trial(body.terms, body.synonyms)
        return Events(lambda tell: tried(mine, trial, tell), request_id(request), unheard=False)

    @router.post("/words")
    def save(body: WordsBody, request: Request, mine: Mine) -> JSONResponse:
        """Put the tables in force."""
        if body.began != mark(*service.word_tables()):
            raise UsageError(
                "词表在您打开之后被别人改过，没有保存。请先把您的改动复制下来，刷新本页再改。/ The tables have changed since.",
                code="words-changed",
            )
        service.set_word_tables(body.terms, body.synonyms)
        note(service, request.scope, mine.identity, "words", "")
        startup.warm_up(service)
        return JSONResponse({"said": "已保存，现在的提问就按新词表查。", "began": mark(*service.word_tables())})

    return router


def mark(terms: str, synonyms: str) -> str:
    """What tells two states of the tables apart."""
    return hashlib.sha256(f"{terms}\0{synonyms}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


def words_view(mine: Reading) -> str:
    """The page's body."""
    terms, synonyms = mine.service.word_tables()
    return (
        f'<main class="yw-admin">{nav(mine)}<h1>同义词与词条</h1>'
        "<p>读者的说法和文件的说法不一样时，教它认得。改表不必重建索引。保存之前先预览：哪些问题排在第一的原文会变。</p>"
        f'<form id="yw-words" name="{mark(terms, synonyms)}">'
        f"{_area('synonyms', '同义词：一行一组，用顿号或空格隔开，如“竞答、答题”；# 后是注释', synonyms)}"
        f"{_area('terms', '词条：一行一个，整词计分，如“四同步四衔接”；文件引号里的短提法已自动收入', terms)}"
        '<button type="submit" class="yw-act yw-main-act">预览变化</button> '
        '<button type="button" class="yw-act" id="yw-words-stop" hidden>停止</button> '
        '<button type="button" class="yw-act" id="yw-words-save">保存词表</button></form>'
        '<progress id="yw-progress" max="100" hidden aria-label="预览进度"></progress>'
        '<div id="yw-report" role="status" aria-live="polite"></div><ol id="yw-changes" class="yw-runs"></ol></main>'
        '<script src="words.js" defer></script>'
    )


def _area(name: str, label: str, text: str) -> str:
    return (
        f'<label class="yw-field">{label}<textarea name="{name}" rows="12" spellcheck="false">'
        f"&#10;{inert(text)}</textarea></label>"  # a browser takes the first line's end away
    )


def questions_of(mine: Reading) -> tuple[list[tuple[str, str]], list[str]]:
    """At most QUESTIONS_MAX questions to try, each with where it is from, and the test sets that cannot be read.

    Readers', test questions and headings take turns, so that none crowds out the others.
    """
    index, unreadable = mine.service.settings.index, []
    judged = [one for one in feedback.read(index) if all(mine.sees(span.doc) for span in one.spans)]
    tests: list[str] = []
    for name in desk.sets(index):
        path = desk.set_path(index, name)
        if path.is_dir():  # of a corpus of its own
            continue
        try:
            tests += [own.text for own in read_test_set(path, library_of(mine.service), QUESTIONS_MAX).questions]
        except YuanwenError:
            unreadable.append(name)
    sources = (
        [(one.question, READERS) for one in reversed(judged)],
        [(text, TESTS) for text in tests],
        [(text, EXAMPLES) for text in examples.candidates(mine.passages())],
    )
    found: dict[str, str] = {}
    for turn in zip_longest(*sources):
        for question, origin in filter(None, turn):
            found.setdefault(" ".join(question.split()), origin)
    return list(found.items())[:QUESTIONS_MAX], unreadable


def tried(mine: Reading, trial: Snapshot, tell: Tell) -> dict[str, object]:
    """Rank the questions with the tables in force and on trial; tells of progress and of each question that changes."""
    questions, unreadable = questions_of(mine)
    changed = 0
    tell("progress", {"done": 0, "total": len(questions)})
    for done, (question, origin) in enumerate(questions, 1):
        try:
            change = mine.service.changed(question, trial, mine.allowed)
        except UsageError:  # a reader's question that is too long today
            change = None
        if change:
            changed += 1
            tell("change", {"html": change_view(question, origin, *change, mine)})
        tell("progress", {"done": done, "total": len(questions)})
    said = (
        f"试了 {len(questions)} 个问题，{changed} 个排在第一的原文会变。"
        if changed
        else f"试了 {len(questions)} 个问题，没有一个会变。"
    )
    return {"said": said, "lines": [f"题集“{name}”读不出来，没有试。" for name in unreadable]}


def change_view(question: str, origin: str, before: Passage | None, after: Passage | None, mine: Reading) -> str:
    """A question whose first place changes."""
    places: Iterable[tuple[str, Passage | None]] = (("原来第一", before), ("改后第一", after))
    rows = "".join(f"<dt>{name}</dt><dd>{_place(passage, mine)}</dd>" for name, passage in places)
    return f'<li><h3>{inert(question)}</h3><p class="yw-path">{origin}</p><dl class="yw-change">{rows}</dl></li>'


def _place(passage: Passage | None, mine: Reading) -> str:
    if passage is None:
        return "没有找到（拒答）"
    title = mine.titles().get(passage.doc_id, passage.doc_id)
    address = f"source?d={percent(passage.doc_id)}&amp;s={passage.start}&amp;e={passage.end}"
    short = " ".join(passage.text.split())
    text = short if len(short) <= SHOWN else f"{short[:SHOWN]}…"
    path = "".join(f" › {inert(heading)}" for heading in passage.headings)
    return (
        f'<a href="{address}" target="_blank" rel="noopener">{inert(title)}</a>'
        f'<span class="yw-path">{path}</span><div class="yw-text">{inert(text)}</div>'
    )
