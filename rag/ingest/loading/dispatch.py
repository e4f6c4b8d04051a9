"""From a file or its bytes to documents: recognise, extract, title, metadata, sidecar."""

from __future__ import annotations

import hashlib
import importlib
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from rag.datamodels import Document
from rag.errors import LoadError
from rag.ingest.loading.encodings import decode
from rag.ingest.loading.formats import BY_KIND, BY_MEDIA_TYPE, BY_SUFFIX, Format, reader_of
from rag.ingest.loading.metadata import MAX_SIDECAR, read_metadata, read_sidecar
from rag.ingest.loading.records import MB, Budget, Extracted, Failure, Job, Limits, Loaded, Opened, Source
from rag.ingest.loading.safety import encrypted, too_large
from rag.ingest.loading.sniff import kind_of
from rag.ingest.loading.titles import find_title

PLAIN = BY_KIND["txt"]


def load(source: Source, *, ocr: bool = True, limits: Limits | None = None) -> Loaded:
    """Read one file. Raises LoadError with one sentence naming it when nothing of it can be read.

    ocr: recognise PDF pages that have no text. limits: bounds of size and time.
    """
    limits = limits or Limits()
    try:
        size = source.path.stat().st_size
        if size > limits.max_bytes:
            raise _over_size(source.doc_id, size, limits)
        data = source.path.read_bytes()
    except OSError as error:
        raise LoadError(
            f"{source.doc_id}：打不开（{error.strerror or '读取出错'}），请检查文件和权限。 (cannot be opened)",
            code="unreadable",
        ) from error
    sidecar = None
    for suffix in (".yaml", ".yml"):
        beside = source.path.with_name(source.path.name + suffix)
        if beside.is_file() and not beside.is_symlink():
            try:
                with beside.open("rb") as stream:
                    sidecar = stream.read(MAX_SIDECAR + 1)
            except OSError:
                sidecar = b"\xff"  # said in a warning as not readable text
            break
    loaded = load_bytes(data, source.doc_id, sidecar=sidecar, ocr=ocr, limits=limits)
    if not source.note:
        return loaded
    documents = tuple(replace(one, warnings=(*one.warnings, source.note)) for one in loaded.documents)
    return replace(loaded, documents=documents)


def load_bytes(
    data: bytes,
    doc_id: str,
    *,
    sidecar: bytes | None = None,
    ocr: bool = True,
    limits: Limits | None = None,
    strict: bool = False,
) -> Loaded:
    """As load, for bytes at hand (an upload). sidecar: the bytes of its YAML, where there is one. strict: as of Job."""
    limits = limits or Limits()
    if len(data) > limits.max_bytes:
        raise _over_size(doc_id, len(data), limits)
    job = Job(doc_id, limits, ocr, time.monotonic() + limits.max_seconds, strict)
    return _load(data, job, sidecar, 0, Budget(limits.max_unpacked, limits.max_members))


def _load(data: bytes, job: Job, sidecar: bytes | None, depth: int, budget: Budget) -> Loaded:
    if not data:
        raise LoadError(f"{job.name}：文件是空的（0 字节）。 (empty file)", code="empty-file")
    said, found = _recognised(data, job)
    warnings = _mismatch(said, found)
    if not found.is_container:
        extracted: Extracted = _loader(found)(data, job)
        return Loaded((_document(data, job, extracted, sidecar, warnings),))
    opened: Opened = _loader(found)(data, job, depth, budget)
    own = () if opened.own is None else (_document(data, job, opened.own, sidecar, warnings),)
    inside = _inside(opened, job, depth, budget)
    if not own and not inside.documents and not inside.failures:
        raise LoadError(f"{job.name}：压缩包里没有文件。 (empty archive)", code="empty-file")
    return Loaded((*own, *inside.documents), inside.failures)


def _inside(opened: Opened, job: Job, depth: int, budget: Budget) -> Loaded:
    """What came of the members of a container. Raises LoadError when an archive unpacks to more than it may."""
    documents: list[Document] = []
    failures: list[Failure] = []
    for member in opened.members:
        if isinstance(member, Failure):
            failures.append(member)
            continue
        try:
            part = _load(member.data, job.renamed(member.doc_id), member.sidecar, depth + 1, budget)
        except LoadError as error:
            if error.code == "archive-bomb" and budget.is_spent and opened.own is None:
                raise
            failures.append(Failure(member.doc_id, str(error), error.code))
            continue
        documents.extend(part.documents)
        failures.extend(part.failures)
    return Loaded(tuple(documents), tuple(failures))


