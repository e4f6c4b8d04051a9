"""The text path: any bytes give a text that encodes back to them, or a refusal; encodings told apart on evidence."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import LoadError
from rag.ingest.loading import load_bytes

CHINESE = "关于开展工会工作的通知，请各单位认真学习贯彻会议精神，加强组织领导，确保工作取得实效。"
TAIWAN = "關於開展工會工作的通知，請各單位認真學習貫徹會議精神，加強組織領導，確保工作取得實效。"


def read(data: bytes, name: str = "文.txt") -> tuple[str, dict[str, str]]:
    document = load_bytes(data, name).documents[0]
    return document.text, dict(document.metadata)


def encoded_back(text: str, facts: dict[str, str]) -> bytes:
    return bytes.fromhex(facts.get("bom", "")) + text.encode(facts["encoding"])


@settings(max_examples=400, deadline=None)
@given(st.binary(min_size=0, max_size=200))
def test_any_bytes_come_back_or_are_refused(data: bytes) -> None:
    try:
        text, facts = read(data)
    except LoadError as error:
        assert "文.txt" in str(error) and error.code != "load-failed"
    else:
        assert encoded_back(text, facts) == data


@settings(max_examples=200, deadline=None)
@given(
    st.text(alphabet=st.sampled_from(CHINESE + "\r\n abc123—“”"), min_size=12, max_size=200),
    st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"]),
)
def test_chinese_is_never_garbled(text: str, encoding: str) -> None:
    data = text.encode(encoding)
    try:
        got, facts = read(data)
    except LoadError:
        return  # refused: too few Chinese characters to be certain
    assert got == text
    assert encoded_back(got, facts) == data


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from(TAIWAN.replace("，", "") + "\r\n abc123"), min_size=12, max_size=200))
def test_traditional_chinese_is_never_garbled(text: str) -> None:
    try:
        got, _ = read(text.encode("big5"))
    except LoadError:
        return
    assert got == text


@pytest.mark.parametrize("encoding", ["gb18030", "gbk", "utf-16-le", "utf-16-be", "utf-16", "utf-8-sig"])
@pytest.mark.parametrize("length", [4, 10, 42])
def test_short_chinese_is_read(encoding: str, length: int) -> None:
    text = CHINESE[:length]
    assert read(text.encode(encoding))[0] == text


@pytest.mark.parametrize("length", [4, 10, 42])
def test_short_big5_is_read(length: int) -> None:
    text, facts = read(TAIWAN[:length].encode("big5"))
    assert (text, facts["encoding"]) == (TAIWAN[:length], "big5")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("日本語のテキストです。会議を開催します。", "shift_jis"),
        ("日本語のテキストです。会議を開催します。", "euc_jp"),
        ("한국어 문서입니다. 노동조합 총회를 개최합니다.", "euc_kr"),
        ("Café à l'été, déjà vu", "latin-1"),
        ("中", "gb18030"),
    ],
)
def test_uncertain_encodings_are_refused(text: str, encoding: str) -> None:
    with pytest.raises(LoadError) as caught:
        read(text.encode(encoding))
    assert caught.value.code == "encoding-uncertain"
    assert "UTF-8" in str(caught.value)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty-file"),
        (b" \r\n\t", "empty-file"),
        (bytes(range(256)) * 4, "unknown-format"),
        (b"\x00" * 1000, "unknown-format"),
        ("工会\x00工作".encode(), "unknown-format"),
        (b"\xff\xfe\x41", "encoding-uncertain"),
        (CHINESE.encode("gb18030")[:-1], "encoding-uncertain"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 50, "damaged"),
    ],
)
def test_what_is_no_text_is_refused_by_name(data: bytes, code: str) -> None:
    with pytest.raises(LoadError) as caught:
        read(data)
    assert caught.value.code == code
    assert str(caught.value).startswith("文.txt：") and "\n" not in str(caught.value)


def test_newlines_and_blanks_are_untouched() -> None:
    text = "\ufeff".join(["甲\r\n乙\r丙\n\n\t 丁\u3000\x0c", "戊\x0b"])
    assert read(text.encode())[0] == text
