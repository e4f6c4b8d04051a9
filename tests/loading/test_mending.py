"""A few damaged bytes in a long text: the rest is read, the bytes are shown as U+FFFD, counted and placed."""

from __future__ import annotations

import random

import pytest

from rag.datamodels import Document
from rag.errors import LoadError
from rag.ingest.loading import load_bytes

LINE = "各级工会要认真学习贯彻会议精神，切实加强组织领导，确保各项任务落到实处，取得实效。"
LONG = "\n".join(f"第{n}条 {LINE}" for n in range(1, 101)) + "\n"


def read(data: bytes, name: str = "长.txt") -> Document:
    return load_bytes(data, name).documents[0]


@pytest.mark.parametrize(
    ("encoding", "damage"),
    [
        *[
            (encoding, damage)
            for encoding in ("gbk", "gb18030", "utf-8")
            for damage in ("lost", "altered", "nul", "added")
        ],
        ("big5", "altered"),  # of a pair that loses its lead byte ASCII may be left, which nothing shows
    ],
)
def test_one_damaged_byte_costs_a_few_characters(encoding: str, damage: str) -> None:
    text = LONG
    if encoding == "big5":
        line = "各級工會要認真學習貫徹會議精神，切實加強組織領導，確保各項任務落到實處，取得實效。"
        text = "\n".join(f"第{n}條 {line}" for n in range(1, 101)) + "\n"
    whole = text.encode(encoding)
    chance = random.Random(f"{encoding} {damage}")
    for _ in range(12):
        at = chance.randrange(1, len(whole) - 1)
        while whole[at] < 0x80:
            at += 1
        inserted = {"lost": b"", "altered": b"\xff", "nul": b"\0", "added": b"\xff" + whole[at : at + 1]}[damage]
        document = read(whole[:at] + inserted + whole[at + 1 :])
        number = whole[:at].count(b"\n") + 1
        found, wanted = document.text.split("\n"), text.split("\n")
        assert len(found) == len(wanted)
        assert [n for n, pair in enumerate(zip(found, wanted, strict=True), 1) if pair[0] != pair[1]] == [number]
        changed, original = found[number - 1], wanted[number - 1]
        assert "\ufffd" in changed and "\0" not in document.text
        before = next(i for i, pair in enumerate(zip(changed, original, strict=False)) if pair[0] != pair[1])
        tail = len(original) - before - 3  # what was damaged takes at most three characters with it
        assert tail <= 0 or changed.endswith(original[-tail:])
        assert f"第 {number} 行" in document.warnings[0] and "U+FFFD" in document.warnings[0]


def test_the_warning_counts_the_bytes_and_names_the_lines() -> None:
    lines = LONG.encode("gbk").split(b"\n")
    for at in (9, 49, 89):
        lines[at] += b"\xff"
    document = read(b"\n".join(lines))
    assert document.text.count("\ufffd") == 3
    assert document.warnings[0].startswith("第 10、50、90 行有 3 个字节")
    csv = read(b"a,b\n" + b"\n".join(line + b",x" for line in lines), "表.csv")
    page = read(
        b"<html><head><meta charset=gbk></head><body><p>" + b"</p>\n<p>".join(lines) + b"</body></html>", "页.html"
    )
    mail = read(
        b"Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=gbk\n\n" + b"\n".join(lines), "信.eml"
    )
    for other in (csv, page, mail):
        assert other.text.count("\ufffd") == 3 and "3 个字节" in other.warnings[0]


@pytest.mark.parametrize("share", [150, 700])
def test_more_than_one_in_a_thousand_is_refused(share: int) -> None:
    data = bytearray(LONG.encode("gbk"))
    for at in range(5, len(data), share):
        data[at] = 0xFF
    with pytest.raises(LoadError) as caught:
        read(bytes(data))
    assert caught.value.code == "encoding-uncertain"


def test_utf_16_without_a_mark_is_read_by_its_statistics() -> None:
    ascii_only = "".join(f"Line {n}: total {n * 7}\r\n" for n in range(30))
    for text in (ascii_only, ascii_only + LINE, LONG):
        for codec in ("utf-16-le", "utf-16-be"):
            document = read(text.encode(codec))
            assert (document.text, document.metadata["encoding"]) == (text, codec)
            marked = read(("\ufeff" + text).encode(codec))
            assert (marked.text, marked.metadata["encoding"]) == (text, codec)


def test_nuls_in_utf_16_are_shown_too() -> None:
    data = ("\ufeff" + LONG[:2000] + "\0" + LONG[2000:]).encode("utf-16-le")
    document = read(data)
    assert document.text == LONG[:2000] + "\ufffd" + LONG[2000:] and "1 个字节" in document.warnings[0]


def test_other_scripts_with_damage_are_not_taken_for_chinese() -> None:
    for text, codec in (
        ("会議を開催します。日本語のテキストです。" * 200, "euc_jp"),
        ("노동조합 총회를 개최합니다. " * 200, "euc_kr"),
    ):
        data = text.encode(codec)
        with pytest.raises(LoadError):
            read(data[:501] + b"\xff" + data[501:])
