"""Backup and restore of an index folder: one archive with checksums, taken while the service goes on.

The archive is a .tar.gz whose first member, backup.json, names every other one with its SHA-256. Databases are copied
through SQLite's own backup, so each is one committed state. Derived files stay out: they are rebuilt from the catalog.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from pydantic import TypeAdapter, ValidationError

from rag import __version__
from rag.errors import BackupError, IndexMismatch
from rag.index import derived
from rag.index.catalog import Catalog

NOTE = "backup.json"
FORMAT = 1
CATALOG = "catalog.sqlite3"
_SKIPPED = {derived.NOTE, *derived.FILES}
_JOURNALS = ("-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Backup:
    """What an archive holds. made: UTC, ISO 8601. make: what the index was built with. files: SHA-256 by name."""

    format: int
    version: str
    made: str
    make: str
    generation: int
    documents: int
    files: dict[str, str]


def save(index: Path, target: Path, *, force: bool = False) -> Backup:
    """Back the index folder up into `target`, which appears whole or not at all.

    force: replace an older archive of that name. Raises BackupError.
    """
    if not (index / CATALOG).is_file():
        raise BackupError(f"{index} 里没有索引，没有可备份的内容。/ No index there.")
    if target.exists() and not force:
        raise BackupError(f"{target} 已存在；要覆盖请加 --force。/ The file exists.")
    if target.resolve().is_relative_to(index.resolve()):
        raise BackupError("备份文件不能放在索引文件夹里。/ Not into the index folder itself.")
    with _told(target), tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup-") as scratch:
        copy = Path(scratch) / "index"
        copy.mkdir()
        names = list(_copied(index, copy))
        catalog = Catalog(copy / CATALOG)
        found = Backup(
            FORMAT, __version__, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), catalog.fact("make") or "",
            catalog.generation, len(catalog.sources()), {},
        )  # fmt: skip
        catalog.close()  # folds its journal into the file
        found.files.update({name: _sha256(copy / name) for name in names})
        (copy / NOTE).write_text(json.dumps(asdict(found), ensure_ascii=False, indent=1), encoding="utf-8")
        part = Path(scratch) / "archive"
        with open(part, "xb", opener=_owner_only) as file:  # password hashes may be in it
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as archive:
                for name in [NOTE, *names]:
                    archive.add(copy / name, arcname=name)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    return found


def restore(source: Path, index: Path, *, make: str, other_make: bool = False, force: bool = False) -> Path | None:
    """Put the archive's index in the place of `index`; what was there is kept beside it, at the returned path.

    make: what the present configuration builds with. other_make: take an index of another make too, to rebuild it.
    force: replace an index that is there. Raises BackupError, IndexMismatch; then nothing has changed.
    """
    if (index / CATALOG).exists() and not force:
        raise BackupError(f"{index} 里已有索引；要用备份替换它请加 --force（原来的会保留在旁边）。/ There is an index.")
    if index.exists() and not (index / CATALOG).exists() and any(index.iterdir()):
        raise BackupError(f"{index} 不是空的，也不是索引文件夹。/ Not an index folder.")
    index.parent.mkdir(parents=True, exist_ok=True)
    with _told(source), tempfile.TemporaryDirectory(dir=index.parent, prefix=".restoring-") as scratch:
        fresh = Path(scratch) / "index"
        fresh.mkdir(mode=0o700)
        found = _unpacked(source, fresh)
        catalog = Catalog(fresh / CATALOG)
        damage = catalog.check()
        catalog.close()
        if damage:
            raise BackupError(f"备份里的数据库已损坏（{damage[0]}）。未作任何改动。/ The database in it is damaged.")
        if found.make != make and not other_make:
            raise IndexMismatch(
                f"备份用的模型或切分方式与当前配置不同（备份为 {found.make}，当前为 {make}）。改回原来的配置，或加 --other-make "
                "恢复后用库存文本重建。未作任何改动。/ The backup was built with another configuration."
            )
        return _exchange(fresh, index)


def read_note(source: Path) -> Backup:
    """What an archive says of itself. Raises BackupError when it is none."""
    with _told(source), tarfile.open(source, "r:gz") as archive:
        return _note_of(archive)


def _note_of(archive: tarfile.TarFile) -> Backup:
    first = archive.next()
    if first is None or first.name != NOTE or not first.isfile() or first.size > 10_000_000:
        raise BackupError("这不是 yuanwen backup 做的备份。/ Not a backup.")
    try:
        note = archive.extractfile(first)
        found = TypeAdapter(Backup).validate_json(note.read() if note else b"")
    except ValidationError as error:
        raise BackupError(f"备份的清单 {NOTE} 读不懂，未作任何改动。/ The list of files in it is wrong.") from error
    if found.format != FORMAT:
        raise BackupError(f"备份格式为 {found.format}，本版本能读 {FORMAT}。/ Another format of backup.")
    if CATALOG not in found.files or not all(_is_plain(name) for name in found.files):
        raise BackupError("备份的清单不对。/ The list of files in it is wrong.")
    return found


def _unpacked(source: Path, folder: Path) -> Backup:
    """Extract just the files that the note names, each with its checksum."""
    with tarfile.open(source, "r:gz") as archive:
        found = _note_of(archive)
        missing = dict(found.files)
        for member in archive:
            if member.name == NOTE:
                continue
            digest = missing.pop(member.name, None)
            if digest is None or not member.isfile():
                raise BackupError(f"备份里多出了 {member.name!r}，未作任何改动。/ An unexpected member.")
            path = folder / member.name
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            archive.extract(member, folder, filter="data")
            if _sha256(path) != digest:
                raise BackupError(f"备份已损坏：{member.name} 的校验和不符，未作任何改动。/ Checksums differ.")
    if missing:
        raise BackupError(f"备份不完整：缺 {next(iter(missing))}，未作任何改动。/ The backup is incomplete.")
    return found


def _exchange(fresh: Path, index: Path) -> Path | None:
    """Rename the fresh folder into place; the old one is renamed beside it."""
    kept = None
    if (index / CATALOG).exists():
        _refuse_while_in_use(index / CATALOG)
        kept = index.with_name(f"{index.name}.{time.strftime('%Y%m%d-%H%M%S')}")
        index.rename(kept)
    elif index.exists():
        index.rmdir()
    try:
        fresh.rename(index)
    except OSError:
        if kept:
            kept.rename(index)
        raise
    return kept


def _refuse_while_in_use(catalog: Path) -> None:
    """A process that has the database open would go on with the old files: leaving WAL needs it for oneself."""
    with closing(sqlite3.connect(catalog, timeout=1)) as connection:
        try:
            connection.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.OperationalError as error:
            raise BackupError(
                f"索引 {catalog.parent} 正在使用（{error}）：请先停止服务，再恢复。/ Stop the service first."
            ) from error


def _copied(index: Path, copy: Path) -> Iterator[str]:
    """Copy what belongs into a backup; yields the names, databases first."""
    kept: list[Path] = []
    for folder, folders, files in os.walk(index):
        folders[:] = [one for one in folders if not one.startswith(".")]  # scratch folders, which come and go
        found = [Path(folder, one) for one in files if not one.startswith(".") and not one.endswith(_JOURNALS)]
        kept += [path.relative_to(index) for path in found if not path.is_symlink() and path.name not in _SKIPPED]
    for name in sorted(kept, key=lambda name: (name.suffix != ".sqlite3", name.as_posix())):
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if name.suffix == ".sqlite3":
            with closing(sqlite3.connect(index / name, timeout=30)) as old, closing(sqlite3.connect(target)) as new:
                old.backup(new)  # all pages at once: one committed state, writers need not wait
        else:
            shutil.copy2(index / name, target)
        yield name.as_posix()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What reading or writing an archive may meet, as one sentence."""
    try:
        yield
    except OSError as error:  # a damaged gzip stream is one, without a file name
        raise BackupError(
            f"{error.filename or path}：{error.strerror or error}。未作任何改动。/ The backup cannot be read or written."
        ) from error
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise BackupError(f"备份 {path} 已损坏或不是备份（{error}）。未作任何改动。/ Not a sound backup.") from error
    except sqlite3.Error as error:
        raise BackupError(f"数据库读不了：{error}。/ A database cannot be read.") from error


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _is_plain(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and path.as_posix() == name and name not in {"", ".", NOTE}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
