"""Two neighbouring passages that are both among the best are read as one excerpt."""

from __future__ import annotations

import pytest

from rag.datamodels import Document, Hit, Passage
from rag.search.answering import TOGETHER_GAP, TOGETHER_MAX, together
from rag.text.spans import SENTENCE_MAX

TEXT = "甲" * 60 + "；" + "乙" * 600 + "。\n\n" + "丙" * 200 + "。"
SOURCE = Document("a.txt", "a.txt", TEXT, "a.txt", "text/plain")
SPANS = {"lead": (0, 61), "rest": (61, 662), "last": (664, 865)}


class OneSource:
    """Where every document is the same."""

    def document(self, doc_id: str) -> Document:
        return SOURCE


def hit(name: str, score: float = 3.0, *, named: bool = False) -> Hit:
    start, end = SPANS[name]
    row = list(SPANS).index(name)
    return Hit(Passage(name, "a.txt", row, start, end, TEXT[start:end]), score, row + 1, row, named=named)


def groups(*hits: Hit, top_k: int = 5) -> list[set[str]]:
    return [{one.passage.passage_id for one in group} for group in together(hits, top_k, OneSource())]


def test_a_sentence_cut_at_a_semicolon_is_read_whole():
    assert groups(hit("rest"), hit("lead")) == groups(hit("lead"), hit("rest")) == [{"lead", "rest"}]


def test_no_more_is_shown_as_one_than_a_sentence_may_have():
    assert TOGETHER_MAX == SENTENCE_MAX < SPANS["last"][1] - SPANS["rest"][0]
    assert groups(hit("rest"), hit("last")) == [{"rest"}, {"last"}]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (hit("lead"), hit("rest", 3.0 - TOGETHER_GAP - 0.1)),  # much worse
        (hit("lead"), hit("last")),  # something stands between
        (hit("lead", named=True), hit("rest")),  # the question names this place and no other
    ],
)
def test_what_does_not_belong_together_stays_apart(first, second):
    assert len(groups(first, second)) == 2


def test_a_place_that_comes_free_goes_to_the_next_hit():
    assert groups(hit("rest"), hit("lead"), hit("last"), top_k=2) == [{"lead", "rest"}, {"last"}]
