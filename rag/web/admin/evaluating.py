"""The evaluation pages' routes, for administrators: test sets up, runs with progress, reports down, the gate."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response

from rag.access.identity import Role
from rag.errors import NotFoundError, UsageError, YuanwenError
from rag.evaluation.desk import desk, drafting
from rag.evaluation.desk.accepting import accept
from rag.evaluation.desk.desk import ReleaseGate
from rag.evaluation.desk.drafting import Draft, from_feedback
from rag.evaluation.desk.receiving import receive
from rag.evaluation.sets.sheets import template_bytes
from rag.service import Service
from rag.web.admin.admin import GAPS
from rag.web.admin.evaluation_view import evaluation_page, progress_view, questions_page
from rag.web.admin.jobs import Jobs
from rag.web.front.gate import note
from rag.web.front.language import say
from rag.web.front.roles import Work, needs
from rag.web.front.visible import Mine, Visible
from rag.web.rest import feedback

SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DRAFTS, SHOWN = 60, 12  # drafted for the sheet; shown on a page
PROBLEMS_SHOWN = 50
Kept = Literal[
    "report.html", "questions.xlsx", "questions.csv", "figures.json", "run.trec", "answers.jsonl", "problems.txt",
    "comparison.json",
]  # fmt: skip
Drafted = Callable[[int, int], tuple[Draft, ...]]  # by generation and number of feedbacks


def build_evaluation(service: Service) -> APIRouter:
    """Routes under /page/evaluation, and the page of drafted questions."""
    router = APIRouter(prefix="/page", include_in_schema=False)
    jobs = Jobs(service)
    drafted = _drafted(service)

    @router.get("/evaluation")
    @needs(Role.ADMINISTRATOR, Work.ASK)
    def evaluation(mine: Mine) -> HTMLResponse:
        """Test sets, runs, history, gate."""
        return HTMLResponse(evaluation_page(mine, jobs))

    @router.get("/evaluation/progress")
    @needs(Role.ADMINISTRATOR)
    def progress(mine: Mine) -> HTMLResponse:
        """What is under way."""
        return HTMLResponse(progress_view(jobs, mine.language), headers={"Cache-Control": "no-store"})

    @router.get("/questions")
    @needs(Role.ADMINISTRATOR, Work.ASK)
    def questions(
        mine: Mine, q: Annotated[str, Query(max_length=4000)] = "", n: Annotated[int, Query(ge=0)] = 0
    ) -> HTMLResponse:
        """Drafted questions to accept. q: a question to begin with. n: how many to pass over."""
        found = drafted(service.catalog.generation, len(feedback.read(service.settings.index)))
        first = tuple(own for own in found if q and own.question == q) or (
            (Draft(q, "", "", say(mine.language, "知识缺口")),) if q else ()
        )
        shown = (*first, *(own for own in found[n : n + SHOWN] if own not in first))
        return HTMLResponse(questions_page(mine, shown, n + SHOWN if len(found) > n + SHOWN else 0))

    router.include_router(_files(service, drafted))
    router.include_router(_acts(service, jobs))
    return router


def _drafted(service: Service) -> Drafted:
    """A function that drafts once for a generation and a number of feedbacks."""

    @lru_cache(maxsize=1)
    def drafted(generation: int, judged: int) -> tuple[Draft, ...]:
        """What readers said first, then what the documents offer; the arguments are only the cache's key."""
        return (*_from_readers(service), *drafting.draft(service, DRAFTS))

    return drafted


def _from_readers(service: Service) -> tuple[Draft, ...]:
    found: dict[str, Draft] = {}
    for one in feedback.read(service.settings.index):
        spans = [(span.doc, span.start, span.end) for span in one.spans]
        try:
            own = from_feedback(service, one.question, spans, one.verdict not in GAPS, one.note)
        except YuanwenError:  # what it quotes was removed since: the question is still worth asking
            own = from_feedback(service, one.question, (), False, one.note)
        if own.quote or one.question not in found:
            found[one.question] = own
    return tuple(found.values())


def _files(service: Service, drafted: Drafted) -> APIRouter:
    """What can be fetched."""
    router = APIRouter()
    index = service.settings.index

    @router.get("/evaluation/template.xlsx")
    @needs(Role.ADMINISTRATOR, Work.ASK)
    def template() -> Response:
        """The sheet to fill in."""
        return _sheet(template_bytes(), "评测题模板.xlsx")

    @router.get("/evaluation/drafts.xlsx")
    @needs(Role.ADMINISTRATOR, Work.ASK)
    def drafts() -> Response:
        """The sheet with drafted questions in it."""
        found = drafted(service.catalog.generation, len(feedback.read(index)))
        return _sheet(template_bytes(drafting.rows(found)), "起草的评测题.xlsx")

    @router.get("/evaluation/runs/{run}/{file}")
    @needs(Role.ADMINISTRATOR, Work.ASK)
    def kept(run: str, file: Kept) -> Response:
        """A file of a report."""
        path = desk.run_path(index, run) / file
        if not path.is_file():
            raise NotFoundError(f"这次评测没有 {file}。/ No such file.")
        if file == "report.html":
            return FileResponse(path, media_type="text/html; charset=utf-8", headers={"Cache-Control": "no-store"})
        return FileResponse(path, headers=_attachment(f"{desk.note_of(path.parent).test_set}-{run}-{file}"))

    @router.get("/evaluation/compare")
    @needs(Role.ADMINISTRATOR, Work.ASK)
    def compare(ours: str, baseline: str) -> HTMLResponse:
        """The report of one run against another."""
        return HTMLResponse(desk.compared_page(service, ours, baseline))

    return router


