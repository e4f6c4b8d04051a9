"""Reading documents of every format into `Document` records. Heavy libraries load only when their format is met."""

from __future__ import annotations

from rag.ingest.loading.discover import discover, is_sidecar
from rag.ingest.loading.dispatch import load, load_bytes
from rag.ingest.loading.records import MB, Failure, Limits, Loaded, Source
from rag.ingest.loading.sniff import SUPPORTED

__all__ = [
    "MB", "SUPPORTED", "Failure", "Limits", "Loaded", "Source", "discover", "is_sidecar", "load", "load_bytes",
]  # fmt: skip
