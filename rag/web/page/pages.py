"""What the page fetches beside Gradio: the source view, its own script and style; all rendered here, encoded here."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, Field

from rag.access.identity import Role
from rag.errors import UsageError, YuanwenError
from rag.web.front.language import language_of
from rag.web.front.messages import script
from rag.web.front.rendering import render
from rag.web.front.roles import Work, needs
from rag.web.front.visible import Mine, Visible
from rag.web.page import compilation
from rag.web.page.compilation import Item
from rag.web.page.source import REACH, source_view

REACH_MAX = 3_000_000
_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}


_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


class ItemBody(BaseModel):
    """A collected excerpt, as the browser keeps it."""

    doc: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    question: str = Field("", max_length=4000)
    heading: str = Field("", max_length=200)
    note: str = Field("", max_length=4000)


class BasketBody(BaseModel):
    """The basket."""

    title: str = Field("摘编", max_length=200)
    items: Annotated[list[ItemBody], Field(max_length=compilation.ITEMS_MAX)] = []


def asset(name: str) -> str:
    """The text of one of the page's own files."""
    return resources.files("rag.web").joinpath(f"assets/{name}").read_text(encoding="utf-8")


def build_pages() -> APIRouter:
    """Routes under /page/."""
    router = APIRouter(prefix="/page", include_in_schema=False)

    @router.get("/source")
    @needs(Role.READER, Work.ASK)
    def source(
        request: Request,
        mine: Mine,
        d: str,
        s: Annotated[int, Query(ge=0)] = 0,
        e: Annotated[int, Query(ge=0)] = 0,
        r: Annotated[int, Query(ge=0, le=REACH_MAX)] = REACH,
    ) -> HTMLResponse:
        """The document around a span: a fragment for the page's dialog, a whole page for a browser's own window."""
        record = mine.document(d)
        if not s <= e <= len(record.document.text):
            raise UsageError(f"范围 {s}–{e} 不在《{d}》之内。/ The span lies outside the document.")
        view = source_view(record, s, e, r, mine.boxes(d, s, e), mine.pictured(d), mine.language)
        if request.headers.get("x-yuanwen-fragment"):
            return HTMLResponse(view)
        page = render("source/page.html", mine.language, base="", title=record.document.title, view=view)
        return HTMLResponse(page)

    @router.get("/messages.js")
    @needs(None)
    def messages(request: Request) -> Response:
        """What the scripts say, in the language of the request."""
        headers = {"Cache-Control": "no-cache", "Vary": "Cookie, Accept-Language"}
        return Response(script(language_of(request.scope)), media_type=_TYPES["js"], headers=headers)

    for name in (
        "page.css",
        "page.js",
        "sheets.js",
        "basket.js",
        "admin.js",
        "evaluation.js",
        "words.js",
        "icon.svg",
    ):
        router.add_api_route(f"/{name}", _asset_route(name), methods=["GET"])
    router.include_router(_compiling())
    return router


def _compiling() -> APIRouter:
    """The basket and its exports."""
    router = APIRouter()

    @router.post("/compilation/view")
    @needs(Role.READER, Work.ASK)
    def basket(body: BasketBody, mine: Mine) -> HTMLResponse:
        """The basket's rows; items whose document is gone are named in a header, so that the browser forgets them."""
        items = [Item(**item.model_dump()) for item in body.items]
        missing = [index for index, item in enumerate(items) if not _is_there(mine, item)]
        quotes = compilation.collect(mine, [item for index, item in enumerate(items) if index not in missing])
        view = compilation.basket_view(quotes, missing, mine.language)
        return HTMLResponse(view, headers={"X-Yuanwen-Missing": json.dumps(missing)})

    @router.post("/compilation/{kind}")
    @needs(Role.READER, Work.ASK)
    def export(kind: Literal["docx", "md", "csv"], body: BasketBody, mine: Mine) -> Response:
        """The basket as a file."""
        quotes = compilation.collect(mine, [Item(**item.model_dump()) for item in body.items])
        if not quotes:
            raise UsageError("摘编里还没有摘录。/ The basket is empty.", code="basket-empty")
        title = body.title.strip() or "摘编"
        if kind == "docx":
            content, media = compilation.to_docx(title, quotes), _WORD
        elif kind == "md":
            content, media = compilation.to_markdown(title, quotes).encode("utf-8", "replace"), "text/markdown"
        else:
            content, media = compilation.to_csv(quotes).encode("utf-8", "replace"), "text/csv"
        name = quote(f"{title}.{kind}", safe="", errors="replace")
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
        return Response(content, media_type=media, headers=headers)

    return router


def _asset_route(name: str) -> Callable[[], Response]:
    @needs(None)
    def send() -> Response:
        return Response(asset(name), media_type=_TYPES[name.rpartition(".")[2]], headers={"Cache-Control": "no-cache"})

    return send


def _is_there(mine: Visible, item: Item) -> bool:
    """True when the item's place still exists."""
    try:
        mine.text(item.doc, item.start, item.end)
    except YuanwenError:
        return False
    return True
