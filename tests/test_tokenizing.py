"""The tokenizer: folded on both sides, bigrams under the words, nothing but words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rag.text.tokenizing import content_words, fold, tokenize


def test_folding_makes_variants_equal():
    assert fold("ＴＨ０１　工會") == fold("th01 工会")
    assert tokenize("社會財富") == tokenize("社会财富")


def test_codes_are_found_whole():
    assert "th01" in tokenize("请看TH01条款") and "v2.3.1" in tokenize("版本V2.3.1")


def test_words_and_bigrams_of_an_unknown_term():
    tokens = tokenize("申工通")
    assert {"申工\u0001", "工通\u0001"} <= set(tokens)


def test_stop_words_are_no_content():
    assert content_words("工会的职能是什么？") == ["工会", "职能"]


@given(st.text())
def test_tokens_hold_no_blanks(text):
    assert all(token and not any(char.isspace() for char in token) for token in tokenize(text))
