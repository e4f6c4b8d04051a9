"""From a file or its bytes to documents: recognise, extract, title, metadata, sidecar."""

from __future__ import annotations

import hashlib
import importlib
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath

from rag.datamodels import Document
from rag.errors import LoadError
from rag.ingest.loading.archive import Budget, load_zip
from rag.ingest.loading.guard import encrypted, too_large
from rag.ingest.loading.metadata import MAX_SIDECAR, read_metadata, read_sidecar
from rag.ingest.loading.records import MB, Extracted, Job, Limits, Loaded, Source
from rag.ingest.loading.sniff import BY_SUFFIX, TEXT_KINDS, kind_of
from rag.ingest.loading.titles import find_title

# kind → (module, function, what users call it); imported when first needed, so that `import rag.ingest.loading` is quick.
_PARSERS = {
    "txt": ("plain", "extract_txt", "文本"),
    "md": ("plain", "extract_md", "Markdown"),
    "csv": ("plain", "extract_csv", "CSV"),
    "html": ("web", "extract_html", "网页"),
    "docx": ("word", "extract_docx", "Word 文档 (.docx)"),
    "pptx": ("slides", "extract_pptx", "演示文稿 (.pptx)"),
    "xlsx": ("sheets", "extract_xlsx", "Excel 工作簿 (.xlsx)"),
    "pdf": ("pdf", "extract_pdf", "PDF"),
    "rtf": ("rtf", "extract_rtf", "RTF"),
    "odt": ("opendocument", "extract_odt", "ODT"),
    "ofd": ("ofd", "extract_ofd", "OFD"),
    "epub": ("epub", "extract_epub", "EPUB"),
    "doc": ("libreoffice", "extract_doc", "旧版 Word/WPS 文档"),
}
_LABELS = {kind: label for kind, (_, _, label) in _PARSERS.items()} | {"zip": "ZIP 压缩包", "eml": "邮件"}


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
    return load_bytes(data, source.doc_id, sidecar=sidecar, ocr=ocr, limits=limits)


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
    suffix = PurePosixPath(job.name.rpartition("#")[0] or job.name).suffix.lower()
    suffix = suffix if suffix in BY_SUFFIX else PurePosixPath(job.name).suffix.lower()
    if suffix not in BY_SUFFIX:
        raise LoadError(
            f"{job.name}：不支持 {suffix or '没有后缀的'} 文件；请转换为 .docx、.pdf 或 .txt。 (unsupported format)",
            code="unknown-format",
        )
    kind = kind_of(data, suffix)
    said = BY_SUFFIX[suffix]
    if job.strict and (_mismatch(said, kind) or kind == f"not-{said}"):
        raise _belied(job.name, said, kind)
    if kind in {"zip", "eml"}:
        if kind == "zip" and said not in {"zip", *TEXT_KINDS}:
            raise LoadError(
                f"{job.name}：不是有效的{_LABELS[said]}，里面是普通压缩包；请用原来的软件重新保存。"
                " (plain zip, wrong suffix)",
                code="damaged",
            )

        def member(body: bytes, doc_id: str, side: bytes | None, at: int, left: Budget) -> Loaded:
            return _load(body, job.renamed(doc_id), side, at + 1, left)

        if kind == "zip":
            return load_zip(data, job, depth, budget, member)
        from rag.ingest.loading.mail import load_mail

        body, attachments = load_mail(data, job, depth, budget, member)
        document = _document(data, job, body, sidecar, _mismatch(said, kind))
        return Loaded((document, *attachments.documents), attachments.failures)
    extracted = _parser(kind, job, suffix)(data, job)
    return Loaded((_document(data, job, extracted, sidecar, _mismatch(said, kind)),))


def _parser(kind: str, job: Job, suffix: str) -> Callable[[bytes, Job], Extracted]:
    if kind == "encrypted":
        raise encrypted(job.name)
    if kind.startswith("not-"):
        if kind in {"not-pdf", "not-ofd", "not-zip", "not-epub"}:
            raise _not_what_it_says(job.name, kind.removeprefix("not-"))
        return _as_text_or_refuse(kind.removeprefix("not-"))
    if kind in {"image", "ole-other", "unknown"}:
        what = {"image": "是图片", "ole-other": "是旧版 Office 文件（不是 Word 文档）"}.get(kind, "格式不认得")
        raise LoadError(
            f"{job.name}：{what}，与后缀 {suffix} 不符或不受支持；请另存为 .docx、.xlsx、.pptx 或 .pdf。"
            " (unsupported content)",
            code="unknown-format",
        )
    module, function, _ = _PARSERS[kind]
    parser: Callable[[bytes, Job], Extracted] = getattr(
        importlib.import_module(f"rag.ingest.loading.{module}"), function
    )
    return parser


def _as_text_or_refuse(said: str) -> Callable[[bytes, Job], Extracted]:
    """For an office suffix on a file that is no such thing: plain text is read with a warning, else refused."""
    from rag.ingest.loading.plain import extract_txt

    def parser(data: bytes, job: Job) -> Extracted:
        try:
            found = extract_txt(data, job)
        except LoadError as error:
            raise _not_what_it_says(job.name, said) from error
        if any(ord(c) < 0x20 and c not in "\t\n\r\x0c" for c in found.text[:10_000]):
            raise _not_what_it_says(job.name, said)
        return replace(found, warnings=(*found.warnings, "内容其实是纯文本，已按文本读入。 (plain text, wrong suffix)"))

    return parser


def _not_what_it_says(name: str, said: str) -> LoadError:
    return LoadError(
        f"{name}：不是有效的{_LABELS[said]}，可能已损坏或后缀不对；请用原来的软件打开后重新保存。"
        " (damaged, or the suffix is wrong)",
        code="damaged",
    )


def _belied(name: str, said: str, kind: str) -> LoadError:
    """The error for a file whose suffix says one thing and its content another."""
    if kind not in _LABELS:
        return _not_what_it_says(name, said)
    right = next(suffix for suffix, other in BY_SUFFIX.items() if other == kind)
    return LoadError(
        f"{name}：后缀说是{_LABELS[said]}，内容却是{_LABELS[kind]}；请把后缀改为 {right} 后再试。"
        " (the suffix does not match the content)",
        code="wrong-suffix",
    )


def _mismatch(said: str, kind: str) -> tuple[str, ...]:
    if said == kind or kind not in _LABELS:
        return ()
    return (f"后缀与内容不符，内容是{_LABELS[kind]}，已照内容读入。 (suffix does not match the content)",)


def _document(data: bytes, job: Job, found: Extracted, sidecar: bytes | None, warnings: tuple[str, ...]) -> Document:
    """Give what was extracted its title and metadata; a sidecar has the last word."""
    if not found.text or found.text.isspace():
        raise LoadError(f"{job.name}：里面没有可读的文字。 (no text in this file)", code="empty-file")
    if len(found.text) > job.limits.max_unpacked:
        raise too_large(job.name, "文字超过上限")
    title = found.title if found.title_certain else ""
    title = " ".join(title.split())[:200] or find_title(found.text, found.title, PurePosixPath(job.name).stem)
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
        warnings=tuple(notes), original=data if found.media_type == "application/pdf" else b"",
    )  # fmt: skip


def _over_size(name: str, size: int, limits: Limits) -> LoadError:
    return too_large(name, f"有 {size // MB} MB，超过上限 {limits.max_bytes // MB} MB")
