"""Evaluations in the background: one at a time, with progress that a page can watch, stopped between two questions."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from rag.errors import BusyError, YuanwenError
from rag.evaluation.desk import desk
from rag.evaluation.measures.runner import Progress
from rag.service import Service
from rag.web.front.language import message

log = logging.getLogger(__name__)
STEPS = (message("准备"), message("提问"), message("编码"), message("检索"))  # as the desk's progress bars call them


@dataclass(frozen=True, slots=True)
class State:
    """What is going on. run: folder of the run, empty when none is under way. done, total: of this step."""

    run: str = ""
    step: str = ""
    done: int = 0
    total: int = 0
    stopping: bool = False


class Stopped(Exception):
    """The administrator stopped the run: raised through it to leave it; what was answered is kept."""


class Jobs:
    """Runs evaluations of one service."""

    def __init__(self, service: Service) -> None:
        """Nothing is under way."""
        self._service = service
        self._lock = threading.Lock()
        self._state = State()
        self._failures: dict[str, str] = {}

    def start(self, run: str) -> None:
        """Begin a run, or go on with one. Raises BusyError while another is under way."""
        with self._lock:
            if self._state.run:
                raise BusyError(
                    "已有一次评测正在进行，请等它做完或先停止。/ An evaluation is under way.", retry_after=5
                )
            self._state = State(run, STEPS[0])
            self._failures.pop(run, None)
        threading.Thread(target=self._perform, args=(run,), daemon=True, name="evaluation").start()

    def stop(self) -> None:
        """Stop the run that is under way, if one is, before its next question."""
        with self._lock:
            self._state = replace(self._state, stopping=bool(self._state.run))

    def state(self) -> State:
        """What is going on at this moment."""
        return self._state

    def failure(self, run: str) -> str:
        """Why a run ended without its report, if it did since the service was started."""
        return self._failures.get(run, "")

    def _perform(self, run: str) -> None:
        why = "内部出错，详见服务日志。/ Internal error, see the log."
        try:
            desk.perform(self._service, run, self._bar)
            why = ""
        except Stopped:
            why = ""
            log.info("评测 %s 已停止", run)
        except YuanwenError as error:
            why = str(error)
            log.error("评测 %s 没有做完：%s", run, error)
        finally:  # what nobody expected goes on its way with its traceback
            if why:
                self._failures[run] = why
            with self._lock:
                self._state = State()

    @contextmanager
    def _bar(self, label: str) -> Iterator[Progress]:
        def update(done: int, total: int) -> None:
            with self._lock:
                if self._state.stopping:
                    raise Stopped
                self._state = replace(self._state, step=label.split(" / ")[0], done=done, total=total)

        update(0, 0)
        yield update
