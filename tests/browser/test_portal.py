"""The sample portal of docs/portal in Chromium: another origin, TLS, behind nginx under /kb/, identity by token."""

from __future__ import annotations

import datetime
import json
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jwt
import pytest
import uvicorn
from playwright.sync_api import Browser, Frame, Page, expect

from rag.config import ROOT, Settings
from rag.service import Service
from rag.web.front.state import Startup
from rag.web.server import build_app
from tests.browser.conftest import SHOTS, free_port
from tests.conftest import SEEDS, ToyEmbedder
from tests.loading.page_files import pdf_bytes

QUESTION = "要坚持党建带工建、工建服务党建，做到四同步、四衔接"
SECRET = "a-secret-that-portal-and-service-share-0123456789"
HOSTILE = """
* { font-size: 33px !important; color: lime !important; text-transform: uppercase !important; letter-spacing: 9px !important; }
div, button, iframe, yuanwen-embed { display: none !important; opacity: .1 !important; width: 10px !important;
  height: 3px !important; transform: rotate(20deg) !important; position: static !important; float: left !important; }
html > * { visibility: hidden !important; } body { visibility: visible !important; filter: blur(0); transform: scale(.99); }
p, h1, footer { visibility: visible !important; } p:last-child { border: 3px solid red; }
@layer first { yuanwen-embed { display: none !important; } }
"""


expect.set_options(timeout=20_000)  # a busy machine is no failure


@dataclass(frozen=True)
class Stage:
    """A portal that is listed, the same one at an address that is not, and the service, each at its own origin."""

    portal: str
    stranger: str
    service: str
    home: Path


def need(program: str, package: str) -> str:
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if found is None:
        reason = f"no {program}: apt-get install {package}"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return found


@pytest.fixture(scope="module")
def stage(tmp_path_factory) -> Iterator[Stage]:
    """nginx with the documented configuration, the sample portal, and the service in token mode."""
    nginx, openssl = need("nginx", "nginx-light"), need("openssl", "openssl")
    home = tmp_path_factory.mktemp("stage")
    (home / "secret").write_text(SECRET)
    tls, strange, inner, portal_port, outer = (free_port() for _ in range(5))
    make = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    for name in ("kb", "portal"):
        subprocess.run(
            [*make, "-keyout", home / f"{name}.key", "-out", home / f"{name}.crt"], check=True, capture_output=True
        )
    kb, listed, unlisted = f"https://127.0.0.1:{tls}/kb", f"https://localhost:{outer}", f"https://localhost:{strange}"
    site = (ROOT / "docs" / "portal" / "nginx.conf").read_text(encoding="utf-8")
    first, second = site.split("# 门户自己 / the portal itself\n")
    first = first.replace("listen 443", f"listen 127.0.0.1:{tls}").replace("7860", str(inner))
    second = second.replace("listen 443 ssl;", f"listen {outer} ssl; listen {strange} ssl;").replace(
        "8000", str(portal_port)
    )
    site = (first + second).replace("/etc/nginx/tls", str(home)).replace("/var/log/nginx", str(home))
    (home / "site.conf").write_text(site, encoding="utf-8")
    scratch = "".join(
        f"{kind}_temp_path {home}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )  # fmt: skip
    (home / "nginx.conf").write_text(
        f"daemon off; worker_processes 1; pid {home}/pid; error_log {home}/error.log; events {{}} "
        f"http {{ {scratch} access_log off; include {home}/site.conf; }}"
    )
    environment = os.environ | {"TOKEN_SECRET_FILE": str(home / "secret"), "YUANWEN_URL": kb, "PORTAL_USER": "张三"}
    with (home / "nginx.log").open("w") as log:  # the process keeps its own
        proxy = subprocess.Popen([nginx, "-p", home, "-c", home / "nginx.conf"], stderr=log)
    started = [
        proxy,
        subprocess.Popen(
            [sys.executable, "docs/portal/portal.py", str(portal_port)],
            cwd=ROOT,
            env=environment,
            stderr=subprocess.DEVNULL,
        ),
    ]
    settings = Settings(
        index=home / "index", access="token", token_secret_file=home / "secret", portals=(listed,), port=inner
    )
    server, thread = serve(settings)
    try:
        _wait(f"http://127.0.0.1:{portal_port}/")
        assert started[0].poll() is None, (home / "nginx.log").read_text()
        yield Stage(listed, unlisted, kb, home)
    finally:
        server.should_exit = True
        for process in started:
            process.terminate()
        for process in started:
            process.wait(20)
        thread.join(20)


def serve(settings: Settings) -> tuple[uvicorn.Server, threading.Thread]:
    """The real service on its port, with a toy for a model; everything it logs goes into a file."""
    service, startup = Service(settings, ToyEmbedder()), Startup()
    (settings.index.parent / "一页.pdf").write_bytes(
        pdf_bytes([["关于职工书屋的通知", "职工书屋周三上午九点开门，周日闭馆。"]])
    )
    service.ingest([SEEDS, settings.index.parent / "一页.pdf"])
    startup.warm_up(service)
    written = logging.FileHandler(settings.index.parent / "server.log")
    for name in ("rag", "yuanwen", "uvicorn"):
        logging.getLogger(name).addHandler(written)
        logging.getLogger(name).setLevel(logging.DEBUG)
    config = uvicorn.Config(
        build_app(service, startup), port=settings.port, log_config=None, access_log=False, proxy_headers=False,
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    _wait(f"http://127.0.0.1:{settings.port}/readyz")
    return server, thread


def _wait(address: str) -> None:
    for _ in range(100):
        try:
            urllib.request.urlopen(address, timeout=2).close()
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"{address} does not answer")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="zh-CN", ignore_https_errors=True)
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


