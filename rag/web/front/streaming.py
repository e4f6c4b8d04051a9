"""Work that tells how far it has come, as server-sent events; an upload is finished even when nobody listens any more."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable

import anyio
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from rag.errors import StoppedError, YuanwenError
from rag.web.front.problems import internal, of_error

log = logging.getLogger(__name__)
ALIVE = 15  # seconds of silence after which a comment keeps proxies from hanging up
Tell = Callable[[str, object], None]


class Events(StreamingResponse):
    """Runs `work` in a thread and sends what it tells; the last event is `report`, or `problem` when it failed."""

    media_type = "text/event-stream"

    def __init__(self, work: Callable[[Tell], object], request_id: str, unheard: bool = True) -> None:
        """work: given where to tell an event's name and data, returns the data of `report`. request_id: for problems.

        unheard: whether the work goes on when nobody listens any more; if not, telling raises StoppedError.
        """
        super().__init__(self._events(), headers={"X-Accel-Buffering": "no"})
        self._work, self._request_id, self._unheard, self._left = work, request_id, unheard, False
        self._told: asyncio.Queue[tuple[str, str] | None] = asyncio.Queue()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events. What the work reads belongs to the request, so the request lasts as long as the work."""
        loop = asyncio.get_running_loop()

        def tell(name: str, data: object) -> None:
            text = json.dumps(data, ensure_ascii=False)
            loop.call_soon_threadsafe(self._told.put_nowait, (name, text))

        def heard(name: str, data: object) -> None:
            if self._left and not self._unheard:
                raise StoppedError("已停止。/ Stopped.")
            tell(name, data)

        work = asyncio.create_task(self._carry_out(heard, tell))
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._left = True
            with anyio.CancelScope(shield=True):
                await asyncio.wait([work])

    async def _carry_out(self, heard: Tell, tell: Tell) -> None:
        """heard: what the work tells with; tell: what its end is told with."""
        work = asyncio.create_task(run_in_threadpool(self._work, heard))
        await asyncio.wait([work])
        error = work.exception()
        if error is None:
            tell("report", work.result())
        elif isinstance(error, YuanwenError):
            tell("problem", json.loads(bytes(of_error(error, self._request_id).body)))
        else:
            log.error("边做边报的工作出错", exc_info=error)
            tell("problem", json.loads(bytes(internal(self._request_id).body)))
        asyncio.get_running_loop().call_soon(self._told.put_nowait, None)  # after all that was told

    async def _events(self) -> AsyncIterator[bytes]:
        while True:
            try:
                found = await asyncio.wait_for(self._told.get(), ALIVE)
            except TimeoutError:
                yield format_sse_event(comment="")
                continue
            if found is None:
                return
            name, text = found
            yield format_sse_event(event=name, data_str=text)
