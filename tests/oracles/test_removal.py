"""What was removed is gone from every file of the index folder, not merely out of the answers."""

from __future__ import annotations

from rag.datamodels import Document

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