def frame_of(page: Page, stage: Stage, number: int = 0) -> Frame:
    """The frame of the service in the page."""
    for _ in range(100):
        found = [frame for frame in page.frames if frame.url.startswith(stage.service)]
        if len(found) > number:
            return found[number]
        page.wait_for_timeout(100)
    pytest.fail(f"no frame: {[frame.url for frame in page.frames]}")


def ask(frame: Frame, question: str = QUESTION) -> None:
    frame.wait_for_load_state("load")  # before its script has run, nobody listens
    frame.fill("#yw-question textarea", question)
    frame.press("#yw-question textarea", "Enter")


def shot(page: Page, name: str) -> None:
    SHOTS.mkdir(exist_ok=True)
    page.wait_for_timeout(400)
    page.screenshot(path=SHOTS / f"{name}.png")


def token(minutes: float) -> str:
    now = datetime.datetime.now(datetime.UTC)
    claims = {"sub": "张三", "aud": "yuanwen", "iat": now - datetime.timedelta(minutes=5)}
    return jwt.encode(claims | {"exp": now + datetime.timedelta(minutes=minutes)}, SECRET, "HS256")


def test_ask_cite_and_open_the_source_inside_the_portal(stage, page):
    foreign: list[str] = []
    own = (stage.portal, stage.service, "data:", "blob:")
    page.on("request", lambda request: None if request.url.startswith(own) else foreign.append(request.url))
    cookies_before = page.context.cookies()
    page.goto(stage.portal)
    frame = frame_of(page, stage)
    ask(frame)
    expect(frame.locator("blockquote.yw-lead")).to_contain_text("四同步")
    frame.locator("a.yw-cite").first.click()
    expect(frame.locator(".yw-card").first).to_be_focused()
    shot(page, "portal-inline")
    frame.locator('.yw-card button[value^="around?"], .yw-card button:has-text("展开上下文")').first.click()
    expect(frame.locator(".yw-card .yw-context").first).to_be_visible()
    frame.locator('.yw-card button[value^="source?"]').first.click()
    expect(frame.locator("dialog#yw-source mark").first).to_be_visible()
    shot(page, "portal-source")
    assert page.context.cookies() == cookies_before == [] and foreign == []
    assert "token" not in page.url + frame.url


