"""The page of synonyms and terms: both tables as text, and before they are saved, which questions would change."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import zip_longest
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from markupsafe import Markup
from pydantic import BaseModel, Field

from rag.access.identity import Role
from rag.datamodels import Passage
from rag.errors import UsageError, YuanwenError
from rag.evaluation.desk import desk
from rag.evaluation.reports.saved import read_test_set
from rag.evaluation.sets.library import library_of
from rag.index.snapshot import Snapshot
from rag.service import Service
from rag.web.admin.admin import administers
from rag.web.front.gate import note
from rag.web.front.inert import span_address
from rag.web.front.language import message, say
from rag.web.front.problems import request_id
from rag.web.front.rendering import render
from rag.web.front.roles import Work, needs
from rag.web.front.state import Startup
from rag.web.front.streaming import Events, Tell
from rag.web.front.visible import Mine, Visible
from rag.web.page import examples
from rag.web.rest import feedback

QUESTIONS_MAX = 100
SHOWN = 70  # characters of a passage
READERS, TESTS, EXAMPLES = message("读者反馈"), message("测试题"), message("文件中的标题")
_Table = Annotated[str, Field(max_length=1_000_000)]


@dataclass(frozen=True, slots=True)
class PassageShown:
    """A passage as the preview shows it."""

    title: str
    where: Markup
    headings: tuple[str, ...]
    text: str


class WordsBody(BaseModel):
    """Both tables. began: the mark of the tables that were being changed."""

    terms: _Table
    synonyms: _Table
    began: str = Field("", max_length=100)


def build_words(service: Service, startup: Startup) -> APIRouter:
    """Routes under /page/words."""
    router = APIRouter(prefix="/page", include_in_schema=False)

    @router.get("/words")
    @needs(Role.ADMINISTRATOR, Work.ASK)
    def words(mine: Mine) -> HTMLResponse:
        """The tables, to be changed."""
        return HTMLResponse(words_page(mine))

    @router.post("/words/preview")
    @needs(Role.ADMINISTRATOR, Work.ASK)
    def preview(body: WordsBody, request: Request, mine: Mine) -> Response:
        """Which questions would change, told as it goes; nothing is saved."""
        trial = service.trial(body.terms, body.synonyms)
        return Events(lambda tell: tried(mine, trial, tell), request_id(request), unheard=False)

    @router.post("/words")
    @needs(Role.ADMINISTRATOR, Work.ASK)
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
        return JSONResponse(
            {"said": say(mine.language, "已保存，现在的提问就按新词表查。"), "began": mark(*service.word_tables())}
        )

    return router


def mark(terms: str, synonyms: str) -> str:
    """What tells two states of the tables apart."""
    return hashlib.sha256(f"{terms}\0{synonyms}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


def words_page(mine: Visible) -> Markup:
    """The page with both tables."""
    terms, synonyms = mine.service.word_tables()
    return render(
        "admin/words.html", mine.language, base="", administrator=administers(mine), mark=mark(terms, synonyms),
        terms=terms, synonyms=synonyms,
    )  # fmt: skip


def questions_of(mine: Visible) -> tuple[list[tuple[str, str]], list[str]]:
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


def tried(mine: Visible, trial: Snapshot, tell: Tell) -> dict[str, object]:
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
    language, tried_in_all = mine.language, len(questions)
    said = (
        say(language, "试了 {n} 个问题，{changed} 个排在第一的原文会变。", n=tried_in_all, changed=changed)
        if changed
        else say(language, "试了 {n} 个问题，没有一个会变。", n=tried_in_all)
    )
    return {"said": said, "lines": [say(language, "题集“{name}”读不出来，没有试。", name=name) for name in unreadable]}


def change_view(question: str, origin: str, before: Passage | None, after: Passage | None, mine: Visible) -> Markup:
    """A question whose first place changes."""
    return render(
        "admin/change.html", mine.language, question=question, origin=say(mine.language, origin),
        before=_shown(before, mine), after=_shown(after, mine),
    )  # fmt: skip


def _shown(passage: Passage | None, mine: Visible) -> PassageShown | None:
    if passage is None:
        return None
    short = " ".join(passage.text.split())
    text = short if len(short) <= SHOWN else f"{short[:SHOWN]}…"
    title = mine.titles().get(passage.doc_id, passage.doc_id)
    where = span_address(passage.doc_id, passage.start, passage.end)
    return PassageShown(title, where, passage.headings, text)
