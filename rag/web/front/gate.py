"""Who may pass: one place that knows every request's sender, before REST, the page or Gradio see it; plain ASGI."""

from __future__ import annotations

from contextlib import ExitStack
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote, urlencode

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from rag.access import audit
from rag.access.decide import Access, Shown
from rag.access.identity import Identity, Role
from rag.errors import AccessError, ForbiddenError, YuanwenError
from rag.service import Service
from rag.web.front.inert import path_address
from rag.web.front.language import Language, language_of
from rag.web.front.limits import Limits
from rag.web.front.problems import of_error, problem
from rag.web.front.rendering import render
from rag.web.front.roles import Rule, Rules, Work
from rag.web.front.security import route_of
from rag.web.front.visible import Visible

COOKIE = "yuanwen_session"


class AccessMiddleware:
    """Finds out who asks, holds them to their role and limits, and opens what they may see of the collection."""

    def __init__(self, app: ASGIApp, service: Service, access: Access, limits: Limits, rules: Rules) -> None:
        """app: what answers those who may pass. rules: the routes that there are."""
        self.app = app
        self.service = service
        self.access = access
        self.limits = limits
        self.rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers, path = Headers(scope=scope), route_of(scope)
        rule = self.rules.find(scope["method"], path)
        if rule is None:
            await _nothing_here(scope, self.rules.methods_at(path))(scope, receive, send)
            return
        with ExitStack() as places:
            try:
                self._admit(rule, scope, headers, places)
            except YuanwenError as error:
                await self._refusal(error, scope, headers)(scope, receive, send)
                return
            await self.app(scope, receive, send)

    def _admit(self, rule: Rule, scope: Scope, headers: Headers, places: ExitStack) -> None:
        """Let through who may pass, with what they may see. Raises AccessError, ForbiddenError or BusyError."""
        if rule.needs.role is None:
            if rule.needs.work is not Work.NONE:
                places.enter_context(self.limits.at_work(rule.needs.work, ""))
            return
        identity = self.access.identify(self._shown(scope, headers))
        if identity is None:
            raise AccessError("请先登录。/ Please log in.")
        person = _person(identity, scope)
        if rule.needs.work is not Work.NONE:
            if person:
                self.limits.count(rule.needs.work, person)
            places.enter_context(self.limits.at_work(rule.needs.work, person))
        if identity.role < rule.needs.role:
            where = f"{rule.method} {rule.path}"
            note(self.service, scope, identity, "refused", where, "forbidden")
            raise ForbiddenError(f"您的角色（{_ROLE_NAMES[identity.role]}）不能这样做。/ Your role may not do this.")
        scope["state"]["identity"] = identity
        allowed = self.access.collections.allowed(identity)
        scope["state"]["visible"] = Visible(self.service, identity, allowed, language_of(scope))

    def _shown(self, scope: Scope, headers: Headers) -> Shown:
        settings, state = self.access.settings, scope["state"]
        kind, _, bearer = headers.get("authorization", "").partition(" ")
        return Shown(
            address=client(scope),
            host=headers.get("host", ""),
            forwarded=scope.get("client") != state["peer"],
            trusted=state["trusted"],
            bearer=bearer.strip() if kind.lower() == "bearer" else "",
            cookie=_cookie(headers),
            user=tuple(headers.getlist(settings.proxy_user_header)),
            groups=tuple(headers.getlist(settings.proxy_groups_header)),
        )

    def _refusal(self, error: YuanwenError, scope: Scope, headers: Headers) -> Response:
        """A problem for programs; for someone who opens a page, the login page or a sentence."""
        if not _opens_a_page(scope, headers):
            return of_error(error, scope["state"]["request_id"])
        root = scope.get("root_path", "")
        if isinstance(error, AccessError) and self.access.settings.access == "users":
            wanted = route_of(scope).lstrip("/")
            query = scope["query_string"].decode("latin-1")
            after = urlencode({"next": f"{wanted}?{query}" if query else wanted})
            return RedirectResponse(f"{quote(root)}/page/login?{after}", 303)
        return sentence_page(root, error, language_of(scope))


def note(service: Service, scope: Scope, identity: Identity, action: str, target: str, outcome: str = "ok") -> None:
    """Put an act into the audit log."""
    audit.note(
        service.settings.index, identity.name, identity.via, action, target, outcome, client(scope),
        scope["state"]["request_id"],
    )  # fmt: skip


def client(scope: Scope) -> str:
    """The address that a request comes from, as trusted proxies tell it."""
    return scope["client"][0] if scope.get("client") else ""


def sentence_page(root: str, error: YuanwenError, language: Language) -> HTMLResponse:
    """A whole page that says one thing. root: the sub-path."""
    home = path_address(f"{root}/")
    body = render("front/sentence.html", language, base=path_address(f"{root}/page/"), home=home, said=str(error))
    return HTMLResponse(body, error.status, {"Cache-Control": "no-store"})


_ROLE_NAMES = {Role.READER: "读者", Role.EDITOR: "编辑", Role.ADMINISTRATOR: "管理员"}


def _nothing_here(scope: Scope, allowed: list[str]) -> Response:
    name = scope["state"]["request_id"]
    if allowed:
        text = "这个地址不支持该方法。/ Method not allowed."
        return problem(405, "method-not-allowed", text, request_id=name, headers={"Allow": ", ".join(allowed)})
    return problem(404, "not-found", "没有这个地址。/ No such address.", request_id=name)


def _person(identity: Identity, scope: Scope) -> str:
    """What limits are counted by; this machine's own user has none but those of the service."""
    if identity.via == "local":
        return ""
    return f"open:{client(scope)}" if identity.via == "open" else f"{identity.via}:{identity.name}"


def _opens_a_page(scope: Scope, headers: Headers) -> bool:
    """True when a browser is going there, not a script."""
    if scope["method"] != "GET" or route_of(scope).startswith(("/api/", "/gradio_api/")):
        return False
    mode = headers.get("sec-fetch-mode")
    return mode == "navigate" if mode else headers.get("accept", "").startswith("text/html")


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""
