"""Routes of the administrator's pages: documents, gaps, audit, and what users found useful as test questions."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from rag.access.identity import Role
from rag.web.admin.admin import admin_page, audit_page, gaps_page, gold_lines
from rag.web.front.ongoing import Ongoing
from rag.web.front.roles import Work, needs
from rag.web.front.state import Startup
from rag.web.front.visible import Mine


def build_admin(startup: Startup, ongoing: Ongoing) -> APIRouter:
    """Pages for those who look after the collection, under /page/."""
    router = APIRouter(prefix="/page", include_in_schema=False)

    @router.get("/admin")
    @needs(Role.EDITOR, Work.ASK)
    def admin(mine: Mine) -> HTMLResponse:
        """Documents and the state of the index."""
        return HTMLResponse(admin_page(mine, startup))

    @router.post("/ingest/stop", status_code=204)
    @needs(Role.EDITOR)
    def stop() -> Response:
        """Stop the upload under way."""
        ongoing.stop()
        return Response(status_code=204)

    @router.get("/gaps")
    @needs(Role.EDITOR, Work.ASK)
    def gaps(mine: Mine) -> HTMLResponse:
        """What users missed."""
        return HTMLResponse(gaps_page(mine))

    @router.get("/audit")
    @needs(Role.ADMINISTRATOR, Work.ASK)
    def log(mine: Mine) -> HTMLResponse:
        """Who changed or administered what."""
        return HTMLResponse(audit_page(mine))

    @router.get("/gold.jsonl")
    @needs(Role.EDITOR, Work.ASK)
    def gold(mine: Mine) -> Response:
        """Useful answers as test questions."""
        return Response(gold_lines(mine), media_type="application/x-ndjson; charset=utf-8")

    return router
