"""The users mode in a browser's terms: login page, cookie, throttle, logout; and limits, audit and spoofed headers."""

from __future__ import annotations

import json
import threading

import pytest
from fastapi.testclient import TestClient

from rag.access import audit
from rag.access.identity import Role
from rag.access.keys import Keys
from rag.access.store import folder
from rag.access.users import Users
from rag.config import Settings
from rag.service import Service
from rag.web.front.state import Startup
from rag.web.server import build_app
from tests.conftest import SEEDS, ToyEmbedder
from tests.web.test_api import ASK, check_problem

PASSWORD = "这是一句不短的密码"
PAGE = {"accept": "text/html", "sec-fetch-mode": "navigate"}


@pytest.fixture
def open_site(tmp_path):
    """A function from settings to a client of a site with the user 李四; the address may be chosen."""
    closing = []

    def opened(address: str = "10.0.0.9", base: str = "http://kb", **more) -> TestClient:
        settings = Settings(index=tmp_path / "index", **more)
        service = Service(settings, ToyEmbedder())
        service.ingest([SEEDS])
        users = Users(folder(settings.index))
        if not users.all():
            users.add("李四", PASSWORD, Role.EDITOR, frozenset())
        startup = Startup()
        startup.warm_up(service)
        client = TestClient(
            build_app(service, startup), raise_server_exceptions=False, client=(address, 1), follow_redirects=False,
            base_url=base,
        )  # fmt: skip
        closing.append(client)
        client.__enter__()
        return client

    yield opened
    for client in closing:
        client.__exit__()


def enter(client: TestClient, name: str = "李四", password: str = PASSWORD, **more):
    return client.post("/page/login", data={"name": name, "password": password} | more)


def test_in_and_out(open_site, tmp_path):
    client = open_site(access="users")
    away = client.get("/?q=四同步", headers=PAGE)
    assert away.status_code == 303
    form = client.get(away.headers["location"])
    assert 'name="password"' in form.text and "no-store" in form.headers["cache-control"]
    check_problem(client.post(ASK, json={"question": "四同步"}), 401, "unauthorized")
    done = enter(client, next="?q=四同步")
    assert done.status_code == 303 and done.headers["location"].startswith("/?q=")
    cookie = done.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Secure" not in cookie and PASSWORD not in cookie
    assert client.post(ASK, json={"question": "四同步四衔接"}).status_code == 200
    assert client.get("/page/admin").status_code == 200
    check_problem(client.get("/page/audit"), 403)
    kept = client.cookies["yuanwen_session"]
    assert client.post("/page/logout").status_code == 303
    client.cookies.set("yuanwen_session", kept)
    check_problem(client.post(ASK, json={"question": "四同步"}), 401)
    acts = [(act.who, act.action, act.outcome) for act in audit.read(tmp_path / "index").acts]
    assert acts == [("李四", "login", "ok"), ("李四", "refused", "forbidden"), ("李四", "logout", "ok")]


def test_the_cookie_is_secure_under_tls_and_stays_under_its_path(open_site):
    under = {"x-forwarded-proto": "https", "x-forwarded-prefix": "/kb", "x-forwarded-for": "10.1.2.3"}
    client = open_site(access="users", address="127.0.0.1")
    client.headers.update(under)
    done = enter(client)
    assert "Secure" in done.headers["set-cookie"] and "Path=/kb" in done.headers["set-cookie"]
    assert done.headers["location"] == "/kb/"


@pytest.mark.parametrize(
    "after", ["//evil.example", "https://evil.example", "/\\evil", "page/../x", "?q=1\r\nX: y", "javascript:1"]
)
@pytest.mark.slow
def test_the_login_leads_nowhere_else(open_site, after):
    assert enter(open_site(access="users"), next=after).headers["location"] == "/"


def test_wrong_passwords_are_slowed(open_site):
    client = open_site(access="users")
    for _ in range(5):
        reply = enter(client, password="不对不对不对不对")
        assert reply.status_code == 401 and "不对" in reply.text and "set-cookie" not in reply.headers
    reply = enter(client)
    assert reply.status_code == 429 and int(reply.headers["retry-after"]) > 0
    assert enter(client, name="旁人").status_code == 401  # others are not locked out


def test_a_login_is_not_taken_from_another_site(open_site):
    client = open_site(access="users")
    reply = client.post(
        "/page/login", data={"name": "李四", "password": PASSWORD}, headers={"sec-fetch-site": "cross-site"}
    )
    check_problem(reply, 403)


