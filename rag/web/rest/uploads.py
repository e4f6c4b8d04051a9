"""Take uploaded files into the index under safe names. They are kept nowhere else, so that removing one removes it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath, PureWindowsPath
from typing import BinaryIO

from rag.datamodels import IngestLine
from rag.errors import UsageError
from rag.evaluation.desk.publishing import guard_of, publish
from rag.ingest.pipeline import IngestReport
from rag.models.embedding import Progress
from rag.web.front.ongoing import Ongoing
from rag.web.front.visible import Visible

NAME_MAX = 180  # bytes; file systems stop at 255 and a scratch name is longer
FOLDER_MAX, DEPTH_MAX = 180, 8  # bytes, parts
FILES_MAX = 100
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]')


def safe_name(name: str) -> str:
    """A file's name without folders, controls or anything a file system or a reader could be misled by.

    Raises UsageError when nothing is left of it.
    """
    last = PureWindowsPath(PurePosixPath(name).name).name
    kept = unicodedata.normalize("NFC", _FORBIDDEN.sub("_", last.encode("utf-8", "replace").decode())).strip(" .")
    stem, dot, suffix = kept.rpartition(".")
    if not dot or not stem.strip("_ ") or not suffix.isalnum():
        raise UsageError(
            f"文件名 {kept[:60]!r} 不能用：需要“名称.扩展名”。/ The file name needs a name and an extension.",
            code="file-name",
        )
    room = NAME_MAX - len(suffix.encode()) - 1
    return f"{stem.encode()[:room].decode('utf-8', 'ignore').rstrip(' .')}.{suffix}"


def safe_folder(path: str) -> str:
    """A folder for documents, as parts joined by "/"; "" stays "" and means none.

    Nothing is mended, for a folder decides who may read what is in it. No part has a dot, so that none climbs up, hides,
    or is an archive, whose name is the folder of its members. Raises UsageError.
    """
    kept = unicodedata.normalize("NFC", path.strip().removesuffix("/"))
    if not kept:
        return ""
    parts = kept.split("/")
    wrong = (
        _FORBIDDEN.search(kept.replace("/", ""))
        or "." in kept
        or any(not part or part != part.strip() for part in parts)
    )
    if wrong or not kept.isprintable() or len(parts) > DEPTH_MAX or len(kept.encode("utf-8", "replace")) > FOLDER_MAX:
        raise UsageError(
            f"文件夹 {kept[:60]!r} 不能用：写成“通知/2024年”这样，最多 {DEPTH_MAX} 层，"
            "名称里不能有点、反斜杠、冒号等符号，不以 / 开头。/ Bad folder.",
            code="folder-name",
        )
    return kept


def take_in(
    mine: Visible,
    files: Sequence[tuple[str, BinaryIO]],
    ongoing: Ongoing,
    progress: Progress = lambda done, total: None,
    on_line: Callable[[IngestLine], None] = lambda line: None,
    folder: str = "",
) -> IngestReport:
    """Index uploaded files; one of the same name is replaced. on_line: told of each document as soon as it is read.

    folder: where they are put, as `safe_folder` takes it.

    Raises CorpusError when none could be read, StoppedError when `ongoing` was told to stop, ForbiddenError for a name
    in a collection that they may not see, EvaluationError when a gate is set and the index would answer worse.
    """
    if not files:
        raise UsageError("没有文件。请在表单字段 file 中上传。/ No file was sent.", code="no-file")
    if len(files) > FILES_MAX:
        raise UsageError(f"一次最多 {FILES_MAX} 个文件。/ Too many files at once.", code="too-many-files")
    place = safe_folder(folder)
    named = {f"{place}/{safe_name(name)}" if place else safe_name(name): stream for name, stream in files}
    if len(named) != len(files):
        raise UsageError("有两个文件同名，请分开上传。/ Two files have the same name.", code="same-name")
    for name in named:
        mine.may_replace(name)
    guard = guard_of(mine.service.settings.index)

    def encoded(done: int, total: int) -> None:
        ongoing.go_on()
        progress(done, total)

    def read(line: IngestLine) -> None:
        ongoing.go_on()
        on_line(line)

    @contextmanager
    def judged(label: str) -> Iterator[Progress]:
        yield lambda done, total: ongoing.go_on()

    with ongoing.upload():
        if guard is None:
            return mine.service.ingest_uploads(named, encoded, read)
        return publish(mine.service, lambda target: target.ingest_uploads(named, encoded, read), guard, judged)[0]
