"""The word to stop an upload that is being taken in."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rag.errors import StoppedError


class Ongoing:
    """Uploads under way. One is taken in at a time; the others wait here, as they would for the catalog."""

    def __init__(self) -> None:
        """Nothing is under way."""
        self._turn = threading.Lock()
        self._stopping = threading.Event()

    @contextmanager
    def upload(self) -> Iterator[None]:
        """While an upload is taken in."""
        with self._turn:
            self._stopping.clear()
            yield

    def stop(self) -> None:
        """Stop the upload under way, if there is one, before its next file or batch of texts."""
        self._stopping.set()

    def go_on(self) -> None:
        """Raise StoppedError when the upload is to stop."""
        if self._stopping.is_set():
            raise StoppedError("已停止：停止前编入的文档都在，其余的没有动。/ Stopped: what was taken in before stays.")
