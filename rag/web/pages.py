"""What the page fetches beside Gradio: the source view, its own script and style; all rendered here, encoded here."""

from __future__ import annotations

from importlib import resources
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from rag.errors import UsageError
from rag.service import Service
from rag.web.render import inert
from rag.web.source import REACH, source_view

REACH_MAX = 3_000_000
_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}


def asset(name: str) -> str:
    """The text of one of the page's own files."""
    return resources.files("rag.web").joinpath(f"assets/{name}").read_text(encoding="utf-8")


def build_pages(service: Service) -> APIRouter:
    """Routes under /page/."""
    router = APIRouter(prefix="/page", include_in_schema=False)

    @router.get("/source")
    def source(
        request: Request,
        d: str,
        s: Annotated[int, Query(ge=0)] = 0,
        e: Annotated[int, Query(ge=0)] = 0,
        r: Annotated[int, Query(ge=0, le=REACH_MAX)] = REACH,
    ) -> HTMLResponse:
        """The document around a span: a fragment for the page's dialog, a whole page for a browser's own window."""
        record = service.document(d)
        if not s <= e <= len(record.document.text):
            raise UsageError(f"范围 {s}–{e} 不在《{d}》之内。/ The span lies outside the document.")
        view = source_view(record, s, e, r)
        if request.headers.get("x-yuanwen-fragment"):
            return HTMLResponse(view)
        return HTMLResponse(whole_page(record.document.title, f'<main class="yw-source yw-alone">{view}</main>'))

    for name in ("page.css", "page.js", "icon.svg"):
        router.add_api_route(f"/{name}", _asset_route(name), methods=["GET"])
    return router


def _asset_route(name: str):
    def send() -> Response:
        return Response(asset(name), media_type=_TYPES[name.rpartition(".")[2]], headers={"Cache-Control": "no-cache"})

    return send


def whole_page(title: str, body: str) -> str:
    """A page of ours that stands without Gradio. body: encoded HTML."""
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{inert(title)} · 原文</title><link rel="icon" href="icon.svg"><link rel="stylesheet" href="page.css">'
        f'<script src="page.js" defer></script></head><body class="yw-page-body">{body}</body></html>'
    )
