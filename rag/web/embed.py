"""What a portal shows inside its own pages: a compact page, and the one script that puts it there."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, Field

from rag.access.identity import Role
from rag.config import Settings
from rag.web.front.language import LANGUAGES, language_of
from rag.web.front.messages import translated
from rag.web.front.metrics import Metrics
from rag.web.front.queueing import Queue
from rag.web.front.rendering import render
from rag.web.front.roles import Work, needs
from rag.web.front.visible import Mine, Visible
from rag.web.page.followup import carried
from rag.web.page.pages import asset
from rag.web.page.render import Turn, chat_question, panel
from rag.web.page.turns import answered, reply


class TurnBody(BaseModel):
    """A question asked in a frame. before: the question before it. documents: names or globs to search in."""

    question: str = Field(max_length=4000)
    before: str = Field("", max_length=4000)
    number: int = Field(1, ge=1, le=100_000)
    documents: Annotated[list[str], Field(max_length=200)] = []


class TurnOut(BaseModel):
    """The turn as HTML, encoded here."""

    asked: str
    reply: str
    cards: str


def build_embed(settings: Settings, metrics: Metrics, queue: Queue) -> APIRouter:
    """/embed, /embed.js, and what the compact page calls."""
    router = APIRouter(include_in_schema=False)

    @router.get("/embed")
    @needs(None)
    def embed(
        request: Request, theme: Annotated[Literal["light", "dark"] | None, Query(alias="__theme")] = None
    ) -> HTMLResponse:
        """The compact page; it holds nothing of the collection. ?q= asks at once, ?doc= narrows the search."""
        portals = " ".join(settings.portals)  # who may hand it a token
        page = render("embed.html", language_of(request.scope), base="page/", theme=theme, portals=portals)
        return HTMLResponse(page)

    @router.get("/embed.js")
    @needs(None)
    def script() -> Response:
        """The script for the portal's page; loaded from another origin, so it says that it may be."""
        headers = {"Cache-Control": "no-cache", "Cross-Origin-Resource-Policy": "cross-origin"}
        return Response(portal_script(), media_type="text/javascript; charset=utf-8", headers=headers)

    @router.get("/page/frame.js")
    @needs(None)
    def frame_script() -> Response:
        """The compact page's own script."""
        return Response(
            asset("frame.js"), media_type="text/javascript; charset=utf-8", headers={"Cache-Control": "no-cache"}
        )

    @router.post("/page/turn")
    @needs(Role.READER, Work.ASK)
    async def turn(body: TurnBody, mine: Mine) -> TurnOut:
        """Answer a question asked in a frame."""
        return await queue.turn(mine, lambda own: told(own, body))

    def told(mine: Visible, body: TurnBody) -> TurnOut:
        """The turn that was asked for, answered."""
        earlier = [Turn(1, body.before, None)] if body.before else []
        asked = Turn(body.number, body.question, None, carried=carried(body.question, earlier))
        done = answered(mine, metrics, asked, body.documents)
        found = done.answer is not None and done.answer.excerpts
        return TurnOut(
            asked=chat_question(done, mine.language),
            reply=reply(mine, done),
            cards=panel([done], mine.document, mine.language) if found else "",
        )

    return router


@lru_cache(maxsize=1)
def portal_script() -> str:
    """embed.js with its messages in every language put in: it runs in a page that can fetch nothing else of ours."""
    messages = {language: translated(["embed.js"], language) for language in LANGUAGES}
    return asset("embed.js").replace("const MESSAGES = {};", f"const MESSAGES = {json.dumps(messages)};")
