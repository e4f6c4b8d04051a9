"""Whether the service can answer yet, and the warm-up that gets it there."""

from __future__ import annotations

import logging
import threading
import time

from rag.errors import IndexUnusable, YuanwenError
from rag.service import Service

log = logging.getLogger(__name__)


class Startup:
    """What the service is doing before it can answer; read by /readyz and the page, written by the warm-up alone."""

    def __init__(self) -> None:
        """Not ready, nothing failed."""
        self.ready = False
        self.step = "正在启动"
        self.failure: YuanwenError | None = None
        self._lock = threading.Lock()

    def note(self, step: str) -> None:
        """Say what is happening, to the log and to whoever asks."""
        self.step = step
        log.info("%s…", step)

    def warm_up(self, service: Service) -> None:
        """Load the model, the index and the refusal calibration; a failure is kept in `failure`, never raised."""
        started = time.perf_counter()
        with self._lock:
            try:
                if not service.catalog.sources():
                    raise IndexUnusable(
                        "索引是空的：请先运行 yuanwen index，或上传文档。/ The index is empty.", code="index-empty"
                    )
                self.note("正在装入嵌入模型")
                service.embedder.encode_queries(["预热"])
                self.note("正在装入索引")
                service.current()
                self.note("正在校准拒答界线")
                service.calibration()
            except YuanwenError as error:
                self.ready, self.failure, self.step = False, error, str(error)
                log.error("%s", error)
                return
            self.ready, self.failure, self.step = True, None, "就绪"
        log.info("就绪，用时 %.1f 秒", time.perf_counter() - started)
