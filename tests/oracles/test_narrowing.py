"""Which documents a period and a validity let through, day by day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from rag.search.filtering import Filter
from rag.service import Service
from tests.oracles.codes import document

DATED = {
    "year": "2023", "year2": "2023年", "june": "2023-06", "june2": "2023年6月", "day": "2023-06-15", "day2": "2023年6月15日",
    "eve": "2022-12-31", "after": "2024-01-01", "leap": "2024-02", "undated": "", "unreadable": "去年夏天",
}  # fmt: skip
DAYS = {
    "year": (date(2023, 1, 1), date(2023, 12, 31)), "year2": (date(2023, 1, 1), date(2023, 12, 31)),
    "june": (date(2023, 6, 1), date(2023, 6, 30)), "june2": (date(2023, 6, 1), date(2023, 6, 30)),
    "day": (date(2023, 6, 15), date(2023, 6, 15)), "day2": (date(2023, 6, 15), date(2023, 6, 15)),
    "eve": (date(2022, 12, 31), date(2022, 12, 31)), "after": (date(2024, 1, 1), date(2024, 1, 1)),
    "leap": (date(2024, 2, 1), date(2024, 2, 29)),
}  # fmt: skip
BOUNDS = (
    "", "2022-12-30", "2022-12-31", "2023-01-01", "2023-05-31", "2023-06-01", "2023-06-15", "2023-06-16", "2023-06-30",
    "2023-07-01", "2023-12-31", "2024-01-01", "2024-02-29", "2024-03-01",
)  # fmt: skip


@pytest.fixture(scope="module")
def dated(tmp_path_factory) -> Service:
    from rag.config import Settings
    from tests.conftest import ToyEmbedder

    service = Service(Settings(index=tmp_path_factory.mktemp("dated") / "index"), ToyEmbedder())
    validity = {"day": "废止", "june": "现行", "eve": "已被修改", "leap": "尚未生效", "after": "有效"}
    service.ingest_documents(
        document(name, name, f"b2m k7r d{at}n h5q。", **({"date": day} if day else {}),
                 **({"validity": validity[name]} if name in validity else {}))
        for at, (name, day) in enumerate(DATED.items())
    )  # fmt: skip
    return service


@pytest.mark.parametrize("since", BOUNDS)
def test_a_period_admits_what_shares_a_day_with_it(dated: Service, since: str) -> None:
    """A document dated by year alone may be of any day of it; one without a date is in no period."""
    for until in BOUNDS:
        if since and until and since > until:
            continue
        first = date.fromisoformat(since) if since else date(2000, 1, 1)
        last = date.fromisoformat(until) if until else date(2030, 1, 1)
        period = {first + timedelta(n) for n in range((last - first).days + 1)}
        expected = set(DATED) if not since and not until else {
            name for name, (a, b) in DAYS.items() if period & {a + timedelta(n) for n in range((b - a).days + 1)}
        }  # fmt: skip
        assert set(dated.searched(only=Filter(since, until))) == expected, (since, until)


def test_a_filter_holds_in_answers(dated: Service) -> None:
    answer = dated.ask("b2m k7r h5q", 20, only=Filter(until="2023-03-01"))
    assert {excerpt.doc_id for excerpt in answer.excerpts} == {"year", "year2", "eve"}


def test_validity_parts_all_documents_in_two(dated: Service) -> None:
    """What states nothing is in force; 已被修改 and 尚未生效 are not."""
    off = {"day", "eve", "leap"}
    assert set(dated.searched(only=Filter(validity="废止"))) == off
    assert set(dated.searched(only=Filter(validity="现行"))) == set(DATED) - off
