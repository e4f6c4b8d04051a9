"""Mail (.eml): subject, sender, date and body as one document, attachments as documents of their own."""

from __future__ import annotations

import email
import email.errors
import email.policy
from collections.abc import Iterator
from email.header import decode_header
from email.message import Message

from rag.errors import LoadError
from rag.ingest.loading.encodings import decode
from rag.ingest.loading.records import Budget, Extracted, Failure, Job, Member, Opened, TextBuilder
from rag.ingest.loading.safety import bomb, damaged, take
from rag.ingest.loading.web import add_html

MEDIA_TYPE = "message/rfc822"
_HEADERS = (("subject", "主题"), ("from", "发件人"), ("to", "收件人"), ("cc", "抄送"), ("date", "日期"))


def open_mail(data: bytes, job: Job, depth: int, budget: Budget) -> Opened:
    """The mail itself and its attachments.

    depth: how many archives and mails it lies in. Raises LoadError `damaged` where the bytes are no mail, `archive-bomb`
    for mails nested too deep.
    """
    if depth > job.limits.max_depth:
        raise bomb(job.name, f"邮件套了 {depth} 层以上，超过上限 {job.limits.max_depth} 层")
    # compat32 keeps headers as they came: the newer policy raises on many malformed ones.
    message = email.message_from_bytes(data, policy=email.policy.compat32)
    if not any(message.get(name) for name in ("MIME-Version", *dict(_HEADERS))):
        raise damaged(job.name, "邮件")
    builder = TextBuilder()
    subject = _header(message, "subject", job)
    for name, label in _HEADERS:
        value = _header(message, name, job)
        if value:
            builder.add(f"{label}：{value}")
    attachments = []
    warnings: list[str] = []
    for part in _parts(message, _left_out(message)):
        job.check_time()
        name = _attachment_name(part, job)
        if name:
            attachments.append((name, part))
        else:
            warnings.extend(_add_body(part, job, builder))
    own = Extracted(builder.text, MEDIA_TYPE, title=subject, title_certain=bool(subject), warnings=tuple(warnings))
    return Opened(own, _attached(attachments, job, budget))


def _attached(attachments: list[tuple[str, Message]], job: Job, budget: Budget) -> Iterator[Member | Failure]:
    taken: set[str] = set()
    for name, part in attachments:
        job.check_time()
        doc_id, number = f"{job.name}/{name}", 2
        while doc_id in taken:
            doc_id, number = f"{job.name}/{name}#{number}", number + 1
        taken.add(doc_id)
        body = _payload(part)
        try:
            take(budget, len(body), doc_id)
        except LoadError as error:
            yield Failure(doc_id, str(error), error.code)
            continue
        yield Member(doc_id, body)


def _left_out(message: Message) -> frozenset[int]:
    """Identities of the parts left out: of alternatives that say the same, the plain text is read, else the HTML."""
    left_out: set[int] = set()
    for part in message.walk():
        if part.get_content_type() == "multipart/alternative" and part.is_multipart():
            choices = _children(part)
            plain = [p for p in choices if p.get_content_type() == "text/plain" and _payload(p).strip()]
            if plain:
                left_out |= {id(p) for p in choices if p.get_content_type() == "text/html"}
    return frozenset(left_out)


def _parts(message: Message, left_out: frozenset[int]) -> list[Message]:
    """The leaves of the mail in order; a forwarded mail counts as one leaf."""
    found: list[Message] = []
    waiting: list[Message] = [message]
    while waiting:
        part = waiting.pop()
        if id(part) in left_out:
            continue
        if part.get_content_type() == "message/rfc822":
            found.append(part)
        elif part.is_multipart():
            waiting.extend(reversed(_children(part)))
        else:
            found.append(part)
    return found


def _children(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []


def _attachment_name(part: Message, job: Job) -> str:
    """The file name of an attachment, "" for a part that is body text."""
    kind = part.get_content_type()
    name = part.get_filename()
    if name:
        shown = _decoded(name, job).replace("\\", "/").rpartition("/")[2].strip()
        shown = "".join(c for c in shown if ord(c) >= 32)
        if shown not in {"", ".", ".."}:
            return shown + (".eml" if kind == "message/rfc822" and not shown.lower().endswith(".eml") else "")
    if kind == "message/rfc822":
        return "转发邮件.eml"
    if kind in {"text/plain", "text/html"} and part.get_content_disposition() != "attachment":
        return ""
    return "未命名附件." + {"text/plain": "txt", "text/html": "html"}.get(kind, kind.rpartition("/")[2])


def _payload(part: Message) -> bytes:
    if part.get_content_type() == "message/rfc822":
        inner = _children(part)
        return inner[0].as_bytes() if inner else b""
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _add_body(part: Message, job: Job, builder: TextBuilder) -> tuple[str, ...]:
    """Add body text; returns what to tell people of it."""
    data = _payload(part)
    if not data.strip():
        return ()
    decoded = decode(data, job.name, declared=part.get_content_charset("") or "")
    text = decoded.text
    if part.get_content_type() == "text/html":
        add_html(text, job, builder)
    else:
        for line in text.splitlines():
            builder.add(line)
    return decoded.warnings


def _header(message: Message, name: str, job: Job) -> str:
    value = message.get(name)
    return " ".join(_decoded(str(value), job).split()) if value is not None else ""


def _decoded(value: str, job: Job) -> str:
    """A header as text: encoded words decoded, raw bytes decoded on evidence or shown as replacement characters."""
    pieces: list[str] = []
    try:
        parts = decode_header(value)
    except (email.errors.HeaderParseError, ValueError):
        parts = [(value, None)]
    for piece, charset in parts:
        if isinstance(piece, str):
            data = piece.encode("utf-8", "surrogateescape")  # raw bytes in headers arrive as surrogates
            if piece.isascii():
                pieces.append(piece)
                continue
        else:
            data = piece
        try:
            known = charset if charset not in {None, "unknown-8bit"} else ""
            pieces.append(decode(data, job.name, declared=known or "").text)
        except LoadError:
            pieces.append(data.decode("gb18030", "replace"))
    return "".join(pieces)
