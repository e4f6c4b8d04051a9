"""What a stored document was made from, so that what is unchanged is skipped and what is of another make is refused."""

from __future__ import annotations

import hashlib
import json

from rag.datamodels import Document


def fingerprint(document: Document, make: str) -> str:
    """What a stored document was made from: the file's bytes, the make, and what a sidecar may have changed."""
    stated = json.dumps([document.title, sorted(document.metadata.items())], ensure_ascii=False)
    return f"{document.sha256}:{_short(make)}:{_short(stated)}"


def made_as(source: str, make: str) -> bool:
    """Whether a fingerprint is of this make."""
    return source.split(":")[1:2] == [_short(make)]


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
