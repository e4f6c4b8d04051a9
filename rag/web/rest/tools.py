"""What programs that speak the Model Context Protocol may do: ask and search, through Gradio's own MCP server."""

from __future__ import annotations

import json
import logging
from typing import cast

import gradio as gr
from gradio.mcp import GradioMCPServer
from mcp import types
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from rag.access.identity import Role
from rag.search.answering import to_json
from rag.service import Service
from rag.web.front.metrics import Metrics
from rag.web.front.problems import problem
from rag.web.front.queueing import Queue
from rag.web.front.roles import Work, needs
from rag.web.front.visible import Visible, visible_of

log = logging.getLogger(__name__)
MCP = "/mcp"
_INSIDE = "/gradio_api/mcp/"  # the path that Gradio insists on
# Gradio's others make it call the address that the request's Host header names.
_SERVED = (types.PingRequest, types.ListToolsRequest, types.CallToolRequest)


@needs(Role.READER, Work.ASK, metric=MCP)
class Tools:
    """An ASGI app that answers the protocol over streamable HTTP. lifespan: of the app that holds it."""

    def __init__(self, service: Service, metrics: Metrics, queue: Queue) -> None:
        """The middleware before it says what the sender may see."""
        server = GradioMCPServer(_tools(service, metrics, queue))
        handlers = server.mcp_server.request_handlers
        server.mcp_server.request_handlers = {kind: handlers[kind] for kind in _SERVED}
        self.lifespan, self._answer = server.lifespan, server.handle_streamable_http

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one message; what is no JSON does not reach the library, which would call that a failure of its own."""
        body = await Request(scope, receive).body()
        try:
            json.loads(body)
        except (ValueError, RecursionError):
            refusal = problem(
                400, "json-invalid", "请求体不是合法的 JSON。/ Malformed JSON.", request_id=scope["state"]["request_id"]
            )
            await refusal(scope, receive, send)
            return
        unread = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return unread.pop() if unread else await receive()

        await self._answer(dict(scope) | {"path": _INSIDE}, again, send)


def _tools(service: Service, metrics: Metrics, queue: Queue) -> gr.Blocks:
    """The functions that are offered; their docstrings are what the other program reads."""

    async def ask(question: str, request: gr.Request) -> str:
        """用自然语言提问，得到文件里的原文摘录；文件里没有答案时 answerable 为 false，不给摘录。引用时请原样照抄 text，并注明 title。

        Args:
            question: 问题，中文，一句话。

        Returns:
            JSON：answerable、excerpts（每条有 title、headings、doc、start、end、text），与 POST /api/v1/ask 相同。
        """
        answer = await queue.turn(_mine(request), lambda own: own.ask(question))
        metrics.answered(answer.answerable)
        if service.settings.log_questions:
            log.info("问题：%s", answer.question)
        return json.dumps(to_json(answer), ensure_ascii=False)

    async def search(question: str, request: gr.Request) -> str:
        """检索与问题最相关的文件（前 10 篇），不拒答，不给摘录。

        Args:
            question: 检索式，中文。

        Returns:
            JSON：documents（每篇有 rank、doc、title、score），与 POST /api/v1/search 相同。
        """
        mine = _mine(request)
        found = await queue.turn(mine, lambda own: own.search(question, 10))
        titles = mine.titles()
        rows = [
            {"rank": one.rank, "doc": one.doc_id, "title": titles.get(one.doc_id, ""), "score": round(one.score, 6)}
            for one in found
        ]
        return json.dumps({"question": question, "documents": rows}, ensure_ascii=False)

    with gr.Blocks(title="原文", analytics_enabled=False) as tools:
        for tool in (ask, search):  # outside the queue, or Gradio would call itself over the network
            gr.api(tool, queue=False)
    return tools


def _mine(request: gr.Request) -> Visible:
    """What the sender may see. Gradio injects by that annotation, but for MCP it hands over Starlette's own request."""
    return visible_of(cast(Request, request))
