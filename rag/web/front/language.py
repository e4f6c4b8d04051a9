"""The language of the interface: which one a request asks for, and its words, all from one gettext catalogue.

In: Chinese messages, as the code and the templates hold them. Out: the same messages, or their English.
"""

from __future__ import annotations

import gettext
from functools import lru_cache
from http.cookies import CookieError, SimpleCookie
from importlib import resources
from string import Formatter
from typing import Literal, get_args
from urllib.parse import parse_qs

from markupsafe import Markup
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.web.front.inert import encoded, inert

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
CHINESE: Language = "zh"
TAGS: dict[Language, str] = {"zh": "zh-CN", "en": "en"}  # as HTML names them
DOMAIN = "yuanwen"
COOKIE = "yuanwen_language"
HEADER = "X-Yuanwen-Language"  # sent by the page's own scripts: a page in a portal's frame may have no cookie
YEAR = 365 * 24 * 3600


@lru_cache(maxsize=len(LANGUAGES))
def catalogue(language: Language) -> gettext.NullTranslations:
    """The messages of a language; Chinese is what the code holds, so it has no file."""
    if language == CHINESE:
        return gettext.NullTranslations()
    file = resources.files("rag.web").joinpath(f"locale/{language}/LC_MESSAGES/{DOMAIN}.mo")
    with file.open("rb") as opened:
        return gettext.GNUTranslations(opened)


def message(text: str) -> str:
    """The text again: marks a message that is kept in a table and said elsewhere, so that the catalogue has it."""
    return text


def say(language: Language, text: str, **values: object) -> str:
    """A message as plain text. values: for the names in braces."""
    found = catalogue(language).gettext(text)
    return found.format_map(values) if values else found


def say_html(language: Language, text: str, **values: object) -> Markup:
    """A message as HTML: its own characters and the values are encoded, except values that are Markup already."""
    parts: list[str] = []
    for literal, name, _, _ in Formatter().parse(catalogue(language).gettext(text)):
        parts.append(inert(literal))
        if name is not None:
            parts.append(encoded(values[name]))
    return Markup("".join(parts))


def wanted(query: str, header: str, cookie: str, accepted: str) -> Language:
    """The language of a request: `?lang=`, then our header, then our cookie, then what the browser accepts.

    Each argument is the text as it was sent, or "". A browser gets English when it names English before any Chinese.
    """
    chosen = parse_qs(query).get("lang", [""])[0]
    for one in (chosen, header, _cookie(cookie)):
        if one in LANGUAGES:
            return one
    for one in accepted.lower().split(","):
        prefix = one.strip()[:2]
        if prefix in LANGUAGES:
            return prefix
    return CHINESE


class LanguageMiddleware:
    """Puts the language of each request into its state, and remembers one that was chosen by `?lang=` in a cookie."""

    def __init__(self, app: ASGIApp) -> None:
        """app: what answers."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers, query = Headers(scope=scope), scope["query_string"].decode("latin-1")
        language = wanted(query, headers.get(HEADER, ""), headers.get("cookie", ""), headers.get("accept-language", ""))
        scope.setdefault("state", {})["language"] = language
        chosen = parse_qs(query).get("lang") == [language] and scope["method"] == "GET"

        async def remembered(reply: Message) -> None:
            if chosen and reply["type"] == "http.response.start":
                path = f"{scope.get('root_path', '')}/"
                cookie = f"{COOKIE}={language}; Path={path}; Max-Age={YEAR}; SameSite=lax"
                MutableHeaders(scope=reply).append("Set-Cookie", cookie)
            await send(reply)

        await self.app(scope, receive, remembered)


def language_of(scope: Scope) -> Language:
    """The language that the middleware found for a request."""
    return scope["state"]["language"]


def _cookie(header: str) -> str:
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""
