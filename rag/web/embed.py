"""What a portal shows inside its own pages: a compact page, and the one script that puts it there."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, Field

from rag.config import Settings
from rag.web.front.inert import inert
from rag.web.front.metrics import Metrics
from rag.web.front.queueing import Queue
from rag.web.front.reading import Mine, Reading
from rag.web.page.followup import carried
from rag.web.page.pages import asset
from rag.web.page.render import Turn, chat_question, panel
from rag.web.page.turns import answered, reply

_THEMES = {"light": ' class="yw-light"', "dark": ' class="dark"'}


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
    def embed(theme: Annotated[Literal["light", "dark"] | None, Query(alias="__theme")] = None) -> HTMLResponse:
        """The compact page; it holds nothing of the collection. ?q= asks at once, ?doc= narrows the search."""
        return HTMLResponse(embed_page(_THEMES.get(theme or "", ""), settings.portals))

    @router.get("/embed.js")
    def script() -> Response:
        """The script for the portal's page; loaded from another origin, so it says that it may be."""
        headers = {"Cache-Control": "no-cache", "Cross-Origin-Resource-Policy": "cross-origin"}
        return Response(asset("embed.js"), media_type="text/javascript; charset=utf-8", headers=headers)

    @router.get("/page/frame.js")
    def frame_script() -> Response:
        """The compact page's own script."""
        return Response(
            asset("frame.js"), media_type="text/javascript; charset=utf-8", headers={"Cache-Control": "no-cache"}
        )

    @router.post("/page/turn")
    async def turn(body: TurnBody, mine: Mine) -> TurnOut:
        """Answer a question asked in a frame."""
        return await queue.turn(mine, lambda own: told(own, body))

    def told(mine: Reading, body: TurnBody) -> TurnOut:
        """The turn that was asked for, answered."""
        earlier = [Turn(1, body.before, None)] if body.before else []
        asked = Turn(body.number, body.question, None, carried=carried(body.question, earlier))
        done = answered(mine, metrics, asked, body.documents)
        found = done.answer is not None and done.answer.excerpts
        return TurnOut(
            asked=chat_question(done), reply=reply(mine, done), cards=panel([done], mine.document) if found else ""
        )

    return router


def embed_page(theme: str, portals: tuple[str, ...]) -> str:
    """The compact page. theme: an attribute of the root element. portals: who may hand it a token."""
    return (
        f'<!doctype html><html lang="zh-CN"{theme}><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>原文</title>'
        f'<meta name="yuanwen-portals" content="{inert(" ".join(portals))}">'
        '<link rel="icon" href="page/icon.svg"><link rel="stylesheet" href="page/page.css">'
        '<script src="page/page.js" defer></script><script src="page/sheets.js" defer></script>'
        '<script src="page/frame.js" defer></script></head>'
        '<body class="yw-page-body yw-embed"><header><strong>原文</strong>'
        '<span id="yw-where">用文件里的原话回答，每一句都可核对</span></header>'
        '<main id="yw-log" tabindex="0" aria-label="问答" aria-live="polite">'
        '<div class="yw-empty" id="yw-hello">请提问，例如查一个提法、一项要求、一个数字出自哪里。文件里没有的，会直接说没有。</div></main>'
        '<form id="yw-form"><div id="yw-question"><textarea rows="2" aria-label="问题" maxlength="4000" '
        'placeholder="输入问题，按回车提问"></textarea></div>'
        '<button type="submit" id="yw-send">提问</button></form></body></html>'
    )
