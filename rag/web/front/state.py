"""Whether the service can answer yet, and the warm-up that gets it there."""

from __future__ import annotations

import logging
import threading
import time

from rag.errors import IndexUnusable, YuanwenError
from rag.service import Service
from rag.web.front.language import Language, message, say

log = logging.getLogger(__name__)
STAGES = {
    "starting": message("正在启动"), "model": message("正在装入嵌入模型"), "index": message("正在装入索引"),
    "calibration": message("正在校准拒答界线"), "ready": message("就绪"),
}  # fmt: skip


class Startup:
    """What the service is doing before it can answer; read by /readyz and the page, written by the warm-up alone."""

    def __init__(self) -> None:
        """Not ready, nothing failed."""
        self.ready = False
        self.stage = "starting"
        self.failure: YuanwenError | None = None
        self._lock = threading.Lock()

    def note(self, stage: str) -> None:
        """Note what is happening, for the log and for all who ask. stage: one of STAGES."""
        self.stage = stage
        log.info("%s…", STAGES[stage])

    def said(self, language: Language) -> str:
        """What is happening, or why it failed, in words."""
        return str(self.failure) if self.failure else say(language, STAGES[self.stage])

    def warm_up(self, service: Service) -> None:
        """Load the model, the index and the refusal calibration; a failure is kept in `failure`, never raised."""
        started = time.perf_counter()
        with self._lock:
            try:
                if not service.catalog.sources():
                    raise IndexUnusable(
                        "索引是空的：请先运行 yuanwen index，或上传文档。/ The index is empty.", code="index-empty"
                    )
                self.note("model")
                service.embedder.encode_queries(["预热"])
                self.note("index")
                service.current()
                self.note("calibration")
                service.calibration()
            except YuanwenError as error:
                self.ready, self.failure, self.stage = False, error, "failed"
                log.error("%s", error)
                return
            self.stage, self.failure, self.ready = "ready", None, True
        log.info("就绪，用时 %.1f 秒", time.perf_counter() - started)
