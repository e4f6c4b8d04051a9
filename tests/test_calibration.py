"""Where answering begins is learnt from the collection, and hardly moves with one document."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

import numpy as np
import pytest

from rag.config import ROOT
from rag.datamodels import Document
from rag.models.embedding import foreign_questions
from rag.models.reader import Decision, Finding, Source
from rag.search.calibration import most
from rag.search.pacing import NO_RERANKING
from rag.search.patterned import patterned
from rag.service import Service
from tests.searching import ranked

ODD = (ROOT / "tests" / "browser" / "hostile.txt").read_text(encoding="utf-8")


def test_the_spread_is_that_of_all_cosines_of_foreign_questions(make_service):
    service = make_service()
    text = "困难职工由街道工会登记造册。救助金每户三千元，每季度发放一次。\n\n读书班每季度举办，学习重要论述。"
    service.ingest_documents([Document("a.txt", "a.txt", text, "a.txt", "text/plain")])
    current, found = service.current(), service.calibration()
    asked = list(foreign_questions())
    vectors = service.embedder.encode_queries(asked)
    rankings = [ranked(service, one, 5, pace=NO_RERANKING, vector=v) for one, v in zip(asked, vectors, strict=True)]
    rows = np.arange(len(current.window_spans))
    cosines = np.array([current.window_vectors.score(one.query.centred, rows) for one in rankings])
    assert found.spread == pytest.approx(cosines.std())
    assert found.near == pytest.approx(np.quantile(cosines.max(axis=1), 0.95))


def test_one_odd_document_moves_the_bounds_hardly(model_service, tmp_path):
    shutil.copytree(model_service.settings.index, tmp_path / "index")
    other = Service(model_service.settings.model_copy(update={"index": tmp_path / "index"}), model_service.embedder)
    other.ingest_documents([Document("odd.txt", "odd.txt", ODD, "odd", "text/plain")])
    before, after = model_service.calibration(), other.calibration()
    assert after.spread == pytest.approx(before.spread, rel=0.1)
    assert after.near == pytest.approx(before.near, abs=0.3 * before.spread)


class Patient:
    """A reader that is as sure of a passage as the test says, and counts what it is given."""

    cost_ms = 1.0
    decision = Decision({"answer": 1.0}, 0.0, 0.5)

    def __init__(self, sure: float) -> None:
        self.identity, self.sure, self.asked = f"patient@{sure}", sure, 0

    def read(self, question: str, sources: Sequence[Source]) -> tuple[Finding, ...]:
        self.asked += 1
        return tuple(Finding(self.sure, self.sure, 0, 0) for _ in sources)


def duties(count: int) -> list[Document]:
    """So many documents, each with one duty that a pattern makes a question of."""
    things = ("灯塔", "渡船", "水闸", "果园", "账册", "灶台", "图书", "锅炉")
    return [
        Document(
            f"{n}.txt", f"第{n}号", f"第{n}号院落的住户应当按季度清点{things[n % 8]}并登记造册{n}。", "", "text/plain"
        )
        for n in range(count)
    ]


def test_a_share_that_is_not_exceeded_is_clopper_and_pearsons():
    assert most(0, 59) == pytest.approx(1 - 0.05 ** (1 / 59)) and most(0, 59) < 0.05 < most(0, 58)
    assert most(1, 93) < 0.05 < most(1, 92) and most(0, 0) == 1.0


def test_the_cut_off_is_lowered_where_the_reader_is_unsure_of_what_is_there_and_never_raised(make_service):
    for sure, cutoff in ((-2.0, 1 / (1 + np.exp(2.0))), (3.0, 0.5)):
        service = make_service(reader=Patient(sure))
        service.ingest_documents(duties(120), mirror=True)
        found = service.calibration()
        assert found.own >= 59 and found.decision.cutoff == pytest.approx(cutoff)
        assert found.false_refusal == 0.0 and found.refusal_bound == pytest.approx(most(0, found.own))


def test_too_few_questions_of_its_own_leave_the_cut_off_as_it_is(make_service):
    service = make_service(reader=Patient(-2.0))
    service.ingest_documents(duties(20))
    found = service.calibration()
    assert 0 < found.own < 59 and found.decision.cutoff == 0.5 and found.false_refusal == 1.0


def test_a_question_after_a_change_does_not_wait_for_measuring(make_service):
    reader = Patient(-2.0)
    service = make_service(reader=reader)
    service.ingest_documents(duties(120))
    learnt = service.calibration().decision
    service.ingest_documents([Document("new.txt", "新", "新院落的住户应当按月清点花木。", "", "text/plain")])
    reader.asked = 0
    service.ask("新院落清点什么")
    assert reader.asked == 1 and service.measured() is None
    assert service.calibration() == service.measured() and service.measured().decision == learnt


def test_own_questions_are_made_of_a_sentence_that_answers(make_service):
    service = make_service()
    service.ingest_documents(duties(30))
    asked = patterned(service.current().passages, 96)
    assert len(asked) == 30 and all(question.startswith("谁应当") and question.endswith("？") for question in asked)
