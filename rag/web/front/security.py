"""What every request passes first: sub-path, request id, headers, body limits, same-site writes; plain ASGI."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid
from collections.abc import Callable, Sequence
from ipaddress import ip_address, ip_network
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.errors import StoppingError
from rag.web.front.problems import of_error, problem
from rag.web.front.roles import Rules

log = logging.getLogger("yuanwen.access")
MB = 1024 * 1024
BODY_MAX = MB
STOPPING = "服务正在停止或重启，请稍后再试。/ The service is stopping, try again soon."
PAGE_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'self'"
)
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
_FORWARDED = frozenset(
    {b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-port", b"x-forwarded-prefix", b"x-forwarded-proto"}
)
_PREFIX = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,63}){1,8}")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
Observe = Callable[[str, str, int, float], None]


def route_of(scope: Scope) -> str:
    """The path inside this service, whatever sub-path a proxy serves it under."""
    path, root = scope["path"], scope.get("root_path", "")
    return path[len(root) :] or "/" if root and path.startswith(root) else path


def is_data(path: str) -> bool:
    """True for routes that programs call; the others belong to the page."""
    return path.startswith("/api/") or path in {"/healthz", "/readyz", "/metrics", "/openapi.json"}


class SecurityMiddleware:
    """The outermost middleware. observe: told method, path, status and seconds of each request."""

    def __init__(
        self,
        app: ASGIApp,
        observe: Observe,
        rules: Rules,
        trusted_proxies: Sequence[str],
        upload_max: int,
        portals: Sequence[str] = (),
    ) -> None:
        """app: what answers when nothing here objects. trusted_proxies: addresses and networks. upload_max: bytes.

        portals: origins.
        """
        self.app = app
        self.observe = observe
        self.upload_max = upload_max
        self.rules = rules
        self.trusted = [ip_network(one) for one in trusted_proxies]
        self.portals = frozenset(portals)
        self.embed_policy = PAGE_POLICY.replace(
            "frame-ancestors 'self'", " ".join(["frame-ancestors 'self'", *portals])
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        trusted = self._trusts(scope)
        if not trusted:  # what only a proxy may say; nothing further in needs to doubt it
            scope = dict(scope) | {"headers": [pair for pair in scope["headers"] if pair[0] not in _FORWARDED]}
        headers = Headers(scope=scope)
        scope = _under_prefix(scope, headers.get("x-forwarded-prefix", ""))
        given = headers.get("x-request-id", "")
        name = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        found = {"request_id": name, "trusted": trusted, "peer": scope.get("client")}
        scope["state"] = dict(scope.get("state", {})) | found
        path, started, status, begun = route_of(scope), time.perf_counter(), 500, False

        async def decorated(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                status, begun = message["status"], True
                _decorate(MutableHeaders(scope=message), name, self._policy(path))
                if is_data(path):
                    MutableHeaders(scope=message).setdefault("Cache-Control", "no-store")
            await send(message)

        limit = self.upload_max + MB if self.rules.takes_files(scope["method"], path) else BODY_MAX
        try:
            objection = _objection(scope, headers, limit, self.portals)
            if objection is not None:
                status_code, code, text = objection
                await problem(status_code, code, text, request_id=name)(scope, receive, decorated)
            else:
                await self.app(scope, _limited(receive, limit), decorated)
        except asyncio.CancelledError:  # the server ends and waits no longer; it would say 500 of its own
            if begun:
                raise
            await of_error(StoppingError(STOPPING), name)(scope, receive, decorated)
        finally:
            seconds = time.perf_counter() - started
            self.observe(scope["method"], path, status, seconds)
            # the query string stays out, it may hold a question; quoted, for a path may hold a line's end
            level = logging.DEBUG if _is_routine(scope["method"], path) and status < 500 else logging.INFO
            log.log(level, "%s %s %s %.0f ms %s", scope["method"], quote(path), status, seconds * 1e3, name)

    def _policy(self, path: str) -> str:
        if path == "/embed":
            return self.embed_policy
        return DATA_POLICY if is_data(path) else PAGE_POLICY

    def _trusts(self, scope: Scope) -> bool:
        """Whether a trusted proxy is at the other end of the line."""
        try:
            address = ip_address(scope["client"][0])
        except (TypeError, ValueError):  # a socket file, or no address at all
            return False
        return any(address in network for network in self.trusted)


class Sharing(CORSMiddleware):
    """Lets the scripts of other origins in; whom it does not let in it tells so as everything here does."""

    def preflight_response(self, request_headers: Headers) -> Response:
        """What a browser is told that asks before it sends."""
        response = super().preflight_response(request_headers)
        if response.status_code < 400:
            return response
        text = "这个来源、方法或请求头不允许跨域：来源要列在设置 portals 中。/ Cross-origin request not allowed."
        return problem(403, "forbidden", text, headers={"Vary": "Origin"})


def _is_routine(method: str, path: str) -> bool:
    """Probes and the page's own files, of which there are dozens for each question."""
    return method in {"GET", "HEAD"} and not path.startswith("/api/")


def _under_prefix(scope: Scope, prefix: str) -> Scope:
    """The scope as seen below a proxy's sub-path; what is not a plain path is ignored."""
    if not _PREFIX.fullmatch(prefix):
        return dict(scope)
    path = prefix + scope["path"]
    return dict(scope) | {"root_path": prefix, "path": path, "raw_path": path.encode("utf-8", "surrogateescape")}


def _objection(scope: Scope, headers: Headers, limit: int, portals: frozenset[str]) -> tuple[int, str, str] | None:
    """Status, code and sentence when the request may not pass."""
    foreign = headers.get("sec-fetch-site") == "cross-site" and headers.get("origin") not in portals
    if foreign and scope["method"] not in {"GET", "HEAD", "OPTIONS"}:
        return 403, "forbidden", "不接受来自其他网站的写操作。/ Cross-site writes are refused."
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit():
        return 400, "bad-request", "Content-Length 不是数字。/ Bad Content-Length."
    if int(length) > limit:
        return 413, "too-large", f"内容太大：最多 {limit // MB} MB。/ The body is too large."
    return None


def _limited(receive: Receive, limit: int) -> Receive:
    """Count the body as it comes: a chunked one declares no length."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise HTTPException(413)
        return message

    return counted


def _decorate(headers: MutableHeaders, name: str, policy: str) -> None:
    headers["X-Request-ID"] = name
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
    headers["Content-Security-Policy"] = policy
