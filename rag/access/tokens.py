"""Signed tokens (JWT, HS256): a portal's, which carries a user's identity for minutes, and our own session's."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import jwt

from rag.errors import AccessError, ServerError

ALGORITHM = "HS256"
PORTAL, SESSION = "yuanwen", "yuanwen-session"  # who a token is meant for
SECRET_MIN = 32  # bytes
NAME_MAX, GROUPS_MAX = 200, 200
_LEEWAY = 5  # seconds that two clocks may differ


def read_secret(path: Path) -> str:
    """The secret shared with the portals. Raises ServerError when it is missing or too short."""
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ServerError(
            f"读不了令牌密钥文件 {path}（YUANWEN_TOKEN_SECRET_FILE）。/ Cannot read the secret."
        ) from error
    if len(secret.encode()) < SECRET_MIN:
        raise ServerError(
            f"令牌密钥太短：{path} 至少要 {SECRET_MIN} 字节，可用 openssl rand -hex 32 生成。/ The secret is too short."
        )
    return secret


def read_portal_token(token: str, secret: str, max_minutes: int) -> tuple[str, frozenset[str]]:
    """Name and groups that a portal vouches for. Raises AccessError: token-expired or token-invalid."""
    claims = _decoded(token, secret, PORTAL)
    if int(claims["exp"]) - int(claims["iat"]) > max_minutes * 60:
        raise _invalid(f"令牌的有效期太长，最多 {max_minutes} 分钟。/ The token lives too long.")
    name, groups = claims["sub"], claims.get("groups", [])
    if not isinstance(name, str) or not name.strip() or len(name) > NAME_MAX or not name.isprintable():
        raise _invalid("令牌里的 sub 不是可用的名字。/ Bad sub.")
    if not isinstance(groups, list) or len(groups) > GROUPS_MAX or not all(isinstance(one, str) for one in groups):
        raise _invalid("令牌里的 groups 应是文字的列表。/ Bad groups.")
    return name.strip(), frozenset(groups)


def make_session(name: str, stamp: str, secret: str, hours: int) -> str:
    """A session's token. stamp: of the user; another stamp ends the session."""
    now = datetime.datetime.now(datetime.UTC)
    claims = {"sub": name, "stamp": stamp, "aud": SESSION, "iat": now, "exp": now + datetime.timedelta(hours=hours)}
    return jwt.encode(claims, secret, ALGORITHM)


def read_session(token: str, secret: str) -> tuple[str, str]:
    """Name and stamp of a session. Raises AccessError."""
    claims = _decoded(token, secret, SESSION)
    return str(claims["sub"]), str(claims.get("stamp", ""))


def _decoded(token: str, secret: str, audience: str) -> dict[str, Any]:
    try:
        return jwt.decode(
            token, secret, algorithms=[ALGORITHM], audience=audience, leeway=_LEEWAY,
            options={"require": ["exp", "iat", "sub", "aud"]},
        )  # fmt: skip
    except jwt.ExpiredSignatureError as error:
        raise AccessError("登录已过期，请刷新页面后再试。/ The token has expired.", code="token-expired") from error
    except jwt.InvalidTokenError as error:
        raise _invalid("令牌不对，无法确认身份。/ The token is invalid.") from error


def _invalid(text: str) -> AccessError:
    return AccessError(text, code="token-invalid")
