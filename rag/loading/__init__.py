"""Reading documents of every format into `Document` records. Heavy libraries load only when their format is met."""

from __future__ import annotations

from rag.loading.discover import discover
from rag.loading.dispatch import load, load_bytes
from rag.loading.records import Failure, Limits, Loaded, Source
from rag.loading.sniff import SUPPORTED

__all__ = ["SUPPORTED", "Failure", "Limits", "Loaded", "Source", "discover", "load", "load_bytes"]
