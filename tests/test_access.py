"""Who is asking, decided without any web: users, keys, tokens, proxies and collections."""

from __future__ import annotations

import datetime
import json
import os
import stat
from pathlib import Path

import jwt
import pytest
from typer.testing import CliRunner

from rag.access import audit
from rag.access.decide import Access, Shown, check_start
from rag.access.identity import Collections, Identity, Role
from rag.access.store import folder
from rag.cli import app
from rag.config import Settings
from rag.errors import AccessError, ForbiddenError, ServerError, UsageError

SECRET = "a-secret-of-the-portal-that-is-long-enough"
PASSWORD = "这是一句不短的密码"


@pytest.fixture
def home(tmp_path):
    (tmp_path / "portal.secret").write_text(SECRET)
    return tmp_path


def access(home, mode: str, **more) -> Access:
    return Access(Settings(index=home / "index", access=mode, token_secret_file=home / "portal.secret", **more))


def token(minutes: float = 5, secret: str = SECRET, algorithm: str = "HS256", **claims) -> str:
    now = datetime.datetime.now(datetime.UTC)
    whole = {"sub": "张三", "aud": "yuanwen", "iat": now, "exp": now + datetime.timedelta(minutes=minutes)} | claims
    return jwt.encode({k: v for k, v in whole.items() if v is not None}, secret, algorithm)


def test_loopback_is_open_and_only_to_this_machine(home):
    local = access(home, "loopback").identify(Shown("127.0.0.1"))
    assert local.role is Role.ADMINISTRATOR
    assert access(home, "loopback").identify(Shown("::1", forwarded=True)) == local
    with pytest.raises(ForbiddenError):
        access(home, "loopback").identify(Shown("10.0.0.7", forwarded=True, trusted=True))


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1:7860", True), ("localhost:7860", True), ("[::1]:7860", True), ("kb", True), ("", True), ("evil.example", False),
     ("evil.example:7860", False), ("127.0.0.1.evil.example", False), ("10.0.0.7:7860", False)],
)  # fmt: skip
def test_another_sites_name_that_points_here_opens_nothing(home, host, local):
    gate = access(home, "loopback")
    for forwarded in (False, True):
        shown = Shown("127.0.0.1", forwarded=forwarded, host=host)
        if local:
            assert gate.identify(shown)
        else:
            with pytest.raises(ForbiddenError):
                gate.identify(shown)


def test_a_password_opens_a_session_that_ends_with_it(home):
    gate = access(home, "users")
    gate.users.add("李四", PASSWORD, Role.EDITOR, frozenset({"人事处"}))
    assert gate.log_in("李四", "错的密码错的") is None and gate.log_in("没有这人", PASSWORD) is None
    user, cookie = gate.log_in("李四", PASSWORD)
    found = gate.identify(Shown("10.0.0.7", cookie=cookie))
    assert found == Identity("李四", Role.EDITOR, frozenset({"人事处"}), "password") == user.identity
    assert gate.identify(Shown("10.0.0.7")) is None
    assert gate.identify(Shown("10.0.0.7", cookie=cookie[:-2])) is None
    gate.users.log_out("李四")
    assert gate.identify(Shown("10.0.0.7", cookie=cookie)) is None
    _, cookie = gate.log_in("李四", PASSWORD)
    gate.users.set_password("李四", PASSWORD + "二")
    assert gate.identify(Shown("10.0.0.7", cookie=cookie)) is None
    _, cookie = gate.log_in("李四", PASSWORD + "二")
    access(home, "users").users.remove("李四")  # by another process
    assert gate.identify(Shown("10.0.0.7", cookie=cookie)) is None


def test_a_session_is_no_token_and_a_token_no_session(home):
    gate = access(home, "users")
    gate.users.add("李四", PASSWORD, Role.READER, frozenset())
    _, cookie = gate.log_in("李四", PASSWORD)
    with pytest.raises(AccessError):
        gate.identify(Shown("", bearer=cookie))
    assert gate.identify(Shown("", cookie=token(sub="李四"))) is None


