"""Every error as RFC 9457 problem details: `type` is stable and made from the error's code."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from rag.errors import BusyError, YuanwenError

log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
TYPE = "urn:yuanwen:problem:"
_HTTP = {
    400: ("bad-request", "请求读不懂。/ The request cannot be read."),
    401: ("unauthorized", "请先登录。/ Please log in."),
    403: ("forbidden", "不允许这样访问。/ Not allowed."),
    404: ("not-found", "没有这个地址。/ No such address."),
    405: ("method-not-allowed", "这个地址不支持该方法。/ Method not allowed."),
    413: ("too-large", "内容太大。/ The body is too large."),
    415: ("media-type", "内容类型不对。/ Unsupported content type."),
    429: ("busy", "请求太多，稍后再试。/ Too many requests."),
}
_TITLES = {
    "validation": "请求内容不对",
    "json-invalid": "请求不是 JSON",
    "question-blank": "问题是空白的",
    "question-too-long": "问题太长",
    "question-invalid": "问题不对",
    "not-found": "没有找到",
    "method-not-allowed": "方法不对",
    "too-large": "内容太大",
    "forbidden": "不允许",
    "unauthorized": "没有登录",
    "token-expired": "登录已过期",
    "token-invalid": "令牌不对",
    "key-invalid": "密钥不对",
    "key-expired": "密钥已到期",
    "untrusted-proxy": "不允许",
    "loopback-only": "不允许",
    "collection-forbidden": "不允许",
    "busy": "正忙",
    "too-many-requests": "请求太频繁",
    "corpus-unreadable": "文件读不了",
    "load-failed": "文件读不了",
    "index-unusable": "索引用不了",
    "index-empty": "索引是空的",
    "index-mismatch": "索引与配置不一致",
    "model-unavailable": "模型用不了",
    "stopping": "服务正在停止",
    "disk-full": "磁盘满了",
    "disk-failed": "磁盘出错",
    "index-read-only": "索引只许读",
    "index-cannot-open": "索引打不开",
    "usage": "用法不对",
}
CAUSES = {
    status: {"description": _HTTP.get(status, ("", "处理不了"))[1]}
    for status in (400, 401, 403, 404, 405, 413, 422, 429, 503)
}


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    request_id: str = "",
    errors: Sequence[Mapping[str, object]] = (),
    headers: Mapping[str, str] | None = None,
    stage: str = "",
) -> JSONResponse:
    """The response for an error. detail: one sentence for people. stage: code of what the service is doing instead."""
    body: dict[str, object] = {
        "type": TYPE + code, "title": _TITLES.get(code, "处理不了"), "status": status, "detail": detail, "code": code,
    }  # fmt: skip
    if request_id:
        body["instance"] = f"urn:yuanwen:request:{request_id}"
    if errors:
        body["errors"] = list(errors)
    if stage:
        body["stage"] = stage
    return JSONResponse(body, status, dict(headers or {}), media_type=MEDIA_TYPE)


def of_error(error: YuanwenError, name: str) -> JSONResponse:
    """The response for one of our errors. name: the request's id."""
    headers = {}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    elif isinstance(error, BusyError):
        headers["Retry-After"] = str(error.retry_after)
    elif error.status == 503:
        headers["Retry-After"] = "5"
    return problem(error.status, error.code, _speakable(str(error)), request_id=name, headers=headers)


def internal(name: str) -> JSONResponse:
    """The response for a bug: the traceback goes to the log, never to the client. name: the request's id."""
    return problem(500, "internal", "服务内部出错，请把请求编号告诉管理员。/ Internal error.", request_id=name)


def install(app: FastAPI) -> None:
    """Make the app answer every error with problem details."""
    app.add_exception_handler(YuanwenError, _on_yuanwen)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_bug)


def request_id(request: Request) -> str:
    """The id that the security layer gave the request."""
    return request.scope.get("state", {}).get("request_id", "")


async def _on_yuanwen(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, YuanwenError)
    return of_error(error, request_id(request))


async def _on_validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        return problem(400, "json-invalid", "请求体不是合法的 JSON。/ Malformed JSON.", request_id=request_id(request))
    # "input" is left out: it repeats what was sent, which may be huge or hold a question
    errors = [{"loc": [_speakable(str(part)) for part in item["loc"]], "msg": item["msg"]} for item in found]
    where = "、".join(".".join(map(str, item["loc"][1:])) or "请求体" for item in errors[:3])
    detail = f"请求内容不对：{where}。/ {errors[0]['msg']}"
    return problem(422, "validation", detail, request_id=request_id(request), errors=errors)


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code, text = _HTTP.get(error.status_code, ("http", "处理不了。/ The request failed."))
    return problem(error.status_code, code, text, request_id=request_id(request), headers=error.headers)


async def _on_bug(request: Request, error: Exception) -> JSONResponse:
    return internal(request_id(request))


def _speakable(text: str) -> str:
    """Without lone surrogates, which no response can carry."""
    return text.encode("utf-8", "replace").decode("utf-8")
