"""Text in which a few bytes are damaged: fewer than one in a thousand, each shown as U+FFFD.

A lost or altered byte of GBK shifts the pairs behind it, up to the end of the line, without any of them being invalid: a
decoder that replaces what it cannot read would give a line of mojibake. So a damaged line is read along the cheapest way
through its bytes, on which a replaced byte costs as much as a few characters that nobody writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from rag.ingest.loading.common_characters import COMMON, is_listed

SHARE = 1000  # bytes in which fewer than one may be replaced
_REPLACED = 3.0
_REPLACED_NEXT = 1.0
_CONTROL = 6.0
_LONGEST_LINE = 4_000_000  # bytes; the way through one holds about a hundred times its size
_SCORE, _LEAD = 0.6, 0.25


@dataclass(frozen=True, slots=True)
class Mended:
    """A text with `replaced` bytes as U+FFFD, on the lines with these numbers (from 1)."""

    text: str
    encoding: str
    replaced: int
    lines: tuple[int, ...]


def mended(
    data: bytes, encodings: Sequence[str] = ("utf-8", "gb18030", "big5", "utf-16-le", "utf-16-be")
) -> Mended | None:
    """`data` in the encoding that explains all but a few of its bytes; None where none does or two do.

    encodings: those that may be meant; a single one is not judged by its characters.
    """
    found = [one for one in (_read(data, encoding) for encoding in encodings) if one is not None]
    if len(encodings) == 1:
        return found[0] if found else None
    for one in found:
        if one.encoding == "utf-8":
            return one  # its bytes prove themselves
    ranked = sorted(((_share(one.text), one) for one in found), key=lambda pair: -pair[0])
    if not ranked or ranked[0][0] < _SCORE or (len(ranked) > 1 and ranked[0][0] - ranked[1][0] < _LEAD):
        return None
    return ranked[0][1]


def _read(data: bytes, encoding: str) -> Mended | None:
    most = (len(data) - 1) // SHARE
    if not most or data.decode(encoding, "replace").count("\ufffd") > 20 * most + data.count(b"\xef\xbf\xbd"):
        return None
    if encoding.startswith("utf-16") or encoding.startswith("utf-32"):
        return _wide(data, encoding, most)
    lines: list[str] = []
    damaged: list[int] = []
    replaced = 0
    for number, raw in enumerate(data.split(b"\n"), start=1):
        try:
            text, bad = raw.decode(encoding), 0
        except UnicodeDecodeError:
            if len(raw) > _LONGEST_LINE:
                return None
            text, bad = _utf8_line(raw) if encoding == "utf-8" else _cheapest(raw, encoding)
        bad += text.count("\x00")
        if bad:
            text = text.replace("\x00", "\ufffd")
            replaced += bad
            damaged.append(number)
            if replaced > most:
                return None
        lines.append(text)
    return Mended("\n".join(lines), encoding, replaced, tuple(damaged)) if replaced else None


def _wide(data: bytes, encoding: str, most: int) -> Mended | None:
    """UTF-16 or UTF-32 with NUL characters, halves of pairs or a cut end."""
    before = data.decode(encoding, "ignore").count("\ufffd")
    text = data.decode(encoding, "replace").replace("\x00", "\ufffd")
    replaced = text.count("\ufffd") - before
    if not 0 < replaced <= most:
        return None
    numbers = tuple(n for n, line in enumerate(text.split("\n"), start=1) if "\ufffd" in line)
    return Mended(text, encoding, replaced, numbers)


def _utf8_line(raw: bytes) -> tuple[str, int]:
    text = raw.decode("utf-8", "replace")
    return text, text.count("\ufffd") - raw.count(b"\xef\xbf\xbd")


def _cheapest(raw: bytes, encoding: str) -> tuple[str, int]:
    """A line of one- and two-byte characters (four in GB18030) as it costs least; and how many bytes were replaced."""
    size = len(raw)
    costs = [0.0] + [float("inf")] * size
    steps: list[tuple[int, str]] = [(0, "")] * (size + 1)
    for at in range(size):
        here = costs[at]
        for width in (1, 2, 4) if encoding == "gb18030" else (1, 2):
            piece = raw[at : at + width]
            if len(piece) < width:
                break
            cost, char = _cost(piece, encoding)
            if char == steps[at][1] == "\ufffd":
                cost = _REPLACED_NEXT  # damage comes in runs
            if here + cost < costs[at + width]:
                costs[at + width], steps[at + width] = here + cost, (width, char)
    parts: list[str] = []
    at = size
    while at:
        width, char = steps[at]
        parts.append(char)
        at -= width
    text = "".join(reversed(parts))
    return text, text.count("\ufffd")


@lru_cache(maxsize=50_000)
def _cost(piece: bytes, encoding: str) -> tuple[float, str]:
    """What reading these bytes as one character costs, and the character; a single byte may be replaced."""
    try:
        text = piece.decode(encoding)
    except UnicodeDecodeError:
        return (_REPLACED, "\ufffd") if len(piece) == 1 else (float("inf"), "")
    if len(text) != 1:
        return float("inf"), ""
    code = ord(text)
    if code == 0:
        return _REPLACED, "\ufffd"
    if code < 0x80:
        return (0.0 if code >= 0x20 or text in "\t\r\x0b\x0c" else _CONTROL), text
    if text in COMMON or 0x3000 <= code <= 0x3002 or 0xFF00 <= code <= 0xFF5E or 0x2010 <= code <= 0x2026:
        return 0.0, text
    if 0xE000 <= code <= 0xF8FF:
        return 2.5, text
    if 0x4E00 <= code <= 0x9FFF:
        return 0.4 if is_listed(text) else 1.5, text
    return 1.5 + (len(piece) > 2), text


def _share(text: str) -> float:
    """The share of common characters among those that are not ASCII, marks left out."""
    sample = [
        c for c in text[:200_000] if c > "\x7f" and not 0x3000 <= ord(c) <= 0x303F and not 0xFF00 <= ord(c) <= 0xFFEF
    ]
    return sum(c in COMMON for c in sample) / len(sample) if sample else 0.0
