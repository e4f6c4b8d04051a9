"""A backup is one committed state, taken while others write; a damaged one changes nothing when it is restored."""

from __future__ import annotations

import io
import json
import os
import random
import stat
import tarfile
import threading
from pathlib import Path

import pytest

from rag.cli.doctor import examine
from rag.config import Settings
from rag.errors import BackupError, IndexMismatch
from rag.index import backup
from rag.ingest.preparing import make_of
from rag.service import Service
from rag.web.rest import feedback
from tests.conftest import SEEDS, ToyEmbedder
from tests.test_cli import one_line, run

TOY_MAKE = make_of(ToyEmbedder(), Settings().passage_size)
QUESTION = "四同步四衔接指的是什么"


def opened(index: Path, identity: str = "toy@1") -> Service:
    return Service(Settings(index=index), ToyEmbedder(identity))


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> Path:
    """An index folder with everything that may be in one; tests only read it."""
    index = tmp_path_factory.mktemp("filled") / "index"
    service = opened(index)
    service.ingest([SEEDS], mirror=True)
    service.current()
    feedback.store(index, feedback.Feedback(QUESTION, (), "useful", "", 1))
    (index / "access").mkdir(mode=0o700)
    (index / "access" / "users.json").write_text('{"甲": {}}', encoding="utf-8")
    (index / "access" / "users.json").chmod(0o600)
    (index / "access" / ".users.json.lock").touch()
    service.catalog.close()
    return index


