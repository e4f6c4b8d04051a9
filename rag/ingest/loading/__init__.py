"""Loading: a file of any format becomes documents. `formats` lists them, `dispatch` reads one.

In: paths, or the bytes and name of a file. Out: `Loaded`, the Documents of the file (several for an archive or a mail),
each with its exact text, pages, title and metadata, and by name what could not be read. Heavy libraries load when needed.
"""

from __future__ import annotations

from rag.ingest.loading.discover import discover, is_sidecar
from rag.ingest.loading.dispatch import load, load_bytes
from rag.ingest.loading.formats import LOADERS, SUPPORTED, reader_of
from rag.ingest.loading.names import plain_name
from rag.ingest.loading.records import MB, Failure, Limits, Loaded, Source

__all__ = [
    "LOADERS", "MB", "SUPPORTED", "Failure", "Limits", "Loaded", "Source", "discover", "is_sidecar", "load", "load_bytes",
    "plain_name", "reader_of",
]  # fmt: skip