def test_a_portal_token_names_a_person(home):
    gate = access(home, "token", editors=("@编辑组",), administrators=("王五",))
    assert gate.identify(Shown("10.0.0.7", bearer=token())) == Identity("张三", Role.READER, frozenset(), "token")
    assert gate.identify(Shown("", bearer=token(groups=["编辑组"]))).role is Role.EDITOR
    assert gate.identify(Shown("", bearer=token(sub="王五"))).role is Role.ADMINISTRATOR
    assert gate.identify(Shown("", bearer=token(role="administrator"))).role is Role.READER  # roles are decided here
    assert gate.identify(Shown("10.0.0.7")) is None


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (lambda: token(-1), "token-expired"),
        (lambda: token(60), "token-invalid"),  # lives too long
        (lambda: token(exp=None), "token-invalid"),
        (lambda: token(iat=None), "token-invalid"),
        (lambda: token(aud="other"), "token-invalid"),
        (lambda: token(sub=""), "token-invalid"),
        (lambda: token(sub="张\n三"), "token-invalid"),
        (lambda: token(groups="人事处"), "token-invalid"),
        (lambda: token(secret=SECRET + "x"), "token-invalid"),
        (lambda: token(algorithm="HS512"), "token-invalid"),
        (lambda: token()[:-3], "token-invalid"),
        (lambda: jwt.encode({"sub": "张三", "aud": "yuanwen"}, None, "none"), "token-invalid"),
        (lambda: "abc", "token-invalid"),
        (lambda: "yw_00000000_x", "key-invalid"),
        (lambda: "yw_", "key-invalid"),
    ],
)
def test_forged_and_stale_proofs(home, made, code):
    with pytest.raises(AccessError) as caught:
        access(home, "open").identify(Shown("127.0.0.1", bearer=made()))
    assert caught.value.code == code


def test_a_proxys_header_counts_only_from_the_proxy(home):
    gate = access(home, "proxy", administrators=("@局领导",))
    sent = tuple(value.encode().decode("latin-1") for value in ("赵六", "局领导, 人事处"))
    found = gate.identify(Shown("10.1.1.1", True, True, user=sent[:1], groups=sent[1:]))
    assert found == Identity("赵六", Role.ADMINISTRATOR, frozenset({"局领导", "人事处"}), "proxy")
    with pytest.raises(ForbiddenError):
        gate.identify(Shown("10.1.1.1", user=sent[:1]))
    for user in (("a", "b"), ("\xff",), ("",)):
        with pytest.raises(AccessError):
            gate.identify(Shown("10.1.1.1", True, True, user=user))
    assert gate.identify(Shown("10.1.1.1", True, True)) is None


def test_keys_are_shown_once_and_end(home, monkeypatch):
    gate = access(home, "token")
    key, words = gate.keys.add("考勤系统", Role.EDITOR, frozenset({"人事处"}), 30)
    assert gate.identify(Shown("", bearer=words)) == Identity("考勤系统", Role.EDITOR, frozenset({"人事处"}), "key")
    kept = (home / "index" / "access" / "keys.json").read_text()
    assert words.split("_", 2)[2] not in kept
    with pytest.raises(AccessError):
        gate.identify(Shown("", bearer=words + "x"))
    later = datetime.date.today() + datetime.timedelta(days=40)
    with monkeypatch.context() as patch:
        patch.setattr("rag.access.keys._today", lambda: later)
        with pytest.raises(AccessError, match="到期"):
            gate.identify(Shown("", bearer=words))
    gate.keys.revoke(key.number)
    with pytest.raises(AccessError):
        gate.identify(Shown("", bearer=words))


def test_what_is_kept_is_closed_to_others(home):
    gate = access(home, "users")
    gate.users.add("李四", PASSWORD, Role.READER, frozenset())
    audit.note(home / "index", "李四", "password", "login")
    assert stat.S_IMODE(os.stat(home / "index" / "access").st_mode) == 0o700
    for name in ("users.json", "secret", "audit.jsonl"):
        assert stat.S_IMODE(os.stat(home / "index" / "access" / name).st_mode) == 0o600
    assert PASSWORD not in (home / "index" / "access" / "users.json").read_text()
    assert "$argon2id$" in (home / "index" / "access" / "users.json").read_text()


def names(home: Path, last: int | None = None) -> tuple[list[str], tuple[int, ...]]:
    """Who the audit log names, and its bad lines."""
    trail = audit.read(home / "index", last)
    return [act.who for act in trail.acts], trail.bad_lines


