"""Texts that cannot do anything in HTML, and addresses made of them."""

from __future__ import annotations

from urllib.parse import quote


def inert(text: str) -> str:
    """The text as character references wherever HTML, Markdown, LaTeX or a template could see a meaning."""
    return "".join(
        char if (char.isascii() and char.isalnum()) or char == " " or (ord(char) > 0x7F and not _unsafe(char))
        else "&#65533;" if _unsafe(char) else f"&#{ord(char)};"
        for char in text
    )  # fmt: skip


def _unsafe(char: str) -> bool:
    """Lone surrogates cannot be sent, and C1 controls show nothing."""
    return 0xD800 <= ord(char) < 0xE000 or 0x7F <= ord(char) < 0xA0


def percent(text: str) -> str:
    """Text as part of an address."""
    return quote(text, safe="", errors="replace")
