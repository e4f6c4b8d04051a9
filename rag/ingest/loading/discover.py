"""Which files of the paths given are documents."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from rag.errors import CorpusError
from rag.ingest.loading.formats import SUPPORTED
from rag.ingest.loading.names import look_alikes, numbered, plain_name
from rag.ingest.loading.records import Source

_JUNK = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db"})
_JUNK_FOLDERS = frozenset({"__macosx", "__pycache__"})
_SAME_NAME = (
    "名字与“{}”只差看不见的字符或编码方式，已编号区分，请核对是否同一份。 (same name but for unseen characters)"
)
_ALIKE = "名字与“{}”看起来一样，其实是两份文件，请核对。 (looks like the name of another file)"
_PARTIAL = (".tmp", ".crdownload", ".part", ".download", "~")


def is_junk(name: str) -> bool:
    """True for hidden files, lock and temporary files, and what operating systems leave behind."""
    lower = name.lower()
    return name.startswith((".", "~$", "~WRL")) or lower in _JUNK or lower.endswith(_PARTIAL)


def is_sidecar(name: str, beside: frozenset[str]) -> bool:
    """True for `NAME.EXT.yaml` where NAME.EXT is among the names in the same folder."""
    stem, dot, suffix = name.rpartition(".")
    return bool(dot) and suffix.lower() in {"yaml", "yml"} and stem in beside


def discover(paths: Sequence[Path]) -> list[Source]:
    """The files under `paths`, sorted by doc_id; unsupported ones too, so that loading refuses them by name.

    A name that another system wrote with other code points is the same name; two such files in one folder are numbered.

    Raises CorpusError when a path does not exist, cannot be listed, or nothing supported is found.
    """
    found: dict[str, Path] = {}
    renamed: list[tuple[str, Path]] = []
    for path in paths:
        if not path.exists():
            raise CorpusError(f"{path}：没有这个文件或文件夹，请检查路径。 (no such file or folder)")
        if path.is_dir():
            pairs = [(file.relative_to(path).as_posix(), file) for file in _files(path)]
        else:
            pairs = [(path.name, path)]
        for doc_id, file in pairs:
            doc_id = _readable(doc_id)
            if plain_name(doc_id) != doc_id:  # after those that are called so on the disk
                renamed.append((plain_name(doc_id), file))
                continue
            known = found.get(doc_id)
            if known is None or os.path.samefile(known, file):
                found[doc_id] = file
            else:
                found[_readable(f"{path.name}/{doc_id}" if path.is_dir() else file.as_posix().lstrip("/"))] = file
    notes = {}
    for doc_id, file in renamed:
        known = found.get(doc_id)
        if known is not None and os.path.samefile(known, file):
            continue
        if known is not None:
            notes[numbered(doc_id, found)] = _SAME_NAME.format(doc_id)
        found[numbered(doc_id, found)] = file
    for doc_id, other in look_alikes(found).items():
        notes.setdefault(doc_id, _ALIKE.format(other))
    if not any(Path(doc_id).suffix.lower() in SUPPORTED for doc_id in found):
        shown = "、".join(str(p) for p in paths) or "（没有给出路径）"
        raise CorpusError(f"{shown}：里面没有可以读的文档（支持 {_suffixes()}）。 (no supported document found)")
    return [Source(doc_id, found[doc_id], notes.get(doc_id, "")) for doc_id in sorted(found)]


def _files(root: Path) -> Iterator[Path]:
    """Files under `root`. Links to folders are not followed (loops), links to files only where they stay inside."""
    inside = root.resolve()

    def refuse(error: OSError) -> None:
        raise CorpusError(f"{error.filename}：没有权限读取这个文件夹。 (folder cannot be listed)") from error

    for folder, folders, names in os.walk(root, onerror=refuse, followlinks=False):
        folders[:] = sorted(f for f in folders if not is_junk(f) and f.lower() not in _JUNK_FOLDERS)
        beside = frozenset(names)
        for name in sorted(names):
            file = Path(folder, name)
            if is_junk(name) or is_sidecar(name, beside):
                continue
            if file.is_symlink() and not _stays_inside(file, inside):
                continue
            if file.is_file():
                yield file


def _stays_inside(link: Path, root: Path) -> bool:
    try:
        return link.resolve(strict=True).is_relative_to(root)
    except (OSError, RuntimeError):  # RuntimeError: a link that leads to itself, before Python 3.13
        return False


def _readable(name: str) -> str:
    """A name whose bytes are not UTF-8 (surrogates), as text that can be stored and shown."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raw = name.encode("utf-8", "surrogateescape")
        try:
            return raw.decode("gb18030")
        except UnicodeDecodeError:
            return raw.decode("utf-8", "replace")
    return name


def _suffixes() -> str:
    return " ".join(sorted(SUPPORTED))
