"""Put the web service together and run it: one process, bound before anything heavy is loaded, gone within 5 s."""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
from types import FrameType
from typing import TYPE_CHECKING, cast

from rag.access.decide import Access, check_start
from rag.config import Settings
from rag.errors import ModelError, ServerError
from rag.service import Service

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

    from rag.web.front.state import Startup

log = logging.getLogger(__name__)
OURS = ("rag", "yuanwen")  # our loggers
GRACE = 3  # seconds for requests under way when the service is told to stop
PATIENCE = 4.5  # seconds after which the process goes, whatever is still running; the index is safe at any instant
# Read by gradio and huggingface_hub when they are imported, so they must be set before.
QUIET = {
    "GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_RUN_HISTORY": "False", "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1", "TRANSFORMERS_OFFLINE": "1", "DO_NOT_TRACK": "1",
}  # fmt: skip


def be_quiet() -> None:
    """Forbid every library to reach out."""
    os.environ.update(QUIET)


def build_app(service: Service, startup: Startup) -> ASGIApp:
    """REST and page in one ASGI app."""
    be_quiet()
    import gradio as gr
    from fastapi import FastAPI
    from fastapi.middleware.cors import CORSMiddleware
    from starlette.routing import Route
    from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

    from rag.web.admin.evaluating import build_evaluation
    from rag.web.admin.pages import build_admin
    from rag.web.admin.words import build_words
    from rag.web.embed import build_embed
    from rag.web.front import problems
    from rag.web.front.gate import AccessMiddleware
    from rag.web.front.language import LanguageMiddleware
    from rag.web.front.limits import Limits
    from rag.web.front.login import build_login
    from rag.web.front.metrics import new_metrics
    from rag.web.front.ongoing import Ongoing
    from rag.web.front.queueing import Queue
    from rag.web.front.roles import Rules, rules_of
    from rag.web.front.security import MB, SecurityMiddleware, Sharing, is_data, route_of
    from rag.web.page.pages import build_pages
    from rag.web.page.ui import GRADIO_RULES, build_ui, head, theme
    from rag.web.rest.api import build_api
    from rag.web.rest.tools import MCP, Tools

    metrics, access, limits = new_metrics(), Access(service.settings), Limits(service.settings)
    proxies, portals, ongoing = service.settings.trusted_proxies, service.settings.portals, Ongoing()
    queue = Queue(service.settings, metrics)
    api = build_api(service, startup, metrics, queue, ongoing)
    tools = Tools(service, metrics, queue) if service.settings.mcp else None
    page = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, lifespan=tools.lifespan if tools else None)
    page.include_router(build_pages())
    page.include_router(build_admin(startup, ongoing))
    page.include_router(build_login(access, limits))
    page.include_router(build_evaluation(service))
    page.include_router(build_words(service, startup))
    page.include_router(build_embed(service.settings, metrics, queue))
    problems.install(page)
    page.add_middleware(CORSMiddleware, allow_origins=[])  # Gradio's own would reflect any origin
    if tools:
        page.router.routes.append(Route(MCP, tools, methods=["POST"]))
    rules = Rules((*rules_of(api.routes), *rules_of(page.routes), *GRADIO_RULES))
    gr.mount_gradio_app(
        page, build_ui(service, startup, metrics, queue), path="/", footer_links=[], run_history=False, show_error=False,
        ssr_mode=False, allowed_paths=[], enable_monitoring=False, max_file_size="1kb", pwa=False, mcp_server=False,
        theme=theme(), head=head(), i18n=gr.I18n(), app_kwargs={"openapi_url": None, "docs_url": None, "redoc_url": None},
    )  # fmt: skip

    async def front(scope, receive, send) -> None:
        """Programs go to the API, people to the page."""
        target = api if scope["type"] == "http" and is_data(route_of(scope)) else page
        await target(scope, receive, send)

    gate = LanguageMiddleware(AccessMiddleware(front, service, access, limits, rules))
    shared = Sharing(
        gate, allow_origins=portals, allow_methods=["GET", "POST", "PATCH", "DELETE"], expose_headers=["X-Request-ID", "Retry-After"],
        allow_headers=["Authorization", "Content-Type", "X-Request-ID"],
    )  # fmt: skip

    async def door(scope, receive, send) -> None:
        """Scripts of the portals may call the interface, before anyone asks who they are; no cookie of theirs counts."""
        target = shared if scope["type"] == "http" and route_of(scope).startswith("/api/") else gate
        await target(scope, receive, send)

    # uvicorn names each kind of message where Starlette has mappings
    behind = cast("ASGIApp", ProxyHeadersMiddleware(door, list(proxies)))

    def observe(method: str, path: str, status: int, seconds: float) -> None:
        metrics.observe(method, rules.metric(method, path), status, seconds)

    return SecurityMiddleware(behind, observe, rules, proxies, service.settings.file_max_mb * MB, portals)


def run(settings: Settings) -> None:
    """Serve until told to stop. Raises ServerError, or ModelError when the model turns out to be missing."""
    be_quiet()
    log_to_stderr(settings.log_level)
    check_start(settings)
    with bind(settings.host, settings.port) as listener:
        log.info("原文正在启动：http://%s:%d", _shown(settings.host), listener.getsockname()[1])
        import uvicorn

        from rag.web.front.state import Startup

        service, startup = Service(settings), Startup()
        app = build_app(service, startup)
        config = uvicorn.Config(
            app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=GRACE,
            timeout_keep_alive=30, proxy_headers=False, h11_max_incomplete_event_size=64 * 1024, ws="none",
        )  # fmt: skip
        server = _stoppable(uvicorn.Server(config))
        threading.Thread(target=_warm, args=(service, startup, server, settings), daemon=True).start()
        server.run(sockets=[listener])
    if isinstance(startup.failure, ModelError):
        raise startup.failure


def _warm(service: Service, startup: Startup, server: uvicorn.Server, settings: Settings) -> None:
    """Warm up beside the server, so that /healthz answers meanwhile; without a model there is nothing to serve."""
    startup.warm_up(service)
    if isinstance(startup.failure, ModelError):
        server.should_exit = True
    elif startup.ready:
        log.info("请打开 http://%s:%d", _shown(settings.host), settings.port)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises ServerError with one sentence on what to do."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise ServerError(f"监听地址 {host} 不对：{error.strerror}。/ Bad host.") from error
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise ServerError(
            f"无法在 {host}:{port} 上监听（{error.strerror}）：端口可能已被占用，"
            f"请换一个，如 YUANWEN_PORT={_other(port)}。"
            f" / Cannot listen on {host}:{port}: is the port in use?"
        ) from error
    return listener


def _other(port: int) -> int:
    return port + 1 if port < 65535 else port - 1


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def log_to_stderr(level: str) -> None:
    """One line an event on standard error; libraries only when something is wrong. level: of our own loggers."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    for handler in logging.getLogger().handlers:
        handler.addFilter(lambda record: record.levelno >= logging.WARNING or record.name.startswith(OURS))
    for name in OURS:  # some libraries set their own loggers to DEBUG, so the handler looks too
        logging.getLogger(name).setLevel(level.upper())


def _stoppable(server: uvicorn.Server) -> uvicorn.Server:
    """Make the first signal start a clock too: a long upload cannot be interrupted, but the process can end."""
    graceful = server.handle_exit

    def handle_exit(number: int, frame: FrameType | None) -> None:
        clock = threading.Timer(PATIENCE, os._exit, args=(128 + number,))
        clock.daemon = True
        clock.start()
        graceful(number, frame)

    server.handle_exit = handle_exit  # type: ignore[assignment]  # of this one server, not of the class
    return server
