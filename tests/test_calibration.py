"""Where answering begins is learnt from the collection, and hardly moves with one document."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from rag.config import ROOT
from rag.datamodels import Document
from rag.models.embedding import foreign_questions
from rag.search.pacing import NO_RERANKING
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
    best = np.sort(cosines.max(axis=1))
    assert found.mean == pytest.approx(best[: int(len(best) * 0.9)].mean())


def test_one_odd_document_moves_the_bounds_hardly(model_service, tmp_path):
    shutil.copytree(model_service.settings.index, tmp_path / "index")
    other = Service(model_service.settings.model_copy(update={"index": tmp_path / "index"}), model_service.embedder)
    other.ingest_documents([Document("odd.txt", "odd.txt", ODD, "odd", "text/plain")])
    before, after = model_service.calibration(), other.calibration()
    assert after.spread == pytest.approx(before.spread, rel=0.1)
    assert after.mean == pytest.approx(before.mean, abs=0.3 * before.spread)
