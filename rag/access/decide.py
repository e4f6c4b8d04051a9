"""From what a request shows to who sends it, under the access mode that the settings name."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from rag.access.identity import Collections, Identity, Role, granted
from rag.access.keys import PREFIX, Keys
from rag.access.store import folder, own_secret
from rag.access.tokens import make_session, read_portal_token, read_secret, read_session
from rag.access.users import User, Users
from rag.config import Settings
from rag.errors import AccessError, ForbiddenError, ServerError

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request shows of its sender.

    address: of the client, as trusted proxies report it. host: the name that the client called. forwarded: a proxy passed the request on. trusted: the
    connection comes from a trusted proxy. user, groups: the values of the proxy's headers, one each where there is one.
    """

    address: str
    forwarded: bool = False
    trusted: bool = False
    bearer: str = ""
    cookie: str = ""
    user: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    host: str = ""


class Access:
    """The rules of one service: users, keys, tokens, collections."""

    def __init__(self, settings: Settings) -> None:
        """Raises ServerError when the mode lacks what it needs."""
        self.settings = settings
        home = folder(settings.index)
        self.users, self.keys = Users(home), Keys(home)
        self.collections = Collections(settings.collections)
        self._session_secret = own_secret(home)
        self._portal_secret = read_secret(settings.token_secret_file) if settings.token_secret_file else ""

    def identify(self, shown: Shown) -> Identity | None:
        """Who sends the request; None when nothing says so. Raises AccessError for what is shown but not valid."""
        mode = self.settings.access
        if (shown.user or shown.groups) and not shown.trusted and mode == "proxy":
            raise ForbiddenError(
                "身份请求头只接受来自受信任代理的，见设置 trusted_proxies。/ Identity headers from an untrusted address.",
                code="untrusted-proxy",
            )
        if shown.bearer.startswith(PREFIX):
            return self.keys.check(shown.bearer)
        if shown.bearer:
            return self._vouched(*self._portal(shown.bearer), "token")
        if mode == "proxy" and shown.user:
            return self._proxied(shown)
        if mode == "users" and shown.cookie:
            return self._session(shown.cookie)
        if mode == "open":
            return Identity("任何人", Role.ADMINISTRATOR, frozenset(), "open")
        if mode == "loopback":
            elsewhere = shown.forwarded and not is_loopback(shown.address)
            if elsewhere or is_foreign_name(shown.host):  # a hostile page may let its own name resolve to this address
                raise ForbiddenError(
                    "服务处于本机模式，只接受本机的访问；要让他人使用，请设置 YUANWEN_ACCESS。/ Loopback only.",
                    code="loopback-only",
                )
            return Identity("本机", Role.ADMINISTRATOR, frozenset(), "local")
        return None

    def log_in(self, name: str, password: str) -> tuple[User, str] | None:
        """The user and a session's token when the password is theirs."""
        user = self.users.check(name, password)
        if user is None:
            return None
        return user, make_session(user.name, user.stamp, self._session_secret, self.settings.session_hours)

    def _session(self, cookie: str) -> Identity | None:
        try:
            name, stamp = read_session(cookie, self._session_secret)
        except AccessError:
            return None  # an expired cookie is no error: the login page follows
        user = self.users.get(name)
        return user.identity if user is not None and user.stamp == stamp else None

    def _portal(self, token: str) -> tuple[str, frozenset[str]]:
        if not self._portal_secret:
            raise AccessError("没有启用令牌，见设置 token_secret_file。/ Tokens are not enabled.", code="token-invalid")
        return read_portal_token(token, self._portal_secret, self.settings.token_minutes)

    def _proxied(self, shown: Shown) -> Identity:
        if len(shown.user) > 1 or len(shown.groups) > 1:
            raise AccessError("身份请求头重复了。/ Repeated identity headers.", code="proxy-header")
        try:
            name, *listed = (value.encode("latin-1").decode("utf-8").strip() for value in (*shown.user, *shown.groups))
        except UnicodeDecodeError as error:
            raise AccessError(
                "身份请求头不是 UTF-8。/ The identity header is not UTF-8.", code="proxy-header"
            ) from error
        if not name or len(name) > 200 or not name.isprintable():
            raise AccessError("身份请求头里没有可用的名字。/ Bad name in the identity header.", code="proxy-header")
        groups = frozenset(part.strip() for part in "".join(listed).split(",") if part.strip())
        return self._vouched(name, groups, "proxy")

    def _vouched(self, name: str, groups: frozenset[str], via: str) -> Identity:
        role = granted(name, groups, self.settings.editors, self.settings.administrators)
        return Identity(name, role, groups, via)


def check_start(settings: Settings) -> None:
    """Raise ServerError when the service may not start: reachable by others in loopback mode, or a mode that lacks a setting."""
    if settings.access == "loopback" and settings.host not in LOOPBACK_NAMES:
        raise ServerError(
            f"监听地址 {settings.host} 不限于本机，请先选定访问方式 YUANWEN_ACCESS：users（用户名与密码）、proxy（反向代理登录）、"
            "token（门户令牌），或明确放开的 YUANWEN_ACCESS=open。/ Refusing to listen beyond loopback without an access mode."
        )
    access = Access(settings)
    if settings.access == "users" and not access.users.all():
        raise ServerError(
            "还没有用户：请先运行 yuanwen users add 姓名 --role administrator。/ No users yet: run yuanwen users add."
        )
    if settings.access == "token" and settings.token_secret_file is None:
        raise ServerError("token 方式需要设置 YUANWEN_TOKEN_SECRET_FILE。/ The token mode needs a secret file.")
    for one in settings.trusted_proxies:
        try:
            ipaddress.ip_network(one)
        except ValueError as error:
            raise ServerError(f"设置 trusted_proxies 里的 {one!r} 不是地址或网段。/ Bad trusted proxy.") from error
    if settings.access == "proxy" and not settings.trusted_proxies:
        raise ServerError("proxy 方式需要设置 YUANWEN_TRUSTED_PROXIES。/ The proxy mode needs trusted proxies.")


def is_foreign_name(host: str) -> bool:
    """Whether a Host header names another machine: a full domain name, not an address nor a bare name."""
    name = host if host.startswith("[") else host.partition(":")[0]
    return "." in name and not is_loopback(name) and not name.lower().rstrip(".").endswith("localhost")


def is_loopback(address: str) -> bool:
    """Whether an IP address is this machine's own."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
