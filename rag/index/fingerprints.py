"""What a stored document was made from, so that what is unchanged is skipped and what is of another make is refused.

A make is a JSON object: everything that decides what an index holds for a file, by name (promise 7).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from rag.datamodels import Document
from rag.errors import IndexMismatch

_NAMES = {
    "model": "模型", "dim": "维数", "loaders": "读取程序", "cleaner": "清理方式", "chunker": "切分方式", "size": "段落长度",
    "tokenizer": "分词方式", "context": "标题上下文",
}  # fmt: skip


def fingerprint(document: Document, make: str) -> str:
    """What a stored document was made from: the file's bytes, the make, what read it and what a sidecar may have changed."""
    stated = json.dumps([document.title, sorted(document.metadata.items()), document.loader], ensure_ascii=False)
    return f"{document.sha256}:{_short(make)}:{_short(stated)}"


def made_as(source: str, make: str) -> bool:
    """Whether a fingerprint is of this make."""
    return source.split(":")[1:2] == [_short(make)]


def refuse_other_make(found: str, make: str, sources: Mapping[str, str]) -> None:
    """Raise IndexMismatch, naming what differs, unless an index and each of its documents is of this make.

    found: the make recorded for the index. sources: the fingerprint of each document.
    """
    if found == make and all(made_as(source, make) for source in sources.values()):
        return
    old, new = json.loads(found or "{}"), json.loads(make)
    differ = "；".join(
        f"{_NAMES[key]}：索引为 {was}，当前为 {now}"
        for key in new
        for was, now in [_differing(str(old.get(key)), str(new[key]))]
        if was != now
    )
    raise IndexMismatch(
        f"索引与当前配置不一致（{differ or '上次重建没有做完'}）。请运行 yuanwen index --if-needed，用库存文本重建；"
        "或改回原来的配置。 / The index was built with another configuration."
    )


def _differing(old: str, new: str) -> tuple[str, str]:
    """Two lists of versions (`csv-1 pdf-2 …`) without what they share; other values as they are."""
    a, b = old.split(" "), new.split(" ")
    if len(a) != len(b) or old == new:
        return old, new
    pairs = [(x, y) for x, y in zip(a, b, strict=True) if x != y]
    return " ".join(x for x, _ in pairs), " ".join(y for _, y in pairs)


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