def test_a_torn_line_of_the_audit_log_is_skipped_and_named(home, tmp_path):
    """The disk was full in the middle of a line, and of a character."""
    audit.note(home / "index", "张三", "password", "login", target="附件\u2028一.txt")
    path = home / "index" / "access" / "audit.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: whole.index("张".encode()) + 1])
    audit.note(home / "index", "李四", "password", "login")
    with path.open("ab") as file:
        file.write(b'{"at": 1}\n[]\n\n\xff\xfe\n' + b"[" * 200_000 + b"\n")
    audit.note(home / "index", "王五", "password", "login")
    assert names(home) == (["张三", "李四", "王五"], (2, 4, 5, 7, 8))
    assert names(home, 1) == (["王五"], ()) and names(home, 2) == (["李四", "王五"], (4, 5, 7, 8))
    done = CliRunner().invoke(app, ["audit", "--json", "--index", str(home / "index")])
    assert [json.loads(line)["who"] for line in done.stdout.strip().split("\n")] == ["张三", "李四", "王五"]
    assert "第 2、4、5、7、8 行" in done.stderr and done.exit_code == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_takes_no_audit_line_and_stops_nobody(home, caplog):
    (folder(home / "index") / "audit.jsonl").symlink_to("/dev/full")
    audit.note(home / "index", "李四", "password", "login", outcome="wrong")
    assert "审计记录写不进去" in caplog.text and "wrong" in caplog.text


def test_an_audit_log_that_cannot_be_opened_stops_nobody(home, caplog):
    (folder(home / "index") / "audit.jsonl").mkdir()
    audit.note(home / "index", "李四", "password", "login")
    assert "login" in caplog.text


def test_a_damaged_users_file_is_one_sentence(home):
    (folder(home / "index") / "users.json").write_text("[1")
    with pytest.raises(ServerError, match="备份"):
        access(home, "users").users.all()


def test_collections_by_group():
    rules = Collections({"公开/*": ["*"], "人事/*": ["人事处"], "*": []})
    hr = rules.allowed(Identity("a", Role.EDITOR, frozenset({"人事处"}), "key"))
    other = rules.allowed(Identity("b", Role.READER, frozenset({"财务处"}), "key"))
    assert hr("人事/甲.txt") and hr("公开/乙.txt") and not hr("别处/丙.txt")
    assert not other("人事/甲.txt") and other("公开/乙.txt") and not other("人事/公开/乙.txt")
    assert rules.allowed(Identity("c", Role.ADMINISTRATOR, frozenset(), "local")) is None
    assert Collections({}).allowed(Identity("b", Role.READER, frozenset(), "key")) is None
    assert Collections({"人事/*": ["人事处"]}).allowed(Identity("b", Role.READER, frozenset(), "key"))("别处/丙.txt")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"host": "0.0.0.0"}, "YUANWEN_ACCESS"),
        ({"access": "users"}, "yuanwen users add"),
        ({"access": "token"}, "TOKEN_SECRET_FILE"),
        ({"access": "token", "token_secret_file": "none"}, "读不了"),
        ({"access": "proxy", "trusted_proxies": ()}, "TRUSTED_PROXIES"),
        ({"access": "proxy", "trusted_proxies": ("portal",)}, "portal"),
    ],
)
def test_it_refuses_to_start(tmp_path, given, said):
    with pytest.raises(ServerError, match=said):
        check_start(Settings(index=tmp_path / "index", **given))


def test_a_short_secret_is_refused(tmp_path):
    (tmp_path / "s").write_text("short")
    with pytest.raises(ServerError, match="太短"):
        check_start(Settings(index=tmp_path / "index", access="token", token_secret_file=tmp_path / "s"))


def test_the_commands(tmp_path):
    def run(*words: str, typed: str = "") -> str:
        done = CliRunner().invoke(
            app, [*words, "--index", str(tmp_path / "index")], input=typed, catch_exceptions=False
        )
        assert done.exit_code == 0, done.output
        return done.stdout

    run("users", "add", "李四", "--role", "editor", "--group", "人事处", "--password-stdin", typed=PASSWORD + "\n")
    assert json.loads(run("users", "list", "--json")) == [{"name": "李四", "role": "editor", "groups": ["人事处"]}]
    run("users", "password", "李四", "--password-stdin", typed="另外一句不短的密码\n")
    words = run("keys", "add", "考勤系统").strip()
    (key,) = json.loads(run("keys", "list", "--json"))
    assert words.startswith(f"yw_{key['number']}_") and "sha256" not in key
    run("keys", "revoke", key["number"])
    run("users", "remove", "李四")
    said = run("audit", "--json")
    acts = [json.loads(line)["action"] for line in said.splitlines()]
    assert acts == ["users add", "users password", "keys add", "keys revoke", "users remove"]
    assert PASSWORD not in said and words not in said
    assert "李四" in run("audit")
    with pytest.raises(UsageError):
        run("users", "add", "李四", "--role", "king", "--password-stdin", typed=PASSWORD + "\n")
    with pytest.raises(UsageError, match="密码"):
        run("users", "add", "李四", "--password-stdin", typed="短\n")
