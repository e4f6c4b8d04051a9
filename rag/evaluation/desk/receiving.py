"""Take in a test set that was sent: an Excel sheet, a gold file, or a zip of a BEIR folder or of TREC topics and qrels."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rag.errors import EvaluationError, UsageError
from rag.evaluation.desk import desk
from rag.evaluation.reports.saved import read_test_set
from rag.evaluation.sets.beir import CORPUS, QRELS, QUERIES, read_collection
from rag.evaluation.sets.library import library_of
from rag.evaluation.sets.records import Problem
from rag.service import Service

WANTED = (CORPUS, *QUERIES, *QRELS)
UNPACKED_MAX = 500_000_000  # bytes of all files that are taken out of a zip


@dataclass(frozen=True, slots=True)
class Received:
    """A test set as it was understood: its name, how many questions can be asked, what is wrong with other rows."""

    name: str
    questions: int
    problems: Sequence[Problem]


def receive(service: Service, filename: str, data: bytes) -> Received:
    """Keep a test set, in place of one of the same name.

    Raises UsageError for a name that cannot be used, EvaluationError when no row can be; nothing is kept then.
    """
    index = service.settings.index
    given = PurePosixPath(filename.replace("\\", "/")).name
    zipped = given.lower().endswith(".zip")
    name = given[: -len(".zip")] if zipped else given
    if not zipped and Path(name).suffix.lower() not in {".xlsx", ".jsonl"}:
        raise UsageError(
            f"题集应为 .xlsx、.jsonl 或 .zip，给的是“{given[:80]}”。/ Not a kind of test set.", code="file-name"
        )
    target = desk.new_set_path(index, name)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".incoming-") as scratch:
        path = Path(scratch) / name
        if zipped:
            _unpack(data, given, path)
            collection = read_collection(path, served=service.current().titles)
            found = Received(name, len(collection.qrels), collection.problems)
        else:
            path.write_bytes(data)
            test_set = read_test_set(path, library_of(service))
            found = Received(name, len(test_set.questions), test_set.problems)
        desk.forget(index, name)
        path.replace(target)
    return found


def _unpack(data: bytes, name: str, target: Path) -> None:
    """Take the files of a test set, and only those, out of a zip; a folder around them does not matter."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [member.filename for member in archive.infolist() if not member.is_dir()]
            root = _root(names)
            left = UNPACKED_MAX
            for wanted in WANTED:
                if f"{root}{wanted}" not in names:
                    continue
                file = target / wanted
                file.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(f"{root}{wanted}") as source, file.open("wb") as out:
                    while block := source.read(1 << 20):
                        left -= len(block)
                        if left < 0:
                            raise EvaluationError(
                                f"{name} 解开后超过 {UNPACKED_MAX // 1_000_000} MB，没有收下。/ Too large."
                            )
                        out.write(block)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise EvaluationError(f"{name} 不是可以打开的 zip（加密的请先解密）。/ Not a readable zip.") from error
    if not target.is_dir():
        raise EvaluationError(
            f"{name} 里没有评测集：应有 corpus.jsonl、queries.jsonl 和 qrels/test.tsv，或 topics.txt 和 qrels.txt。"
            " / No test set inside."
        )


def _root(names: Sequence[str]) -> str:
    """The folder inside the zip that the questions lie in, with its slash, or nothing."""
    for name in names:
        path = PurePosixPath(name)
        if path.name in QUERIES:
            parent = path.parent.as_posix()
            return "" if parent == "." else f"{parent}/"
    return ""
