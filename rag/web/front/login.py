"""The login page of the users mode: a form, a cookie, and the way out."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from rag.access import audit
from rag.access.decide import Access
from rag.errors import BusyError
from rag.web.front.gate import COOKIE, client, note
from rag.web.front.inert import inert
from rag.web.front.limits import Limits
from rag.web.front.reading import Mine

_OWN_PLACE = re.compile(r"(?:page/[a-z.]{1,20})?(?:\?[^\s\\#]{0,6000})?")  # never another host


def build_login(access: Access, limits: Limits) -> APIRouter:
    """Routes under /page/; in other access modes the form says that there is no password."""
    router = APIRouter(prefix="/page", include_in_schema=False)
    index = access.settings.index

    @router.get("/login")
    def form(request: Request, next: Annotated[str, Query(max_length=8000)] = "") -> HTMLResponse:
        """The form."""
        said = "" if access.settings.access == "users" else "这里不用密码登录，请从单位门户进入。"
        return HTMLResponse(_page(_root(request), next, said=said), headers={"Cache-Control": "no-store"})

    @router.post("/login")
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
            return _form_again(root, next, name, str(error), 429, {"Retry-After": str(error.retry_after)})
        found = access.log_in(name, password) if access.settings.access == "users" else None
        if found is None:
            limits.failed(name, address)
            audit.note(index, name, "password", "login", outcome="wrong", address=address, request=request_id)
            return _form_again(root, next, name, "用户名或密码不对。", 401, {})
        user, session = found
        audit.note(index, user.name, "password", "login", address=address, request=request_id)
        reply = RedirectResponse(f"{quote(root)}/{_within(next)}", 303)
        secure = request.scope["scheme"] == "https"
        reply.set_cookie(COOKIE, session, path=root or "/", httponly=True, samesite="lax", secure=secure)
        return reply

    @router.post("/logout")
    def log_out(request: Request, mine: Mine) -> Response:
        """End all sessions of whoever asks."""
        if mine.identity.via == "password":
            access.users.log_out(mine.identity.name)
            note(mine.service, request.scope, mine.identity, "logout", "")
        reply = RedirectResponse(f"{quote(_root(request))}/page/login", 303)
        reply.delete_cookie(COOKIE, path=_root(request) or "/")
        return reply

    return router


def _form_again(root: str, after: str, name: str, said: str, status: int, headers: dict[str, str]) -> HTMLResponse:
    return HTMLResponse(_page(root, after, name, said), status, {"Cache-Control": "no-store"} | headers)


def _root(request: Request) -> str:
    return request.scope.get("root_path", "")


def _within(after: str) -> str:
    """Where to go after the login: a place of ours, or the front page."""
    return after if _OWN_PLACE.fullmatch(after) else ""


def _page(root: str, after: str, name: str = "", said: str = "") -> str:
    problem = f'<p class="yw-problem" role="alert">{inert(said)}</p>' if said else ""
    base = quote(root)
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>登录 · 原文</title>'
        f'<link rel="icon" href="{base}/page/icon.svg"><link rel="stylesheet" href="{base}/page/page.css"></head>'
        f'<body class="yw-page-body"><main class="yw-gate"><h1>原文</h1>{problem}'
        f'<form method="post" action="{base}/page/login"><input type="hidden" name="next" value="{inert(_within(after))}">'
        f'<label class="yw-field">用户名<input name="name" autocomplete="username" required maxlength="200"{"" if name else " autofocus"} '
        f'value="{inert(name)}"></label>'
        '<label class="yw-field">密码<input type="password" name="password" autocomplete="current-password" required '
        f'maxlength="1024"{" autofocus" if name else ""}></label><button type="submit" class="yw-act yw-main-act">登录</button></form>'
        '<p class="yw-path">忘记密码请联系管理员（yuanwen users password）。</p></main></body></html>'
    )