def _recognised(data: bytes, job: Job) -> tuple[Format, Format]:
    """The formats that the suffix says and that the content shows. Raises LoadError when the file cannot be read as either."""
    suffix = PurePosixPath(job.name.rpartition("#")[0] or job.name).suffix.lower()
    suffix = suffix if suffix in BY_SUFFIX else PurePosixPath(job.name).suffix.lower()
    if suffix not in BY_SUFFIX:
        raise LoadError(
            f"{job.name}：不支持 {suffix or '没有后缀的'} 文件；请转换为 .docx、.pdf 或 .txt。 (unsupported format)",
            code="unknown-format",
        )
    said = BY_SUFFIX[suffix]
    kind = kind_of(data, suffix)
    found = BY_KIND.get(kind)
    if job.strict and (kind == f"not-{said.kind}" or (found is not None and found.kind != said.kind)):
        raise _belied(job.name, said, found)
    if kind == "encrypted":
        raise encrypted(job.name)
    if kind == f"not-{said.kind}":
        if not said.may_be_plain or not _is_plain(data, job):
            raise _not_what_it_says(job.name, said)
        return said, PLAIN
    if found is None:
        what = {"ole-other": "是旧版 Office 的其他文件（不是文档、表格、演示文稿）"}.get(kind, "格式不认得")
        raise LoadError(
            f"{job.name}：{what}，与后缀 {suffix} 不符或不受支持；请另存为 .docx、.xlsx、.pptx 或 .pdf。"
            " (unsupported content)",
            code="unknown-format",
        )
    if kind == "zip" and said.kind != "zip" and not said.is_text:
        raise LoadError(
            f"{job.name}：不是有效的{said.label}，里面是普通压缩包；请用原来的软件重新保存。 (plain zip, wrong suffix)",
            code="damaged",
        )
    return said, found


def _loader(found: Format) -> Callable[..., Any]:
    """The function that reads a format, imported now."""
    module, _, function = found.loader.partition(":")
    loader: Callable[..., Any] = getattr(importlib.import_module(f"rag.ingest.loading.{module}"), function)
    return loader


def _is_plain(data: bytes, job: Job) -> bool:
    """Whether the bytes are plain text, for a suffix that office programs leave on it."""
    try:
        text = decode(data, job.name).text
    except LoadError:
        return False
    return not any(ord(c) < 0x20 and c not in "\t\n\r\x0c" for c in text[:10_000])


def _not_what_it_says(name: str, said: Format) -> LoadError:
    return LoadError(
        f"{name}：不是有效的{said.label}，可能已损坏或后缀不对；请用原来的软件打开后重新保存。"
        " (damaged, or the suffix is wrong)",
        code="damaged",
    )


def _belied(name: str, said: Format, found: Format | None) -> LoadError:
    """The error for a file whose suffix says one thing and its content another."""
    if found is None:
        return _not_what_it_says(name, said)
    return LoadError(
        f"{name}：后缀说是{said.label}，内容却是{found.label}；请把后缀改为 {found.suffixes[0]} 后再试。"
        " (the suffix does not match the content)",
        code="wrong-suffix",
    )


def _mismatch(said: Format, found: Format) -> tuple[str, ...]:
    if said.kind == found.kind:
        return ()
    if found.kind == PLAIN.kind and said.may_be_plain:
        return ("内容其实是纯文本，已按文本读入。 (plain text, wrong suffix)",)
    return (f"后缀与内容不符，内容是{found.label}，已照内容读入。 (suffix does not match the content)",)


def _document(data: bytes, job: Job, found: Extracted, sidecar: bytes | None, warnings: tuple[str, ...]) -> Document:
    """Give what was extracted its title and metadata; a sidecar has the last word."""
    if not found.text or found.text.isspace():
        raise LoadError(f"{job.name}：里面没有可读的文字。 (no text in this file)", code="empty-file")
    if len(found.text) > job.limits.max_unpacked:
        raise too_large(job.name, "文字超过上限")
    title = found.title if found.title_certain else ""
    stem = PurePosixPath(job.name).stem
    title = " ".join(title.split())[:200] or find_title(found.text, found.title, stem, found.boxes[:60])
    facts = read_metadata(found.text, title) | dict(found.metadata)
    notes = [*found.warnings, *warnings]
    if sidecar is not None:
        stated, warning = read_sidecar(sidecar, f"{PurePosixPath(job.name).name}.yaml")
        title = stated.pop("title", title).strip() or title
        for fixed in ("encoding", "bom"):
            stated.pop(fixed, None)  # how the file was decoded is a fact, not an opinion
        facts |= stated
        if warning:
            notes.append(warning)
    return Document(
        doc_id=job.name, title=title, text=found.text, sha256=hashlib.sha256(data).hexdigest(),
        media_type=found.media_type, metadata=facts, pages=found.pages, boxes=found.boxes,
        warnings=tuple(notes), loader=reader_of(found.media_type),
        original=data if BY_MEDIA_TYPE[found.media_type].keeps_original else b"",
    )  # fmt: skip


def _over_size(name: str, size: int, limits: Limits) -> LoadError:
    return too_large(name, f"有 {size // MB} MB，超过上限 {limits.max_bytes // MB} MB")
