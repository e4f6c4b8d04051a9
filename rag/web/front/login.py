"""The login page of the users mode: a form, a cookie, and the way out."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup

from rag.access import audit
from rag.access.decide import Access
from rag.access.identity import Role
from rag.errors import BusyError
from rag.web.front.gate import COOKIE, client, note
from rag.web.front.inert import path_address
from rag.web.front.language import language_of, say
from rag.web.front.limits import Limits
from rag.web.front.rendering import render
from rag.web.front.roles import Work, needs
from rag.web.front.visible import Mine

_OWN_PLACE = re.compile(r"(?:page/[a-z.]{1,20})?(?:\?[^\s\\#]{0,6000})?")  # never another host


def build_login(access: Access, limits: Limits) -> APIRouter:
    """Routes under /page/; in other access modes the form says that there is no password."""
    router = APIRouter(prefix="/page", include_in_schema=False)
    index = access.settings.index

    @router.get("/login")
    @needs(None)
    def form(request: Request, next: Annotated[str, Query(max_length=8000)] = "") -> HTMLResponse:
        """The form."""
        language = language_of(request.scope)
        off = access.settings.access != "users"
        said = say(language, "这里不用密码登录，请从单位门户进入。") if off else ""
        return HTMLResponse(_page(request, next, said=said), headers={"Cache-Control": "no-store"})

    @router.post("/login")
    @needs(None, Work.LOGIN)
    def log_in(
        request: Request,
        name: Annotated[str, Form(max_length=200)],
        password: Annotated[str, Form(max_length=2000)],
        next: Annotated[str, Form(max_length=8000)] = "",
    ) -> Response:
        """Check the password, slowly when it keeps being wrong."""
        address, root, request_id = client(request.scope), _root(request), request.scope["state"]["request_id"]
        name = name.strip()
        try:
            limits.may_try(name, address)
        except BusyError as error:
            audit.note(index, name, "password", "login", outcome=error.code, address=address, request=request_id)
            return _form_again(request, next, name, str(error), 429, {"Retry-After": str(error.retry_after)})
        found = access.log_in(name, password) if access.settings.access == "users" else None
        if found is None:
            limits.failed(name, address)
            audit.note(index, name, "password", "login", outcome="wrong", address=address, request=request_id)
            wrong = say(language_of(request.scope), "用户名或密码不对。")
            return _form_again(request, next, name, wrong, 401, {})
        user, session = found
        audit.note(index, user.name, "password", "login", address=address, request=request_id)
        reply = RedirectResponse(f"{quote(root)}/{_within(next)}", 303)
        secure = request.scope["scheme"] == "https"
        reply.set_cookie(COOKIE, session, path=root or "/", httponly=True, samesite="lax", secure=secure)
        return reply

    @router.post("/logout")
    @needs(Role.READER)
    def log_out(request: Request, mine: Mine) -> Response:
        """End all sessions of the person who asks."""
        if mine.identity.via == "password":
            access.users.log_out(mine.identity.name)
            note(mine.service, request.scope, mine.identity, "logout", "")
        reply = RedirectResponse(f"{quote(_root(request))}/page/login", 303)
        reply.delete_cookie(COOKIE, path=_root(request) or "/")
        return reply

    return router


def _form_again(
    request: Request, after: str, name: str, said: str, status: int, headers: dict[str, str]
) -> HTMLResponse:
    return HTMLResponse(_page(request, after, name, said), status, {"Cache-Control": "no-store"} | headers)


def _root(request: Request) -> str:
    return request.scope.get("root_path", "")


def _within(after: str) -> str:
    """Where to go after the login: a place of ours, or the front page."""
    return after if _OWN_PLACE.fullmatch(after) else ""


def _page(request: Request, after: str, name: str = "", said: str = "") -> Markup:
    return render(
        "front/login.html", language_of(request.scope), base=path_address(f"{_root(request)}/page/"),
        after=_within(after), name=name, said=said,
    )  # fmt: skip
