"""From bytes to text without guessing in silence.

UTF-8 and byte-order marks are facts. Anything else is a guess, and is taken only on evidence: the decoded text must be
Chinese as it is really written (a large share of common characters), no other encoding may explain the bytes nearly as
well, and encoding the text again must give the very same bytes. Where fewer than one byte in a thousand fits no encoding,
the rest is read and each of these is shown as U+FFFD and said (see `mending`).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

from rag.errors import LoadError
from rag.ingest.loading.common_characters import COMMON, is_listed
from rag.ingest.loading.mending import mended

# Bytes that no text holds: C0 controls other than tab, newlines, form feed, escape and the old end-of-file mark.
_BINARY = bytes(set(range(0x20)) - {0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F})
_SAMPLE_CHARS = 40_000
_MIN_SCORE = 0.55
_MIN_LEAD = 0.25
_LINES_NAMED = 10
_UTF16_UNITS = 8  # code units; fewer prove nothing
_UTF16_SCORE = 0.85
_UTF16_PLAIN = frozenset(map(chr, range(0x20, 0x7F))) | frozenset("\t\r\n—…“”‘’·")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True, slots=True)
class Decoded:
    """text: without a byte-order mark. encoding: a Python codec name. bom: the mark before the text.

    replaced: how many bytes fitted no character and are U+FFFD in the text; 0 means that the text gives the very same
    bytes back. lines: the numbers (from 1) of the lines they are on.
    """

    text: str
    encoding: str
    bom: bytes = b""
    replaced: int = 0
    lines: tuple[int, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to tell people about bytes that were replaced."""
        if not self.replaced:
            return ()
        shown = "、".join(map(str, self.lines[:_LINES_NAMED])) + (" 等" if len(self.lines) > _LINES_NAMED else "")
        return (
            f"第 {shown} 行有 {self.replaced} 个字节不合编码 {self.encoding}，以“\ufffd”代替。"
            f" ({self.replaced} bytes that are no {self.encoding} are shown as U+FFFD)",
        )


@dataclass(frozen=True, slots=True)
class _Guess:
    encoding: str
    score: float
    evidence: int


def decode(data: bytes, name: str, *, declared: str = "") -> Decoded:
    """Decode `data` exactly, or refuse.

    name: the file, for messages. declared: an encoding the file names itself (HTML, mail), tried before guessing.
    Raises LoadError `encoding-uncertain` (no encoding is clearly the best) or `unknown-format` (not text at all).
    """
    marked = _by_mark(data, name)
    if marked is not None:
        return marked
    shifted = _by_escapes(data, declared)
    if shifted is not None:
        return shifted
    if b"\x00" not in data:
        found = _by_utf8(data, name)
        if found is not None:
            return found
    if declared:
        named = _by_declaration(data, declared)
        if named is not None:
            return named
    try:
        return _by_statistics(data) or _by_evidence(data, name)
    except LoadError:
        whole = mended(data)
        if whole is None:
            raise
        return Decoded(whole.text, whole.encoding, replaced=whole.replaced, lines=whole.lines)


def _by_mark(data: bytes, name: str) -> Decoded | None:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            text = _strict(data[len(mark) :], encoding)
            if text is None or "\x00" in text:
                whole = mended(data[len(mark) :], (encoding,))
                if whole is not None:
                    return Decoded(whole.text, encoding, mark, whole.replaced, whole.lines)
            if text is None:
                raise LoadError(
                    f"{name}：开头标明 {encoding}，但后面的字节不合这种编码，文件可能不完整；请重新导出为 UTF-8。"
                    f" (bytes do not match the {encoding} mark)",
                    code="encoding-uncertain",
                )
            if "\x00" in text:
                raise _binary(name)
            return Decoded(text, encoding, mark)
    return None


def _by_escapes(data: bytes, declared: str) -> Decoded | None:
    """Encodings of seven bits, HZ and ISO-2022, where the file names one: their bytes are ASCII too."""
    named = declared.strip().lower().replace("_", "-")
    if named in {"iso-2022-cn", "iso-2022-cn-ext"}:
        text = _iso_2022_cn(data)
        return None if text is None else Decoded(text, "iso-2022-cn")
    codec = {"hz-gb-2312": "hz", "hz": "hz", "hzgb": "hz", "hz-gb": "hz"}.get(named, named)
    if codec != "hz" and not codec.startswith("iso-2022-"):
        return None
    try:
        return Decoded(data.decode(codec), codec)
    except (UnicodeDecodeError, LookupError):
        return None


