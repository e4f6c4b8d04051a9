"""REST under /api/v1, and the routes by which the service is watched; all through the same `Service`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Depends, FastAPI, File, Form, Query, Request, Response, UploadFile
from fastapi import Path as PathParam
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.security import HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.routing import Route
from starlette.types import Scope

from rag import __version__
from rag.access.identity import Role
from rag.datamodels import IngestLine
from rag.index.catalog import Record
from rag.search.answering import context_json, to_json
from rag.service import Service
from rag.web.front import problems
from rag.web.front.gate import note
from rag.web.front.language import CHINESE
from rag.web.front.metrics import Metrics
from rag.web.front.ongoing import Ongoing
from rag.web.front.queueing import Queue
from rag.web.front.roles import Work, needs
from rag.web.front.state import Startup
from rag.web.front.streaming import Events, Tell
from rag.web.front.visible import Mine, Visible
from rag.web.rest import feedback, schemas, uploads

log = logging.getLogger(__name__)
_PROBLEM = {"model": schemas.ProblemOut, "content": {problems.MEDIA_TYPE: {}}}
_RESPONSES: dict[int | str, dict[str, Any]] = {status: _PROBLEM | cause for status, cause in problems.CAUSES.items()}
# the gate has judged it before; here it is only said
_BEARER = Depends(HTTPBearer(auto_error=False, description="密钥或门户令牌；只监听本机、不登录时不需要"))


def build_api(service: Service, startup: Startup, metrics: Metrics, queue: Queue, ongoing: Ongoing) -> FastAPI:
    """The app that answers /api/v1/…, /healthz, /readyz, /metrics and /openapi.json."""
    app = FastAPI(
        title="原文 Yuanwen", version=__version__, docs_url=None, redoc_url=None,
        description="用原文回答关于中文文档的问题，出处可逐字核对。偏移按码位计，左闭右开。"
        "需要身份时用请求头 Authorization: Bearer 加密钥或门户令牌；出错时答 application/problem+json。",
    )  # fmt: skip
    app.include_router(_asking(service, metrics, queue), prefix="/api/v1")
    app.include_router(_collection(service, startup, ongoing), prefix="/api/v1")
    app.include_router(_watching(service, startup, metrics))
    problems.install(app)
    for route in app.routes:
        if isinstance(route, Route) and route.path == app.openapi_url:
            needs(None, metric=route.path)(route.endpoint)
    return app


def _asking(service: Service, metrics: Metrics, queue: Queue) -> APIRouter:
    """Questions, searches and what users think of the answers."""
    router = APIRouter(responses=_RESPONSES, dependencies=[_BEARER])

    @router.post("/ask", response_model=schemas.AnswerOut)
    @needs(Role.READER, Work.ASK, metric="/api/v1/ask")
    async def ask(body: schemas.AskBody, mine: Mine) -> JSONResponse:
        """提问：得到原文摘录，或如实拒答。"""
        documents, only = body.documents or (), body.only()
        answer = await queue.turn(mine, lambda own: own.ask(body.question, body.top_k, documents, only, body.around))
        metrics.answered(answer.answerable)
        if service.settings.log_questions:
            log.info("问题：%s", answer.question)
        echoed = {} if body.id is None else {"id": body.id}
        return JSONResponse(echoed | to_json(answer, explain=body.explain))

    @router.post("/search", response_model=schemas.SearchOut)
    @needs(Role.READER, Work.ASK, metric="/api/v1/search")
    async def search(body: schemas.SearchBody, mine: Mine) -> JSONResponse:
        """检索文档，不拒答。"""
        documents, only = body.documents or (), body.only()
        found = await queue.turn(mine, lambda own: own.search(body.question, body.top_k, documents, only))
        titles = mine.titles()
        rows = [
            {"rank": one.rank, "doc": one.doc_id, "title": titles.get(one.doc_id, ""), "score": round(one.score, 6)}
            for one in found
        ]
        return JSONResponse({"question": body.question, "documents": rows})

    @router.post("/feedback", status_code=201, response_model=schemas.FeedbackOut)
    @needs(Role.READER, Work.ASK, metric="/api/v1/feedback")
    def give_feedback(body: schemas.FeedbackBody, mine: Mine) -> JSONResponse:
        """记下对一次回答的评价。"""
        for span in body.spans:
            mine.must_see(span.doc)
        spans = tuple(feedback.QuotedSpan(span.doc, span.start, span.end) for span in body.spans)
        generation = service.catalog.generation
        number = feedback.store(
            service.settings.index, feedback.Feedback(body.question, spans, body.verdict, body.note, generation)
        )
        return JSONResponse({"id": number, "generation": generation}, 201)

    return router


def _collection(service: Service, startup: Startup, ongoing: Ongoing) -> APIRouter:
    """The documents."""
    router = APIRouter(responses=_RESPONSES, dependencies=[_BEARER])

    @router.get("/documents", response_model=schemas.DocumentsOut)
    @needs(Role.READER, Work.ASK, metric="/api/v1/documents")
    def documents(mine: Mine) -> JSONResponse:
        """列出文档。"""
        generation = service.catalog.generation
        rows = [document_json(record) for record in mine.documents()]
        return JSONResponse({"generation": generation, "documents": rows})

    def taken_in(
        scope: Scope, mine: Visible, sent: Sequence[tuple[str, BinaryIO]], folder: str,
        tell: Tell = lambda name, data: None,
    ) -> dict[str, object]:  # fmt: skip
        """Take files in; the ingest report as REST shows it. tell: given the events of a stream."""
        tell("reading", {"files": len(sent)})
        report = uploads.take_in(
            mine, sent, ongoing,
            lambda done, total: tell("encoding", {"done": done, "total": total}),
            lambda line: tell("line", line_json(line)), folder,
        )  # fmt: skip
        for line in report.lines:
            note(service, scope, mine.identity, "upload", line.doc_id, line.code or "ok")
        if startup.ready:  # the new generation is made ready beside; the sender need not wait for its calibration
            threading.Thread(target=startup.warm_up, args=(service,), daemon=True).start()
        else:
            startup.warm_up(service)
        return {
            "generation": service.catalog.generation,
            "lines": [line_json(line) for line in report.lines],
            "unchanged": list(report.unchanged),
            "removed": list(report.removed),
        }

    @router.post("/documents", status_code=201, response_model=schemas.IngestOut, responses={200: schemas.EVENTS})
    @needs(Role.EDITOR, Work.UPLOAD, metric="/api/v1/documents", files=True)
    def upload(
        request: Request,
        mine: Mine,
        file: Annotated[list[UploadFile] | None, File(description="一个或多个文件")] = None,
        files: Annotated[list[UploadFile] | None, File(description="同 file")] = None,
        folder: Annotated[str, Form(max_length=200, description="放进哪个文件夹，如 通知/2024年；缺省不放")] = "",
    ) -> Response:
        """上传文档并编入索引；同名的被替换。Accept: text/event-stream 时边做边报进度。"""
        sent = [(item.filename or "", item.file) for item in [*(file or []), *(files or [])]]
        if request.headers.get("accept", "").startswith("text/event-stream"):
            return Events(lambda tell: taken_in(request.scope, mine, sent, folder, tell), problems.request_id(request))
        return JSONResponse(taken_in(request.scope, mine, sent, folder), 201)

    @router.get(
        "/documents/{doc_id:path}/text",
        response_model=schemas.TextOut,
        responses={200: {"content": {"text/plain": {}}}},
    )
    @needs(Role.READER, Work.ASK, metric="/api/v1/documents/{id}/text")
    def text(
        doc_id: str,
        request: Request,
        mine: Mine,
        start: Annotated[int, Query(ge=0)] = 0,
        end: Annotated[int | None, Query(ge=0)] = None,
    ) -> Response:
        """文档在 [start, end) 的原文；Accept: text/plain 时只给文字。"""
        found = mine.text(doc_id, start, end)
        if request.headers.get("accept", "").startswith("text/plain"):
            return PlainTextResponse(found)
        length = len(mine.document(doc_id).document.text)
        return JSONResponse({"doc": doc_id, "start": start, "end": start + len(found), "length": length, "text": found})

    @router.get("/documents/{doc_id:path}/context", response_model=schemas.ContextOut)
    @needs(Role.READER, Work.ASK, metric="/api/v1/documents/{id}/context")
    def context(
        doc_id: str,
        mine: Mine,
        start: Annotated[int, Query(ge=0)],
        end: Annotated[int, Query(ge=0)],
        around: Annotated[int, Query(ge=0, le=50)] = 1,
    ) -> JSONResponse:
        """[start, end) 前后各 around 段的文字，以及它所在的章节。"""
        found = mine.around(doc_id, start, end, around)
        text = mine.text(doc_id, found.start, found.end)
        return JSONResponse({"doc": doc_id, "text": text} | context_json(found))

    @router.get(
        "/documents/{doc_id:path}/pages/{number}",
        response_class=Response,
        responses={200: {"content": {"image/png": {}}}},
    )
    @needs(Role.READER, Work.ASK, metric="/api/v1/documents/{id}/pages")
    def page(doc_id: str, number: Annotated[int, PathParam(ge=1)], mine: Mine) -> Response:
        """PDF 的一页，PNG 图像；页码从 1 起。"""
        return Response(mine.page_image(doc_id, number), media_type="image/png")

    @router.patch("/documents/{doc_id:path}/metadata", response_model=schemas.DocumentOut)
    @needs(Role.EDITOR, Work.UPLOAD, metric="/api/v1/documents/{id}/metadata")
    def describe(doc_id: str, body: schemas.FactsBody, request: Request, mine: Mine) -> JSONResponse:
        """改著录：题名、文号、发文机关、日期、效力；只改给出的，空的表示没有。"""
        record = mine.describe(doc_id, body.model_dump(exclude_none=True))
        note(service, request.scope, mine.identity, "describe", doc_id)
        return JSONResponse(document_json(record))

    @router.delete("/documents/{doc_id:path}", status_code=204, response_model=None)
    @needs(Role.EDITOR, Work.UPLOAD, metric="/api/v1/documents/{id}")
    def delete(doc_id: str, request: Request, mine: Mine) -> Response:
        """移除文档，立即生效。"""
        mine.remove(doc_id)
        note(service, request.scope, mine.identity, "remove", doc_id)
        return Response(status_code=204)

    return router


def _watching(service: Service, startup: Startup, metrics: Metrics) -> APIRouter:
    """Routes for those who keep the service running."""
    router = APIRouter()

    @router.get("/healthz")
    @needs(None, metric="/healthz")
    def healthz() -> dict[str, str]:
        """进程活着。"""
        return {"status": "ok", "version": __version__}

    @router.get("/readyz", responses={503: _PROBLEM})
    @needs(None, metric="/readyz")
    def readyz(request: Request) -> JSONResponse:
        """能答题了：模型、索引、校准都已就位。"""
        if startup.ready:
            return JSONResponse({"status": "ready"})
        code = startup.failure.code if startup.failure else "starting"
        name = problems.request_id(request)
        return problems.problem(
            503, code, startup.said(CHINESE), request_id=name, headers={"Retry-After": "2"}, stage=startup.stage
        )

    @router.get(
        "/metrics", response_class=Response, dependencies=[_BEARER],
        responses={200: {"content": {"text/plain": {}}}, 401: _PROBLEM, 403: _PROBLEM, 405: _PROBLEM},
    )  # fmt: skip
    @needs(Role.READER, metric="/metrics")
    def watch() -> Response:
        """Prometheus 指标。"""
        metrics.ready.set(startup.ready)
        if startup.ready:  # before that, asking the catalogue would wait for the model
            metrics.documents.set(len(service.catalog.sources()))
            metrics.generation.set(service.catalog.generation)
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return router


def document_json(record: Record) -> dict[str, object]:
    """A document as REST shows it."""
    document, report = record.document, record.report
    return {
        "doc": document.doc_id, "title": document.title, "media_type": document.media_type, "encoding": report.encoding,
        "sha256": document.sha256, "characters": report.characters, "passages": report.passages,
        "pages": report.pages, "coverage": report.coverage, "kept": report.kept, "removals": dict(report.removals),
        "metadata": dict(document.metadata), "warnings": list(report.warnings),
    }  # fmt: skip


def line_json(line: IngestLine) -> dict[str, object]:
    """A line of the ingest report as REST shows it."""
    kept = {"media_type", "characters", "passages", "coverage", "kept", "removals", "warnings", "error", "code"}
    return {"doc": line.doc_id} | {name: value for name, value in asdict(line).items() if name in kept}
