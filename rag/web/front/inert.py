"""Texts that cannot do anything in HTML, and addresses made of them."""

from __future__ import annotations

from urllib.parse import quote

from markupsafe import Markup


def inert(text: str) -> Markup:
    """The text as character references wherever HTML, Markdown, LaTeX or a template could see a meaning."""
    return Markup("".join(
        char if (char.isascii() and char.isalnum()) or char == " " or (ord(char) > 0x7F and not _unsafe(char))
        else "&#65533;" if _unsafe(char) else f"&#{ord(char)};"
        for char in text
    ))  # fmt: skip


def encoded(value: object) -> Markup:
    """A value as HTML: Markup, which this module or a template made, stays as it is; all else becomes inert."""
    return value if isinstance(value, Markup) else inert(str(value))


def percent(text: str) -> Markup:
    """Text as part of an address: letters, digits, `-._~` and percent signs, which HTML takes as they are."""
    return Markup(quote(text, safe="", errors="replace"))


def path_address(path: str) -> Markup:
    """A path of this service as part of an address."""
    return Markup(quote(path, errors="replace"))


def span_address(doc_id: str, start: int, end: int) -> Markup:
    """A span as an address that a script can read and a browser cannot follow anywhere."""
    return Markup(f"d={percent(doc_id)}&amp;s={start:d}&amp;e={end:d}")


def _unsafe(char: str) -> bool:
    """Lone surrogates cannot be sent, and C1 controls show nothing."""
    return 0xD800 <= ord(char) < 0xE000 or 0x7F <= ord(char) < 0xA0