@pytest.fixture(scope="module")
def archive(filled, tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("saved") / "b.tar.gz"
    found = backup.save(filled, target)
    assert found.documents == 5 and found.make == TOY_MAKE
    return target


def test_there_and_back(filled, archive, tmp_path):
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    index = tmp_path / "index"
    assert backup.restore(archive, index, make=TOY_MAKE) is None
    kept = {path.relative_to(index).as_posix() for path in index.rglob("*") if path.is_file()}
    assert kept == {"catalog.sqlite3", "feedback.sqlite3", "access/users.json"}
    assert stat.S_IMODE((index / "access" / "users.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((index / "access").stat().st_mode) == 0o700
    service = opened(index)
    assert all(check.good for check in examine(service))
    expected = opened(filled).ask(QUESTION, 3)
    assert service.ask(QUESTION, 3).excerpts == expected.excerpts
    assert feedback.read(index)[0].question == QUESTION


def test_a_backup_during_writes_is_one_state(tmp_path):
    """Every change writes two documents of one number: a mixture would show two numbers."""
    index, corpus, stop = tmp_path / "index", tmp_path / "corpus", threading.Event()
    corpus.mkdir()

    def write(number: int) -> None:
        for name in ("甲", "乙"):
            (corpus / f"{name}.txt").write_text(
                f"第{number}号通知，食堂周三开放，书屋周五闭馆。" * 20, encoding="utf-8"
            )
        writer.ingest([corpus])

    def go_on() -> None:
        number = 1
        while not stop.is_set():
            write(number := number + 1)
            feedback.store(index, feedback.Feedback(f"问{number}", (), "useful", "", number))

    writer = opened(index)
    write(1)
    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        found = [backup.save(index, tmp_path / f"{turn}.tar.gz") for turn in range(6)]
    finally:
        stop.set()
        thread.join()
    assert found[-1].generation > found[0].generation  # it was written meanwhile
    for turn in range(6):
        restored = tmp_path / f"restored{turn}"
        backup.restore(tmp_path / f"{turn}.tar.gz", restored, make=TOY_MAKE)
        service = opened(restored)
        assert all(check.good for check in examine(service))
        assert len({record.document.text[:6] for record in service.documents()}) == 1
        service.catalog.close()


@pytest.mark.parametrize("seed", range(6))
def test_a_damaged_archive_changes_nothing(archive, tmp_path, seed):
    chance, data = random.Random(seed), bytearray(archive.read_bytes())
    if seed % 2:
        del data[chance.randrange(100, len(data)) :]
    else:
        at = chance.randrange(len(data) // 2, len(data) - 100)
        data[at : at + 50] = chance.randbytes(50)
    broken, index = tmp_path / "broken.tar.gz", tmp_path / "index"
    broken.write_bytes(data)
    with pytest.raises(BackupError):
        backup.restore(broken, index, make=TOY_MAKE)
    assert [path.name for path in tmp_path.iterdir()] == ["broken.tar.gz"]


def forged(archive: Path, target: Path, change) -> Path:
    """The archive with its members changed by `change(members)`, a dictionary of name and content."""
    with tarfile.open(archive) as old:
        members = {member.name: old.extractfile(member).read() for member in old}
    change(members)
    with tarfile.open(target, "w:gz") as new:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            new.addfile(info, io.BytesIO(content))
    return target


def outside(members: dict[str, bytes]) -> None:
    note = json.loads(members["backup.json"])
    note["files"]["../evil"] = "0"
    members["backup.json"] = json.dumps(note).encode()
    members["../evil"] = b"x"


@pytest.mark.parametrize(
    "change",
    [
        outside,
        lambda members: members.update({"more": b"x"}),
        lambda members: members.update({"access/users.json": b"{}"}),
        lambda members: members.pop("feedback.sqlite3"),
        lambda members: members.update({"backup.json": b"{}"}),
        lambda members: members.update({"backup.json": b"[1]"}),
        lambda members: members.update({"backup.json": b"\xff"}),
    ],
    ids=["outside", "more", "changed", "missing", "empty note", "no object", "no text"],
)
def test_a_forged_archive_changes_nothing(archive, tmp_path, change):
    forgery = forged(archive, tmp_path / "f.tar.gz", change)
    with pytest.raises(BackupError):
        backup.restore(forgery, tmp_path / "in" / "index", make=TOY_MAKE)
    assert not (tmp_path / "in" / "index").exists() and not (tmp_path / "evil").exists()


def test_what_is_no_backup(tmp_path, filled):
    for content in (b"", b"text", b"\x1f\x8b"):
        (tmp_path / "x").write_bytes(content)
        with pytest.raises(BackupError):
            backup.read_note(tmp_path / "x")
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(BackupError):
            backup.read_note(path)
    with pytest.raises(BackupError, match="没有索引"):
        backup.save(tmp_path, tmp_path / "b")
    with pytest.raises(BackupError, match="索引文件夹里"):
        backup.save(filled, filled / "b")
    with pytest.raises(BackupError):
        backup.save(filled, tmp_path / "no folder" / "b")
    with pytest.raises(BackupError, match="--force"):
        backup.save(filled, tmp_path / "x")


def test_an_index_is_replaced_only_on_the_word_and_kept(archive, tmp_path):
    index = tmp_path / "index"
    service = opened(index)
    (tmp_path / "a.txt").write_text("只在旧索引里的通知。", encoding="utf-8")
    service.ingest([tmp_path / "a.txt"])
    with pytest.raises(BackupError, match="--force"):
        backup.restore(archive, index, make=TOY_MAKE)
    with pytest.raises(BackupError, match="正在使用"):  # the service above still has it open
        backup.restore(archive, index, make=TOY_MAKE, force=True)
    assert len(service.documents()) == 1
    service.catalog.close()
    kept = backup.restore(archive, index, make=TOY_MAKE, force=True)
    assert len(opened(index).documents()) == 5
    assert [record.document.doc_id for record in opened(kept).documents()] == ["a.txt"]
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "important.txt").touch()
    with pytest.raises(BackupError, match="不是索引文件夹"):
        backup.restore(archive, tmp_path / "full", make=TOY_MAKE, force=True)


def test_another_make_is_refused_unless_rebuilt(archive, tmp_path):
    other = make_of(ToyEmbedder("toy@2"), Settings().passage_size)
    with pytest.raises(IndexMismatch, match="--other-make"):
        backup.restore(archive, tmp_path / "index", make=other)
    assert not (tmp_path / "index").exists()
    backup.restore(archive, tmp_path / "index", make=other, other_make=True)
    service = opened(tmp_path / "index", "toy@2")
    assert service.rebuild_if_other_make()
    assert all(check.good for check in examine(service))


@pytest.mark.slow
def test_the_commands(filled, tmp_path):
    file, index = tmp_path / "b.tar.gz", tmp_path / "index"
    done = run("backup", file, "--index", filled)
    assert done.returncode == 0 and "5 个文档" in done.stdout
    assert "--force" in one_line(run("backup", file, "--index", filled))
    assert run("restore", file, "--index", index).returncode == 0
    assert "--force" in one_line(run("restore", file, "--index", index))
    done = run("restore", file, "--index", index, "--force")
    assert done.returncode == 0 and "保留在" in done.stdout
    assert len(list(tmp_path.iterdir())) == 3
    acts = [json.loads(line)["action"] for line in run("audit", "--json", "--index", index).stdout.splitlines()]
    assert acts[-1] == "restore"
    os.truncate(file, 5000)
    assert "损坏" in one_line(run("restore", file, "--index", tmp_path / "third"))
    assert run("doctor", "--index", index).returncode == 0
