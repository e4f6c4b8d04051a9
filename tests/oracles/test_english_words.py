"""An English word becomes that of its Chinese translations which most passages hold."""

from __future__ import annotations

import pytest

from rag.datamodels import Document
from rag.service import Service

# for each English word, translations that the dictionary gives, and in how many passages each stands
HELD = {
    "notice": {"通知": 6, "公告": 3, "注意": 1},
    "method": {"方法": 2, "办法": 4},
    "plan": {"计划": 3, "方案": 5},
}


@pytest.fixture(scope="module")
def held(tmp_path_factory) -> Service:
    from rag.config import Settings
    from tests.conftest import ToyEmbedder

    texts = [f"{word}第{at}次。" for words in HELD.values() for word, count in words.items() for at in range(count)]
    service = Service(Settings(index=tmp_path_factory.mktemp("held") / "index"), ToyEmbedder())
    service.ingest_documents(
        Document(f"{at}.txt", f"{at}", text, str(at), "text/plain") for at, text in enumerate(texts)
    )
    return service


@pytest.mark.parametrize("word", HELD)
def test_the_commonest_translation_is_searched_for(held: Service, word: str) -> None:
    said = held.ask(f"the {word}").terms.translated
    assert said == max(HELD[word], key=HELD[word].get)
