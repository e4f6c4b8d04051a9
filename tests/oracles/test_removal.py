"""What was removed is gone from every file of the index folder, and what was replaced is searched by its new words."""

from __future__ import annotations

import pytest

from rag.datamodels import Document
from tests.conftest import ToyEmbedder
from tests.oracles import plain

SECRET = "周转房分配方案：一号楼归财务处，二号楼归后勤处，八月一日起入住。"


def test_nothing_of_a_removed_document_stays_in_the_folder(make_service):
    service = make_service()
    texts = {f"{at}.txt": f"第{at}号通知：食堂周{at}供应面食，请大家排队。" * 40 for at in range(9)}
    texts["secret.txt"] = SECRET * 40
    service.ingest_documents(Document(name, name, text, name, "text/plain") for name, text in texts.items())
    assert service.search("周转房分配")[0].doc_id == "secret.txt"
    held = [path for path in service.settings.index.rglob("*") if path.is_file()]
    needle = "周转房分配".encode()
    assert any(needle in path.read_bytes() for path in held)
    service.remove(["secret.txt"])
    assert all(needle not in path.read_bytes() for path in service.settings.index.rglob("*") if path.is_file())
    used = {key for entry in service.catalog.entries() for key in (entry.key, *(w.key for w in entry.windows))}
    assert set(service.catalog.vectors()) == used


def test_a_new_version_of_the_same_shape_is_searched_by_its_own_vectors(make_service):
    """As many passages and windows as before, so that nothing but the generation tells the files beside apart."""
    for text in ("b2m k7r d3n h5q f2p。", "g7m k2n b3p d7q h2r。"):
        service = make_service()
        service.ingest_documents([Document("a.txt", "a", text, text, "text/plain")])
        hit = service.search_passages("g7m k2n b3p", 1)[0]
        query = plain.centred(ToyEmbedder(), "g7m k2n b3p")
        assert hit.stages["window"] == pytest.approx(plain.dense(ToyEmbedder(), query, hit.passage)[1], abs=1e-4)
        service.catalog.close()