def test_who_asks_is_known_and_logs_hold_neither_question_nor_token(stage, page):
    sent: list[str] = []
    page.on(
        "request",
        lambda request: sent.append(request.headers.get("authorization", "")) if "/page/turn" in request.url else None,
    )
    page.goto(f"{stage.service}/embed?q={QUESTION}#token={token(5)}")
    expect(page.locator("blockquote.yw-lead")).to_be_visible()
    (bearer,) = sent
    assert jwt.decode(bearer.removeprefix("Bearer "), SECRET, ["HS256"], audience="yuanwen")["sub"] == "张三"
    assert "#" not in page.url
    logged = (stage.home / "yuanwen.log").read_text() + (stage.home / "server.log").read_text(errors="replace")
    assert "POST /kb/page/turn 200" in logged
    assert "eyJ" not in logged and "四同步" not in logged and "%E5%9B%9B" not in logged
    page.goto(f"{stage.service}/embed")
    ask(page.main_frame)
    expect(page.locator('[role="alert"]')).to_contain_text("请先登录")


def test_a_page_image_is_fetched_with_the_token(stage, page):
    page.goto(f"{stage.service}/embed?doc=一页.pdf&q=职工书屋周三几点开门#token={token(5)}")
    expect(page.locator("blockquote.yw-lead")).to_be_visible()
    page.locator('.yw-card button[value^="source?"]').first.click()
    image = page.locator("dialog#yw-source .yw-leaf img").first
    expect(image).to_have_js_property("complete", True)
    page.wait_for_function("() => document.querySelector('.yw-leaf img').naturalWidth > 100")
    shot(page, "embed-pdf")


def test_an_unlisted_portal_is_blocked(stage, page):
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(stage.stranger)
    page.wait_for_timeout(1500)
    assert not any(frame.url.startswith(stage.service) for frame in page.frames)
    assert any("frame-ancestors" in text for text in said)
    for origin, allowed in ((stage.portal, True), (stage.stranger, False)):
        page.goto(origin)
        called = page.evaluate(
            """([url, token]) => fetch(url, {method: "POST", body: JSON.stringify({question: "四同步四衔接"}),
              headers: {"Content-Type": "application/json", Authorization: "Bearer " + token}})
              .then((reply) => reply.status, () => "blocked")""",
            [f"{stage.service}/api/v1/ask", token(5)],
        )
        assert called == (200 if allowed else "blocked")


def test_an_expired_token_is_told_and_renewed(stage, page):
    given: list[str] = [token(-1), token(-1)]
    page.route("**/portal/token", lambda route: route.fulfill(body=given.pop(0) if given else token(5)))
    page.goto(stage.portal)
    frame = frame_of(page, stage)
    ask(frame)
    expect(frame.locator('[role="alert"]')).to_contain_text("登录已过期")
    assert frame.input_value("#yw-question textarea") == QUESTION  # nothing typed is lost
    shot(page, "portal-expired")
    frame.press("#yw-question textarea", "Enter")  # the stale token again: renewed without a word
    expect(frame.locator("blockquote.yw-lead")).to_be_visible()


def test_a_token_that_did_not_come_at_first_is_asked_for_again(stage, page):
    tried: list[str] = []

    def answer(route):
        tried.append(route.request.url)
        route.abort() if len(tried) == 1 else route.fulfill(body=token(5))

    page.route("**/portal/token", answer)
    page.goto(stage.portal)
    frame = frame_of(page, stage)
    ask(frame)
    expect(frame.locator("blockquote.yw-lead")).to_be_visible()
    assert len(tried) == 2


STYLES = """() => JSON.stringify([...document.querySelectorAll("html, head, body, body *")]
  .filter((e) => e.tagName !== "YUANWEN-EMBED" && e.tagName !== "SCRIPT")
  .map((e) => [e.tagName, e.id, e.getBoundingClientRect().toJSON(),
    ...[...getComputedStyle(e)].map((n) => getComputedStyle(e).getPropertyValue(n))]))"""
NAMES = "() => [Object.keys(window).length, document.styleSheets.length, document.adoptedStyleSheets.length, document.cookie, localStorage.length].join()"