def _acts(service: Service, jobs: Jobs) -> APIRouter:
    """What changes something; each is noted in the audit log."""
    router = APIRouter()
    index = service.settings.index

    def noted(request: Request, mine: Visible, act: str, target: str) -> None:
        note(service, request.scope, mine.identity, act, target)

    @router.post("/evaluation/sets")
    @needs(Role.ADMINISTRATOR, Work.UPLOAD, files=True)
    def add(request: Request, mine: Mine, file: Annotated[UploadFile | None, File()] = None) -> JSONResponse:
        """Keep a test set."""
        if file is None or not file.filename:
            raise UsageError("请选择题集文件。/ No file was sent.", code="no-file")
        found = receive(service, file.filename, file.file.read())
        noted(request, mine, "evaluation set", found.name)
        lines = [str(problem) for problem in found.problems[:PROBLEMS_SHOWN]]
        if len(found.problems) > PROBLEMS_SHOWN:
            lines.append(say(mine.language, "……另有 {n} 处", n=len(found.problems) - PROBLEMS_SHOWN))
        return _said(
            say(mine.language, "已收下“{name}”：{n} 题可用。", name=found.name, n=found.questions),
            lines,
            reload=not lines,
        )

    @router.post("/evaluation/sets/remove")
    @needs(Role.ADMINISTRATOR, Work.ASK)
    def remove(request: Request, mine: Mine, test_set: Annotated[str, Form()]) -> JSONResponse:
        """Forget a test set."""
        desk.remove_set(index, test_set)
        noted(request, mine, "evaluation set removed", test_set)
        return _said(say(mine.language, "已移除。"))

    @router.post("/evaluation/runs")
    @needs(Role.ADMINISTRATOR, Work.ASK)
    def run(request: Request, mine: Mine, test_set: Annotated[str, Form()]) -> JSONResponse:
        """Begin a run."""
        folder = desk.new_run(index, test_set)
        try:
            jobs.start(folder.name)
        except YuanwenError:
            desk.remove_run(index, folder.name)
            raise
        noted(request, mine, "evaluation", test_set)
        return _said(say(mine.language, "已开始。"))

    @router.post("/evaluation/runs/{run}/continue")
    @needs(Role.ADMINISTRATOR, Work.ASK)
    def go_on(run: str, mine: Mine) -> JSONResponse:
        """Go on with a run that was stopped."""
        desk.run_path(index, run)
        jobs.start(run)
        return _said(say(mine.language, "接着做。"))

    @router.post("/evaluation/runs/{run}/remove")
    @needs(Role.ADMINISTRATOR, Work.ASK)
    def forget(request: Request, run: str, mine: Mine) -> JSONResponse:
        """Delete a run and its report."""
        if jobs.state().run == run:
            raise UsageError("这次评测正在进行，请先停止。/ It is under way.", code="evaluation-running")
        desk.remove_run(index, run)
        noted(request, mine, "evaluation removed", run)
        return _said(say(mine.language, "已删除。"))

    @router.post("/evaluation/stop")
    @needs(Role.ADMINISTRATOR)
    def stop(mine: Mine) -> JSONResponse:
        """Stop the run that is under way."""
        jobs.stop()
        return _said(say(mine.language, "正在停止。"), reload=False)

    @router.post("/evaluation/gate")
    @needs(Role.ADMINISTRATOR, Work.ASK)
    def gate(
        request: Request,
        mine: Mine,
        points: Annotated[float, Form(ge=0, le=100)],
        test_set: Annotated[str, Form()] = "",
    ) -> JSONResponse:
        """Set or lift the gate. points: percentage points that hit@5 may fall."""
        desk.write_gate(index, ReleaseGate(test_set, points / 100) if test_set else None)
        noted(request, mine, "evaluation gate", f"{test_set} {points:g}" if test_set else "")
        said = (
            say(mine.language, "已保存：hit@5 下降超过 {points} 个百分点就不发布。", points=f"{points:g}")
            if test_set
            else say(mine.language, "已取消把关。")
        )
        return _said(said, reload=False)

    @router.post("/evaluation/questions")
    @needs(Role.ADMINISTRATOR, Work.ASK)
    def add_question(
        request: Request,
        mine: Mine,
        question: Annotated[str, Form(max_length=4000)],
        test_set: Annotated[str, Form(max_length=200)],
        answerable: Annotated[Literal["yes", "no"], Form()] = "yes",
        document: Annotated[str, Form(max_length=1000)] = "",
        quotes: Annotated[str, Form(max_length=20_000)] = "",
    ) -> JSONResponse:
        """Accept a question into a test set."""
        accept(service, test_set, question, document, quotes, answerable == "yes")
        noted(request, mine, "evaluation question", test_set)
        return _said(say(mine.language, "已收入“{name}”。", name=test_set), reload=False)

    return router


def _said(text: str, lines: list[str] | None = None, reload: bool = True) -> JSONResponse:
    """What the page's script shows; reload: the page has changed."""
    return JSONResponse({"said": text, "lines": lines or [], "reload": reload})


def _sheet(data: bytes, name: str) -> Response:
    return Response(data, media_type=SHEET, headers=_attachment(name))


def _attachment(name: str) -> dict[str, str]:
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='', errors='replace')}"}
