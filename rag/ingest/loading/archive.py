"""Zip archives of documents: bounded, nothing written to disk, names checked, every failure reported."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from rag.errors import LoadError
from rag.ingest.loading.common_characters import COMMON
from rag.ingest.loading.discover import is_junk, is_sidecar
from rag.ingest.loading.guard import PARSER_ERRORS, bomb, encrypted, open_zip
from rag.ingest.loading.records import Failure, Job, Loaded


@dataclass(slots=True)
class Budget:
    """What may still be unpacked, shared by an archive and all archives inside it."""

    bytes_left: int
    members_left: int

    def take(self, size: int, name: str) -> None:
        """Use up one member of `size` bytes; raises LoadError `archive-bomb` beyond the limit."""
        self.bytes_left -= size
        self.members_left -= 1
        if self.bytes_left < 0 or self.members_left < 0:
            raise bomb(name, "连同里面的压缩包，解开后超过上限")


# (bytes, doc_id, sidecar bytes or None, depth, budget) → what came of the member
LoadMember = Callable[[bytes, str, bytes | None, int, Budget], Loaded]


def load_zip(data: bytes, job: Job, depth: int, budget: Budget, load_member: LoadMember) -> Loaded:
    """Documents and failures of the members, in the order of the archive.

    Raises LoadError `archive-bomb`, `encrypted`, `damaged` or `empty-file` for the archive as a whole.
    """
    if depth > job.limits.max_depth:
        raise bomb(job.name, f"压缩包套了 {depth} 层以上，超过上限 {job.limits.max_depth} 层")
    documents, failures = [], []
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
            doc_id = _free(f"{job.name}/{name.lstrip('/')}", taken)
            try:
                _check_name(name, doc_id)
                body = _read(archive, member, doc_id, budget)
                side = by_name.get(f"{name}.yaml") or by_name.get(f"{name}.yml")
                sidecar = _read(archive, side, doc_id, budget) if side is not None else None
                part = load_member(body, doc_id, sidecar, depth, budget)
            except LoadError as error:
                if error.code == "archive-bomb" and budget.bytes_left < 0:
                    raise
                failures.append(Failure(doc_id, str(error), error.code))
                continue
            documents.extend(part.documents)
            failures.extend(part.failures)
    if not documents and not failures:
        raise LoadError(f"{job.name}：压缩包里没有文件。 (empty archive)", code="empty-file")
    return Loaded(tuple(documents), tuple(failures))


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
    readings = []
    for encoding in ("utf-8", "gb18030", "big5"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8":
            return text
        wide = [c for c in text if ord(c) > 0x7F]
        readings.append((sum(c in COMMON for c in wide) / max(len(wide), 1), encoding == "gb18030", text))
    return max(readings)[2] if readings else ""


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, doc_id: str, budget: Budget) -> bytes:
    if member.flag_bits & 1:
        raise encrypted(doc_id)
    budget.take(member.file_size, doc_id)
    try:
        with archive.open(member) as stream:
            return stream.read(member.file_size)
    except (*PARSER_ERRORS, NotImplementedError) as error:
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