@pytest.mark.parametrize("mode", ["float", "inline"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_stands_on_a_hostile_page_and_changes_nothing_there(stage, page, mode, width):
    page.set_viewport_size({"width": width, "height": 800})
    body = f"<!doctype html><meta charset=utf-8><style>{HOSTILE}</style><body><h1>门户</h1><p>第一段</p><p>第二段</p><footer>页脚</footer>"
    page.goto(f"{stage.portal}/portal/none")
    page.set_content(body)
    before = page.evaluate(STYLES), page.evaluate(NAMES)
    page.evaluate(
        """([src, mode]) => new Promise((done, fail) => { const made = document.createElement("script"); made.src = src;
          made.dataset.mode = mode; made.dataset.tokenUrl = "/portal/token"; made.dataset.height = "500px"; made.dataset.theme = "light";
          made.onload = done; made.onerror = () => fail(new Error("embed.js")); (mode === "inline" ? document.body : document.head).append(made); })""",
        [f"{stage.service}/embed.js", mode],
    )  # fmt: skip
    after = page.evaluate(STYLES), page.evaluate(NAMES)
    if mode == "float":
        assert after == before  # nothing moved, nothing changed its look, no name was left behind
        shot(page, f"hostile-closed-{width}")
        button = page.locator("yuanwen-embed button")
        look = button.evaluate(
            "e => { const s = getComputedStyle(e); return [s.fontSize, s.textTransform, s.display, s.opacity, s.color] }"
        )
        assert look == ["16px", "none", "block", "1", "rgb(255, 255, 255)"]
        button.click()
    else:
        assert after[1] == before[1]
        looks = [
            [one[3:] for one in json.loads(found[0]) if one[0] not in {"HTML", "BODY"}] for found in (before, after)
        ]
        assert looks[0] == looks[1]  # the page has grown by the frame; nothing else in it looks otherwise
    frame = frame_of(page, stage)
    box = page.locator("yuanwen-embed iframe").bounding_box()
    assert box["height"] > 450 and box["width"] > 300
    ask(frame)
    expect(frame.locator("blockquote.yw-lead")).to_be_visible()
    assert frame.locator("blockquote.yw-lead").evaluate("e => getComputedStyle(e).fontSize") == "15px"
    shot(page, f"hostile-{mode}-{width}")
    if mode == "float":
        frame.press("#yw-question textarea", "Escape")
        expect(page.locator("yuanwen-embed iframe")).to_be_hidden()
        assert page.evaluate(STYLES) == before[0]


def test_dark_and_narrow(stage, browser):
    context = browser.new_context(viewport={"width": 390, "height": 800}, color_scheme="dark", ignore_https_errors=True)
    page = context.new_page()
    page.goto(f"{stage.service}/embed?doc=001*&q={QUESTION}#token={token(5)}")
    expect(page.locator("blockquote.yw-lead")).to_be_visible()
    expect(page.locator("#yw-where")).to_contain_text("001*")
    shot(page, "embed-dark-390")
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    page.goto(f"{stage.service}/embed?__theme=light#token={token(5)}")
    assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(246, 243, 238)"
    context.close()


def test_the_whole_page_works_under_the_prefix(stage, browser):
    context = browser.new_context(
        ignore_https_errors=True, locale="zh-CN", extra_http_headers={"Authorization": f"Bearer {token(5)}"}
    )  # fmt: skip
    page = context.new_page()
    failed: list[str] = []
    page.on("response", lambda reply: failed.append(f"{reply.status} {reply.url}") if reply.status >= 400 else None)
    page.goto(f"{stage.service}/")
    page.wait_for_selector(".yw-chip", timeout=60_000)
    page.fill("#yw-question textarea", QUESTION)
    page.press("#yw-question textarea", "Enter")
    expect(page.locator("#yw-chat .yw-lead")).to_contain_text("四同步")
    page.locator('.yw-card button[value^="source?"]').first.click()
    expect(page.locator("dialog#yw-source mark").first).to_be_visible()
    assert page.locator('a[href="page/admin"]').count() == 0  # a reader is not offered what they may not do
    assert failed == []
    context.close()
