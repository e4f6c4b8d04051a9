"""Places on pages, metadata and context: what a citation says beside its words."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rag.errors import UsageError
from rag.index.catalog import Catalog
from rag.search.filtering import Filter, period, read_filter
from rag.service import Service
from rag.web.page.citing import reference
from tests.loading import make_samples as samples

PAGES = [
    ("内部资料 1", "第一章讲步道的由来，", "步道建于一九九八年。"),
    ("内部资料 2", "白鹭湖步道每周二封闭检修，", "其余时间对职工开放，"),
    ("内部资料 3", "开放时间为早六点到晚十点。", "第三页的其他话。"),
]


@pytest.fixture
def with_pdf(make_service, tmp_path) -> Service:
    """A service that holds one PDF with running heads."""
    (tmp_path / "湖.pdf").write_bytes(samples.pdf_bytes(PAGES))
    service = make_service()
    service.ingest([tmp_path / "湖.pdf"])
    return service


def test_boxes_lie_on_the_quote_and_leave_running_heads_out(with_pdf):
    text = with_pdf.text("湖.pdf")
    start, end = text.index("每周二"), text.index("晚十点") + 3
    boxes = with_pdf.boxes("湖.pdf", start, end)
    assert [(box.page, text[box.start : box.end]) for box in boxes] == [
        (2, "每周二封闭检修，"), (2, "其余时间对职工开放，"), (3, "开放时间为早六点到晚十点"),
    ]  # fmt: skip
    for box in boxes:
        page = Image.open(io.BytesIO(with_pdf.page_image("湖.pdf", box.page))).convert("L")
        wide, high = page.size
        inside = page.crop((int(box.x0 * wide), int(box.top * high), int(box.x1 * wide), int(box.bottom * high)))
        assert inside.getextrema()[0] < 100  # there is ink


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_boxes_of_turned_pages(make_service, tmp_path, turn):
    import pypdfium2

    document = pypdfium2.PdfDocument(samples.pdf_bytes([("白鹭湖步道每周二封闭检修。",)]))
    document[0].set_rotation(turn)
    document.save(tmp_path / "转.pdf")
    service = make_service()
    service.ingest([tmp_path / "转.pdf"])
    (box,) = service.boxes("转.pdf", 5, 8)
    page = Image.open(io.BytesIO(service.page_image("转.pdf", 1))).convert("L")
    wide, high = page.size
    around = (box.x0 - 0.005) * wide, (box.top - 0.005) * high, (box.x1 + 0.005) * wide, (box.bottom + 0.005) * high
    assert page.crop(tuple(map(int, around))).getextrema()[0] < 100


def test_the_bytes_of_a_removed_document_are_gone(with_pdf, tmp_path):
    original = (tmp_path / "湖.pdf").read_bytes()
    assert with_pdf.catalog.original("湖.pdf") == original
    folder = with_pdf.settings.index
    with_pdf.ingest([_note(tmp_path, "其他.txt", "图书室九点开门。")])
    with_pdf.remove(["湖.pdf"])
    with_pdf.catalog.close()
    kept = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert original[1000:1060] not in kept and "白鹭湖步道".encode() not in kept


def test_the_bytes_stay_with_the_last_document_of_the_same_file(make_service, tmp_path):
    service = make_service()
    for name in ("甲.pdf", "乙.pdf"):
        (tmp_path / name).write_bytes(samples.pdf_bytes(PAGES))
    service.ingest([tmp_path / "甲.pdf", tmp_path / "乙.pdf"])
    service.remove(["甲.pdf"])
    assert service.page_image("乙.pdf", 1)
    other = Service(service.settings.model_copy(update={"passage_size": 300}), service.embedder)
    assert other.rebuild_if_other_make()
    assert other.page_image("乙.pdf", 1) and other.boxes("乙.pdf", 0, 30)
    assert Catalog(service.settings.index / "catalog.sqlite3").original("甲.pdf") is None


def _note(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_a_changed_sidecar_is_taken_in(make_service, tmp_path):
    service = make_service()
    note = _note(tmp_path, "办法.txt", "关于步道管理的办法\n\n白鹭湖步道每周二封闭检修，由后勤处负责。\n")
    service.ingest([note])
    assert service.ingest([note]).unchanged == ("办法.txt",)
    _note(tmp_path, "办法.txt.yaml", "issuer: 后勤处\ndoc_number: 后勤〔2019〕3号\ndate: 2019-05-06\nvalidity: 废止\n")
    assert not service.ingest([note]).unchanged
    excerpt = service.ask("白鹭湖步道哪天封闭检修？", 1).excerpts[0]
    assert list(excerpt.facts) == ["doc_number", "issuer", "date", "validity"]
    cited = reference(service.document("办法.txt").document, excerpt.start, excerpt.end)
    assert (
        cited.startswith("后勤处. ")
        and "后勤〔2019〕3号" in cited
        and "(2019-05-06)" in cited
        and "效力: 废止" in cited
    )
    assert not service.ask("白鹭湖步道哪天封闭检修？", 1, only=read_filter(validity="现行")).excerpts


@given(st.dates(), st.dates(), st.dates())
def test_a_period_is_that_of_its_days(day, since, until):
    since, until = sorted([since, until])
    only = read_filter(since.isoformat(), until.isoformat())
    assert only.admits({"date": day.isoformat()}) == (since <= day <= until)
    assert not only.admits({})
    assert Filter().admits({})


def test_dates_as_people_write_them():
    assert period("2023年11月6日") == ("2023-11-06", "2023-11-06") == period("2023-11-6")
    assert period("2024-02") == ("2024-02-01", "2024-02-29") and period("2023") == ("2023-01-01", "2023-12-31")
    assert period("昨天") is period("2023-02-30") is period("2023-13") is period("") is None
    for since, until, validity in (("x", "", ""), ("2024", "2023", ""), ("", "", "有效")):
        with pytest.raises(UsageError):
            read_filter(since, until, validity)


def test_a_section_around_a_passage(make_service, tmp_path):
    clauses = "\n".join(f"第{n}条 步道管理事项之{n}，由后勤处负责，每年检查一次并公布结果。" for n in "一二三四五六")
    note = _note(
        tmp_path,
        "办法.txt",
        f"步道管理办法\n\n第一章 总则\n{clauses}\n第二章 附则\n第七条 本办法自公布之日起施行，由后勤处解释。\n",
    )
    service = make_service(passage_size=50)
    service.ingest([note])
    text = service.text("办法.txt")
    at = text.index("第三条")
    found = service.around("办法.txt", at, at + 5, 1)
    read = text[found.start : found.end]
    assert "第二条" in read and "第四条" in read and "第五条" not in read
    section = text[found.section_start : found.section_end]
    assert section.startswith("第一章") and section.count("条 ") == 6 and "第七条" not in section
    assert found.headings == ("第一章 总则",)
    whole = service.around("办法.txt", 0, len(text), 3)
    assert (whole.start, whole.end) == (0, len(text.rstrip())) or (whole.start, whole.end) == (0, len(text))
