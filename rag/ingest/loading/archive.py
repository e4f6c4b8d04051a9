"""Zip archives of documents: bounded, nothing written to disk, names checked, every failure reported."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath

from rag.errors import LoadError
from rag.ingest.loading.common_characters import COMMON
from rag.ingest.loading.discover import is_junk, is_sidecar
from rag.ingest.loading.names import plain_name
from rag.ingest.loading.records import Budget, Failure, Job, Member, Opened
from rag.ingest.loading.safety import PARSER_ERRORS, bomb, encrypted, open_zip, take

_MEMBER_ERRORS: tuple[type[Exception], ...] = (*PARSER_ERRORS, NotImplementedError)


def open_archive(data: bytes, job: Job, depth: int, budget: Budget) -> Opened:
    """The files of an archive, in its order; junk and sidecars are left out.

    depth: how many archives and mails it lies in. Raises LoadError `archive-bomb`; so does asking for a member when the
    budget is spent, `encrypted` or `damaged` when that holds for the archive as a whole.
    """
    if depth > job.limits.max_depth:
        raise bomb(job.name, f"压缩包套了 {depth} 层以上，超过上限 {job.limits.max_depth} 层")
    return Opened(None, _members(data, job, budget))


def _members(data: bytes, job: Job, budget: Budget) -> Iterator[Member | Failure]:
    with open_zip(data, job, "压缩包") as archive:
        members = [(member_name(m), m) for m in archive.infolist() if not m.is_dir()]
        if members and all(m.flag_bits & 1 for _, m in members):
            raise encrypted(job.name)
        names = frozenset(name for name, _ in members)
        by_name = dict(members)
        taken: set[str] = set()
        for name, member in members:
            if _is_noise(name) or is_sidecar(name, names):
                continue
            job.check_time()
            doc_id = _free(f"{job.name}/{plain_name(name.lstrip('/'))}", taken)
            try:
                _check_name(name, doc_id)
                body = _read(archive, member, doc_id, budget)
                side = by_name.get(f"{name}.yaml") or by_name.get(f"{name}.yml")
                found = Member(doc_id, body, _read(archive, side, doc_id, budget) if side is not None else None)
            except LoadError as error:
                if error.code == "archive-bomb" and budget.is_spent:
                    raise
                yield Failure(doc_id, str(error), error.code)
                continue
            yield found


def member_name(member: zipfile.ZipInfo) -> str:
    """A member's name with `/` between folders; names without the UTF-8 flag are read as UTF-8, GB18030 or Big5."""
    name = member.filename
    if not member.flag_bits & 0x800 and not name.isascii():
        try:
            raw = name.encode("cp437")
        except UnicodeEncodeError:
            return name.replace("\\", "/")
        name = _decoded_name(raw) or name
    return name.replace("\\", "/")


def _decoded_name(raw: bytes) -> str:
    guesses = []
    for encoding in ("utf-8", "gb18030", "big5"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8":
            return text
        wide = [c for c in text if ord(c) > 0x7F]
        guesses.append((sum(c in COMMON for c in wide) / max(len(wide), 1), encoding == "gb18030", text))
    return max(guesses)[2] if guesses else ""


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, doc_id: str, budget: Budget) -> bytes:
    if member.flag_bits & 1:
        raise encrypted(doc_id)
    take(budget, member.file_size, doc_id)
    try:
        with archive.open(member) as stream:
            return stream.read(member.file_size)
    except _MEMBER_ERRORS as error:
        raise LoadError(
            f"{doc_id}：压缩包里的这个文件已损坏或压缩方法不认得，读不出来；请重新打包。 (damaged archive member)",
            code="damaged",
        ) from error


def _check_name(name: str, doc_id: str) -> None:
    """Refuse names that would leave a folder when unpacked. Nothing is unpacked here, but doc_ids are used as paths."""
    drive = len(name) > 1 and name[1] == ":" and name[0].isalpha()
    if name.startswith("/") or drive or ".." in PurePosixPath(name).parts or any(ord(c) < 32 for c in name):
        raise LoadError(
            f"{doc_id}：压缩包里的路径不安全（绝对路径或含“..”），没有读入。 (unsafe path in archive)",
            code="unsafe-path",
        )


def _is_noise(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return not parts or parts[0] == "__MACOSX" or any(is_junk(p) for p in parts if p not in {"..", "."})


def _free(doc_id: str, taken: set[str]) -> str:
    """`doc_id`, numbered where the archive holds the same name twice."""
    unique, number = doc_id, 2
    while unique in taken:
        unique, number = f"{doc_id}#{number}", number + 1
    taken.add(unique)
    return unique
