"""Pages that are images, or whose text layer is no text: read by recognition, or named."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from rag.errors import LoadError
from rag.ingest.loading import Limits, load_bytes
from rag.ingest.loading.garbled import common_share, garbled_pages, says_the_same
from tests.conftest import SEEDS

from . import make_samples as samples
from .known_text import GARBLED, LINES, PAGE_LINES


def test_a_scan_behind_a_page_number_is_read_and_named() -> None:
    document = load_bytes(samples.pdf_bytes([LINES], numbered=2), "标书.pdf").documents[0]
    second = document.text[document.pages[1].start : document.pages[2].start]
    assert second.split("\n")[:-1] == [*PAGE_LINES, "第 2 页"]  # the page number once, as the file has it
    assert document.metadata["ocr_pages"] == "2-3"
    assert {document.text[b.start : b.end] for b in document.boxes if b.page == 2} == {*PAGE_LINES, "第 2 页"}
    assert all(0 <= b.x0 < b.x1 <= 1 and 0 <= b.top < b.bottom <= 1 for b in document.boxes)


def test_a_scan_behind_a_page_number_that_stays_unread_is_named() -> None:
    data = samples.pdf_bytes([LINES], numbered=3)
    off = load_bytes(data, "标书.pdf", ocr=False).documents[0]
    assert any("第 2-4 页是图像，没有识别" in w for w in off.warnings) and "第 3 页" in off.text
    some = load_bytes(data, "标书.pdf", limits=Limits(max_ocr_pages=1)).documents[0]
    assert any("第 3-4 页是图像，没有识别" in w for w in some.warnings) and PAGE_LINES[1] in some.text


def test_a_page_with_a_small_picture_or_with_text_is_not_recognised() -> None:
    for data in (samples.pdf_bytes([LINES]), samples.pdf_bytes([LINES * 3])):
        assert "ocr_pages" not in load_bytes(data, "a.pdf").documents[0].metadata


def test_a_long_scan_keeps_the_pages_read_when_time_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock moves on by an hour with the second page: what a slow machine does, without the waiting."""
    data = samples.pdf_bytes([LINES], numbered=3)
    clock, looked = time.monotonic, []

    def later(*_: object) -> list[object]:
        looked.append(1)
        return read(*_)

    from rag.ingest.loading import pdf

    read = pdf.read_image
    monkeypatch.setattr(pdf, "read_image", later)
    monkeypatch.setattr(time, "monotonic", lambda: clock() + 3600 * max(0, len(looked) - 1))
    document = load_bytes(data, "长.pdf", limits=Limits(max_seconds=600)).documents[0]
    assert document.metadata["ocr_pages"] == "2-3"
    assert any("第 4 页是图像，时间用完" in w for w in document.warnings)
    assert document.text.count(PAGE_LINES[1]) == 2


def test_a_garbled_text_layer_is_recognised_instead() -> None:
    document = load_bytes(samples.pdf_bytes([], garbled=True), "标准.pdf").documents[0]
    assert document.text.split("\n")[:-1] == list(PAGE_LINES)
    assert document.metadata["ocr_pages"] == "1"


def test_a_garbled_text_layer_without_recognition_is_refused_or_named() -> None:
    with pytest.raises(LoadError) as caught:
        load_bytes(samples.pdf_bytes([], garbled=True), "标准.pdf", ocr=False)
    assert caught.value.code == "garbled-text" and str(caught.value).startswith("标准.pdf：")
    document = load_bytes(samples.pdf_bytes([LINES], garbled=True), "标准.pdf", ocr=False).documents[0]
    assert not set(GARBLED) & set(document.text)
    assert any("第 2 页文字层是乱码" in w for w in document.warnings)


def test_good_files_are_far_from_the_bound_and_garbled_ones_below() -> None:
    for path in SEEDS.glob("*.txt"):
        share = common_share(Counter(path.read_text("utf-8")))
        assert share is not None and share > 0.7, path.name
    good = "".join(LINES)
    for layer in (GARBLED, good.encode("gbk").decode("latin-1"), "\ue123\ue456\ue789" * 30):
        share = common_share(Counter(layer))
        assert share is not None and share < 0.3
    assert garbled_pages({1: good, 2: GARBLED, 3: "第 3 页"}) == {2}
    assert garbled_pages({1: GARBLED, 2: GARBLED, 3: "第 3 页"}) == {1, 2, 3}
    for other in (
        "Le comité a décidé à l'unanimité de créer un fonds. " * 20,
        "会議を開催します。日本語のテキストです。ご確認ください。" * 20,
        "노동조합 총회를 개최합니다. " * 20,
        "Профсоюзный комитет проводит собрание. " * 20,
        "\uf0b7 a point of a list\n" * 60,
    ):
        assert common_share(Counter(other)) is None
        assert not garbled_pages({1: other})


def test_rare_characters_that_are_really_on_the_page_are_kept() -> None:
    assert says_the_same(GARBLED, GARBLED[: len(GARBLED) * 2 // 3])
    assert not says_the_same(GARBLED, "".join(PAGE_LINES))
    assert not says_the_same(GARBLED, "")
