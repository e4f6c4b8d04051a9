"""Every sample's text comes back exactly, in order, with its page."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from rag.ingest.loading import SUPPORTED, Source, discover, load

from . import make_samples


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[make_samples.Sample]]:
    folder = tmp_path_factory.mktemp("样本 corpus")
    return folder, make_samples.make(folder)


def test_there_are_forty_samples_of_every_format(corpus: tuple[Path, list[make_samples.Sample]]) -> None:
    folder, samples = corpus
    made = {Path(s.name).suffix for s in samples}
    wanted = SUPPORTED - {".markdown", ".xhtml", ".xlsm", ".jpeg", ".tiff"}
    if not shutil.which("soffice"):
        wanted -= {".doc", ".wps", ".xls", ".et", ".ppt", ".dps"}
    assert wanted <= made
    assert len(samples) >= 40
    assert [s.doc_id for s in discover([folder])] == sorted(s.name for s in samples)


@pytest.mark.slow
def test_text_comes_back_exactly_in_order_with_its_page(corpus: tuple[Path, list[make_samples.Sample]]) -> None:
    folder, samples = corpus
    for sample in samples:
        source = Source(sample.name, folder / sample.name)
        loaded = load(source)
        assert loaded.failures == (), sample.name
        assert [d.doc_id for d in loaded.documents] == list(sample.documents), sample.name
        for document in loaded.documents:
            if sample.exact is not None:
                assert document.text == sample.exact, sample.name
            elif not document.doc_id.endswith((".txt", ".md")):
                lines = tuple(line for line in document.text.split("\n") if line)
                assert lines == sample.documents[document.doc_id], document.doc_id
            assert document.title, sample.name
            assert all(isinstance(v, str) for v in document.metadata.values())
        first = loaded.documents[0]
        shown = tuple((p.label, first.text[p.start :].split("\n")[0]) for p in first.pages)
        assert shown == sample.pages, sample.name
        assert first.metadata.get("encoding", "") == sample.encoding or not sample.encoding, sample.name
        assert sample.facts.items() <= first.metadata.items()
        if len(loaded.documents) == 1 and first.doc_id == sample.name:
            assert first.sha256 == hashlib.sha256(source.path.read_bytes()).hexdigest()


def test_boxes_lie_on_the_page_and_on_their_text(corpus: tuple[Path, list[make_samples.Sample]]) -> None:
    folder, _ = corpus
    for name in ("版式/扫描 一页.pdf", "版式/公文.ofd"):
        document = load(Source(name, folder / name)).documents[0]
        assert document.boxes, name
        for box in document.boxes:
            assert document.text[box.start : box.end].strip() and "\n" not in document.text[box.start : box.end]
            assert 0 <= box.x0 < box.x1 <= 1 and 0 <= box.top < box.bottom <= 1
    assert [document.text[b.start : b.end] for b in document.boxes if b.page == 1] == [
        "武进区总工会文件",
        make_samples.TITLE,
        make_samples.BODY[0],
    ]


def test_place_of_a_quote_on_a_pdf_page(corpus: tuple[Path, list[make_samples.Sample]]) -> None:
    from rag.ingest.loading.pdf_pages import page_boxes

    folder, _ = corpus
    path = folder / "版式/三页.pdf"
    document = load(Source("三页.pdf", path)).documents[0]
    start = document.text.index("宣传贯彻")
    boxes = page_boxes(path.read_bytes(), document.pages, document.text, start, start + 4)
    assert [(b.page, b.start, b.end) for b in boxes] == [(2, start, start + 4)]
    # drawn at x=60 after 5 characters of 12 points, baseline 780 on a page of 595 × 842 points
    assert abs(boxes[0].x0 - (60 + 12 * 5) / 595) < 0.02
    assert boxes[0].top < 1 - 780 / 842 + 0.01 < boxes[0].bottom + 0.02
    both = page_boxes(path.read_bytes(), document.pages, document.text, 0, len(document.text))
    assert {b.page for b in both} == {1, 2, 3}


def test_scanned_pages_without_recognition_are_said_to_be_unread(
    corpus: tuple[Path, list[make_samples.Sample]],
) -> None:
    folder, _ = corpus
    document = load(Source("扫描.pdf", folder / "版式/扫描 一页.pdf"), ocr=False).documents[0]
    assert document.pages[1].start == len(document.text)
    assert any("第 2 页" in w and "没有识别" in w for w in document.warnings)