def _iso_2022_cn(data: bytes) -> str | None:
    """ISO-2022-CN, for which Python has no codec: after ESC $ ) A, what lies between SO and SI is GB 2312 on seven bits."""
    parts: list[str] = []
    for number, piece in enumerate(re.split(rb"(\x0e[^\x0f\n]*)\x0f?", re.sub(rb"\x1b\$[)*+][A-Z]", b"", data))):
        raw = bytes(byte | 0x80 for byte in piece[1:]) if number % 2 else piece
        text = _strict(raw, "gb2312" if number % 2 else "ascii")
        if text is None:
            return None
        parts.append(text)
    return "".join(parts)


def _by_utf8(data: bytes, name: str) -> Decoded | None:
    text = _strict(data, "utf-8")
    if text is None:
        return None
    if _too_binary(data):
        raise _binary(name)
    if _may_be_utf16(data):
        raise _uncertain(name)
    return Decoded(text, "utf-8")


def _may_be_utf16(data: bytes) -> bool:
    """True for a few bytes that are valid UTF-8 without Chinese, but common Chinese throughout when read as UTF-16."""
    if not 8 <= len(data) <= 64 or len(data) % 2 or any("\u4e00" <= c <= "\u9fff" for c in data.decode("utf-8")):
        return False
    texts = [(codec, _strict(data, codec)) for codec in ("utf-16-le", "utf-16-be")]
    guesses = [_judge(text, codec) for codec, text in texts if text is not None]
    return any(g.evidence >= max(len(data) // 2 - 1, 3) and g.score >= 0.9 for g in guesses)


def _by_declaration(data: bytes, declared: str) -> Decoded | None:
    try:
        codec = codecs.lookup(declared.strip().lower()).name
    except (LookupError, ValueError):
        return None
    # Files that say gb2312 or gbk often hold characters of its supersets.
    codec = {"gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs"}.get(codec, codec)
    try:
        text = data.decode(codec)
    except (UnicodeError, LookupError, AssertionError):  # AssertionError: the idna and punycode codecs
        return None
    if not isinstance(text, str) or "\x00" in text:
        return None
    guess = _judge(text[:_SAMPLE_CHARS], codec)
    if guess.evidence and guess.score < _MIN_SCORE and codec in {"gb18030", "big5hkscs"}:
        return None
    return Decoded(text, codec)


def _by_statistics(data: bytes) -> Decoded | None:
    """UTF-16 without a mark: the code units of one byte order are those of text, those of the other are not.

    Mostly ASCII, such a file holds too little Chinese for `_by_evidence`; Chinese without ASCII holds no NUL and goes there.
    """
    if b"\x00" not in data or len(data) % 2 or len(data) < 2 * _UTF16_UNITS:
        return None
    shares = {codec: _share_of_text(data, codec) for codec in ("utf-16-le", "utf-16-be")}
    best, other = sorted(shares, key=lambda codec: -shares[codec])
    if shares[best] < _UTF16_SCORE or shares[best] - shares[other] < _MIN_LEAD:
        return None
    text = _strict(data, best)
    return Decoded(text, best) if text is not None and "\x00" not in text else None


def _share_of_text(data: bytes, codec: str) -> float:
    """The share of code units that are ASCII text, common Chinese characters or full-width marks."""
    text = data[: 2 * _SAMPLE_CHARS].decode(codec, "replace")
    return sum(
        c in COMMON or c in _UTF16_PLAIN or 0x3000 <= ord(c) <= 0x303F or ord(c) >> 8 == 0xFF for c in text
    ) / max(1, len(text))


def _by_evidence(data: bytes, name: str) -> Decoded:
    texts: dict[str, str] = {}
    for encoding, text in _candidates(data):
        texts[encoding] = text
    guesses = sorted((_judge(text[:_SAMPLE_CHARS], e) for e, text in texts.items()), key=lambda g: -g.score)
    if not guesses:
        if b"\x00" in data or _too_binary(data):
            raise _binary(name)
        raise _uncertain(name)
    best = guesses[0]
    second = guesses[1].score if len(guesses) > 1 else 0.0
    clear = best.score >= _MIN_SCORE and best.score - second >= _MIN_LEAD
    if clear and best.evidence < 4:
        # So few characters prove nothing alone: a second opinion must agree.
        clear = best.evidence >= 2 and best.score >= 0.9 and second < 0.3
    elif not clear and best.evidence >= 4 and best.score >= _MIN_SCORE - 0.1 and best.score - second >= _MIN_LEAD / 2:
        clear = _second_opinion(data, list(texts)) == best.encoding
    if not clear:
        if b"\x00" in data and best.score < 0.2:
            raise _binary(name)
        raise _uncertain(name)
    return Decoded(texts[best.encoding], best.encoding)


def _candidates(data: bytes) -> Iterator[tuple[str, str]]:
    """Encodings that explain every byte, and give the same bytes back."""
    has_nul = b"\x00" in data
    names = ["utf-16-le", "utf-16-be"] if len(data) % 2 == 0 else []
    if not has_nul:
        names += ["gb18030", "big5", "big5hkscs"]
    found: set[str] = set()
    for encoding in names:
        if encoding == "big5hkscs" and "big5" in found:
            continue
        text = _strict(data, encoding)
        if text is None or "\x00" in text or text.encode(encoding, "replace") != data:
            continue
        found.add(encoding)
        yield encoding, text


def _judge(text: str, encoding: str) -> _Guess:
    """Score in [-1, 1]: how much `text` looks like written Chinese. evidence: how many characters were judged."""
    points = 0.0
    judged = 0
    for char in text:
        code = ord(char)
        if code < 0x80:
            if code < 0x20 and char not in "\t\n\r\x0b\x0c\x1a\x1b":
                points -= 1.0
                judged += 1
            continue
        if 0x3000 <= code <= 0x3002 or char in "，。；：？！“”‘’（）《》〈〉【】〔〕、—…·％「」『』①②③④⑤⑥⑦⑧⑨⑩":
            continue  # punctuation has the same codes in texts of several encodings: no evidence
        judged += 1
        if char in COMMON:
            points += 1.0
        elif 0x4E00 <= code <= 0x9FFF:
            points += 0.25 if is_listed(char) else -0.5
        elif 0xFF00 <= code <= 0xFFEF or 0x2000 <= code <= 0x22FF or 0x2460 <= code <= 0x25FF:
            points += 0.2
        else:
            points -= 1.0  # private use, unassigned, foreign scripts: what wrong decoding gives
    score = points / judged if judged else 0.0
    return _Guess(encoding, score, judged)


def _second_opinion(data: bytes, names: list[str]) -> str:
    """What charset-normalizer says of a sample, as one of `names`, or ""."""
    from charset_normalizer import from_bytes

    aliases = {"gb18030": "gb18030", "big5": "big5", "big5hkscs": "big5hkscs"}
    aliases |= {"utf-16-le": "utf_16_le", "utf-16-be": "utf_16_be"}
    best = from_bytes(data[:65_536], cp_isolation=[aliases[n] for n in names]).best()
    if best is None:
        return ""
    return next((n for n in names if aliases[n] == best.encoding), "")


def _strict(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _too_binary(data: bytes) -> bool:
    """True when more than one byte in a hundred is a control character that text does not hold."""
    sample = data[:1_000_000]
    return len(sample) - len(sample.translate(None, _BINARY)) > len(sample) // 100


def _binary(name: str) -> LoadError:
    return LoadError(
        f"{name}：内容是二进制数据，不是文字，也不是认得的文档格式；请用原来的软件另存为 .docx 或 UTF-8 文本。"
        " (binary data, not text)",
        code="unknown-format",
    )


def _uncertain(name: str) -> LoadError:
    return LoadError(
        f"{name}：无法确定文字编码（不是 UTF-8，按 GB18030、Big5、UTF-16 解读都不可靠）；为免乱码没有读入，"
        "请另存为 UTF-8 后再试。 (text encoding uncertain; save it as UTF-8)",
        code="encoding-uncertain",
    )
