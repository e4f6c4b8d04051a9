"""A snapshot is of one generation, though another process changes the catalog between any two of its reads."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import sqlalchemy as sa

from rag.datamodels import Document
from rag.service import Service
from tests.conftest import ToyEmbedder


def document(name: str) -> Document:
    text = f"{name}由后勤处管理。\n\n{name}每周二封闭检修，遇节假日顺延；{name}的钥匙在门房。"
    return Document(f"{name}.txt", name, text, name, "text/plain")


def parts_agree(service: Service) -> set[str]:
    """The documents of a snapshot; all of its parts are of these and of no others."""
    current = service.current()
    named = {passage.doc_id for passage in current.passages}
    assert named == set(current.titles) == set(current.metadata) == set(current.fingerprints)
    assert len(current.passage_vectors) == len(current.passages)
    assert len(current.window_vectors) == len(current.window_rows) == len(current.window_spans)
    return named


NAMES = ("泳池", "食堂", "步道")
WHOLE = {f"{name}.txt" for name in NAMES}


def removed_after(nth: int, make_service, index: Path) -> bool:
    """Whether a snapshot takes so many reads; if so, another process removes a document after that one."""
    make_service(index=index).ingest_documents([document(name) for name in NAMES])
    (index / "derived.json").unlink()  # so that the vectors are read too
    reader, other, watch = (make_service(index=index) for _ in range(3))
    assert reader.catalog.generation == watch.catalog.generation == 1
    reads, removing = 0, []

    def remove(connection, cursor, statement, parameters, context, executemany) -> None:
        nonlocal reads
        if statement.lstrip().startswith("SELECT") and not removing:
            reads += 1
            if reads == nth:
                removing.append(pool.submit(other.remove, ["泳池.txt"]))
                while watch.catalog.generation == 1:  # the log is emptied later, when this reading has ended
                    time.sleep(0.005)

    sa.event.listen(sa.Engine, "after_cursor_execute", remove)
    try:
        with ThreadPoolExecutor(1) as pool:
            found = parts_agree(reader)
    finally:
        sa.event.remove(sa.Engine, "after_cursor_execute", remove)
    assert found in (WHOLE, WHOLE - {"泳池.txt"})
    if removing:
        removing[0].result()
        assert parts_agree(reader) == WHOLE - {"泳池.txt"}
    for service in (reader, other, watch):
        service.catalog.close()
    return bool(removing)


def test_a_removal_after_any_of_the_reads_is_seen_whole_or_not_at_all(make_service, tmp_path):
    reads = 0
    while removed_after(reads + 1, make_service, tmp_path / f"index-{reads}"):
        reads += 1
    assert reads > 5  # a snapshot takes several


def test_questions_while_another_process_removes_and_adds(make_service, tmp_path):
    """Each snapshot has all of its vectors; the other process is a real one."""
    service = make_service()
    service.ingest_documents([document(name) for name in NAMES])
    code = (
        "import sys; from pathlib import Path; from rag.config import Settings; from rag.service import Service; "
        "from tests.conftest import ToyEmbedder; from tests.index.test_one_reading import document; "
        "service = Service(Settings(index=Path(sys.argv[1])), ToyEmbedder()); print('ready', flush=True)\n"
        "for _ in range(15): service.remove(['泳池.txt']); service.ingest_documents([document('泳池')])"
    )
    command = [sys.executable, "-c", code, str(service.settings.index)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "ready\n"
        seen = set()
        while other.poll() is None:
            (service.settings.index / "derived.json").unlink(missing_ok=True)
            seen.add(len(parts_agree(Service(service.settings, ToyEmbedder()))))
    assert other.returncode == 0 and seen <= {2, 3}
    assert len(parts_agree(service)) == 3