def test_spoofed_headers(open_site):
    client = open_site(access="proxy")
    check_problem(
        client.post(ASK, json={"question": "好"}, headers={"x-forwarded-user": "admin"}), 403, "untrusted-proxy"
    )
    check_problem(client.post(ASK, json={"question": "好"}), 401)
    spoofed = {"x-forwarded-host": "evil.example", "x-forwarded-prefix": "/evil", "x-forwarded-proto": "https"}
    page = open_site(access="open").get("/", headers=spoofed)
    assert page.status_code == 200 and "evil" not in page.text
    trusted = open_site(access="proxy", address="127.0.0.1", administrators=("admin",))
    assert trusted.get("/page/audit", headers={"x-forwarded-user": "admin"}).status_code == 200
    assert trusted.get("/page/audit", headers={"x-forwarded-user": "other"}).status_code == 403
    inner = open_site(access="loopback", address="127.0.0.1")
    check_problem(inner.get("/page/admin", headers={"x-forwarded-for": "10.9.9.9"}), 403, "loopback-only")
    assert inner.get("/page/admin", headers={"x-forwarded-for": "127.0.0.1"}).status_code == 200


def test_requests_are_limited_by_person(open_site, tmp_path):
    client = open_site(access="token", token_secret_file=_secret(tmp_path), rate_limit="5/minute")
    keys = Keys(folder(tmp_path / "index"))
    one, two = ({"Authorization": f"Bearer {keys.add(n, Role.READER, frozenset(), 1)[1]}"} for n in ("甲", "乙"))
    for _ in range(5):
        assert client.post(ASK, json={"question": "四同步"}, headers=one).status_code == 200
    reply = client.post(ASK, json={"question": "四同步"}, headers=one)
    check_problem(reply, 429, "too-many-requests")
    assert 0 < int(reply.headers["retry-after"]) <= 60
    assert client.post(ASK, json={"question": "四同步"}, headers=two).status_code == 200
    assert client.get("/healthz").status_code == 200


@pytest.mark.slow
def test_logins_at_once_do_not_take_the_service(open_site):
    client = open_site(access="users")
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda n=n: statuses.append(enter(client, name=f"某{n}").status_code))
        for n in range(60)
    ]
    for thread in threads:
        thread.start()
    assert client.get("/healthz").status_code == 200
    for thread in threads:
        thread.join()
    assert set(statuses) <= {401, 429} and statuses.count(429) > 20


def test_nobody_fills_the_queue_of_the_page(open_site, tmp_path):
    client = open_site(access="token", token_secret_file=_secret(tmp_path))
    keys = Keys(folder(tmp_path / "index"))
    one, two = ({"Authorization": f"Bearer {keys.add(n, Role.READER, frozenset(), 1)[1]}"} for n in ("甲", "乙"))
    body = {"data": [], "fn_index": 999, "session_hash": "s"}
    statuses = [client.post("/gradio_api/queue/join", json=body, headers=one).status_code for _ in range(12)]
    assert statuses[-1] == 429
    assert client.post("/gradio_api/queue/join", json=body, headers=two).status_code != 429


@pytest.mark.slow
def test_a_thousand_uploads_at_once(open_site):
    """Each is taken or told to come back; none fails, and what was refused is not kept."""
    client = open_site(access="loopback", address="127.0.0.1")
    statuses: dict[int, int] = {}

    def send(number: int) -> None:
        files = {"file": (f"报{number}.txt", f"第{number}号通报：内容很短，只有一句话。".encode())}
        statuses[number] = client.post("/api/v1/documents", files=files).status_code

    threads = [threading.Thread(target=send, args=(number,)) for number in range(1000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses.values()) <= {201, 429} and 201 in statuses.values()
    kept = {row["doc"] for row in client.get("/api/v1/documents").json()["documents"]}
    assert {f"报{n}.txt" for n, status in statuses.items() if status == 201} == {
        doc for doc in kept if doc.startswith("报")
    }
    many = [("file", (f"{n}.txt", b"x")) for n in range(1000)]
    check_problem(client.post("/api/v1/documents", files=many), 400)


def test_secrets_and_questions_stay_out_of_logs(open_site, tmp_path, caplog):
    client = open_site(access="users", token_secret_file=_secret(tmp_path))
    with caplog.at_level("DEBUG"):
        enter(client, password="打错了的密码呀呀")
        enter(client, next="?q=某人的秘密")
        client.post(ASK, json={"question": "某人的秘密"}, headers={"authorization": "Bearer yw_12345678_geheim"})
        client.post(ASK, json={"question": "某人的秘密"}, headers={"authorization": "Bearer geheim.geheim.geheim"})
    told = "\n".join(
        r.getMessage()
        for r in caplog.records
        if not r.name.startswith(("httpx", "jieba", "multipart", "python_multipart"))
    )
    told += (tmp_path / "index" / "access" / "audit.jsonl").read_text(encoding="utf-8")
    for secret in ("geheim", PASSWORD, "打错了的密码", "秘密", client.cookies["yuanwen_session"]):
        assert secret not in told
    assert json.loads(told.splitlines()[-1])["outcome"] == "ok"


def _secret(home):
    (home / "portal.secret").write_text("x" * 40)
    return home / "portal.secret"
