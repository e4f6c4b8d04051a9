"""The settings: one frozen record, read from `YUANWEN_*` variables and `yuanwen.toml`, each with a help line."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from rag.errors import UsageError


def _split(value: object) -> object:
    """A comma-separated text as its parts; anything else as it is."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


def _origins(listed: tuple[str, ...]) -> tuple[str, ...]:
    for one in listed:
        if not re.fullmatch(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?|https?://\[[0-9A-Fa-f:]+\](?::\d{1,5})?", one):
            raise ValueError(f"{one} 不是来源地址，应如 https://portal.example:8443，不带路径")
    return listed


Portals = Annotated[Words, AfterValidator(_origins)]
ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Everything an administrator can set. Environment variables win over `yuanwen.toml`."""

    model_config = SettingsConfigDict(env_prefix="YUANWEN_", frozen=True, extra="forbid")

    model: str = Field(
        str(ROOT / "embeddings" / "base"), description="嵌入模型：sentence-transformers 文件夹路径或名称"
    )
    query_prompt: str | None = Field(None, description="问题前缀；缺省用模型自带的 query 提示")
    passage_prompt: str | None = Field(None, description="段落前缀；缺省用模型自带的 document 提示")
    corpus: Path = Field(ROOT / "seeds", description="缺省语料文件夹")
    index: Path = Field(ROOT / "embeddings" / "index", description="索引文件夹")
    host: str = Field("127.0.0.1", description="监听地址")
    port: int = Field(7860, ge=1, le=65535, description="监听端口")
    access: Literal["loopback", "users", "proxy", "token", "open"] = Field(
        "loopback",
        description="loopback：只许监听本机，不登录；users：用户名与密码；proxy：由受信任的反向代理登录；token：只凭门户令牌；"
        "open：明确放开，任何能连上的人都可查询和管理",
    )
    trusted_proxies: Words = Field(
        ("127.0.0.1", "::1"),
        description="受信任的反向代理：地址或网段，逗号分隔；只信它们的 X-Forwarded-* 与身份请求头",
    )
    proxy_user_header: str = Field("X-Forwarded-User", description="proxy 方式下写有用户名的请求头")
    proxy_groups_header: str = Field("X-Forwarded-Groups", description="proxy 方式下写有用户组的请求头，逗号分隔")
    editors: Words = Field((), description="proxy 与令牌用户中的编辑：用户名，或 @用户组，逗号分隔")
    administrators: Words = Field((), description="proxy 与令牌用户中的管理员：用户名，或 @用户组，逗号分隔")
    token_secret_file: Path | None = Field(None, description="与门户共用的令牌密钥文件（至少 32 字节）；设了才接受令牌")
    token_minutes: int = Field(15, ge=1, le=120, description="门户令牌的有效期上限（分钟）")
    session_hours: int = Field(12, ge=1, le=168, description="users 方式登录一次管多久（小时）")
    collections: dict[str, list[str]] = Field(
        {}, description="哪些用户组能查哪些文档：通配符 → 用户组列表（* 为所有人），先匹配者为准，都不匹配的人人可查"
    )
    portals: Portals = Field(
        (),
        description="哪些门户可以嵌入本服务、从浏览器调用接口：来源地址，如 https://portal.example，逗号分隔；缺省都不可以",
    )
    rate_limit: str = Field(
        "300/minute",
        pattern=r"^[1-9]\d*/(second|minute|hour|day)$",
        description="每人的请求频率上限，如 300/minute；本机模式不限",
    )
    queue_max: int = Field(64, ge=1, description="同时处理的提问、检索与查看请求的总数上限，超过即答“正忙”")
    queue_max_each: int = Field(8, ge=1, description="其中每人的上限；本机模式不限")
    mcp: bool = Field(
        False, description="是否在 /mcp 开放 MCP（模型上下文协议）：只有提问与检索，身份、范围、频率与接口相同"
    )
    top_k: int = Field(5, ge=1, le=50, description="每次回答给出的摘录条数")
    passage_size: int = Field(250, ge=50, le=600, description="段落的目标长度（字）")
    lexical_weight: float = Field(0.25, ge=0, le=1, description="融合时字词检索的权重，其余归语义检索")
    candidates: int = Field(200, ge=10, le=5000, description="每一路检索取多少候选段落")
    rerank_candidates: int = Field(20, ge=0, le=100, description="取前多少段与问题一起再读一遍重排；0 为不重排")
    reader: str = Field(
        str(ROOT / "embeddings" / "reader"),
        description="阅读模型的文件夹：与问题同读前几段，判断能否回答、答在哪一句；空为不用，仍用重排与不读的拒答信号",
    )
    reader_candidates: int = Field(10, ge=0, le=50, description="取前多少段给阅读模型读；0 为不读")
    rerank_people: int = Field(
        3, ge=1,
        description="同时有这么多人提问时仍照常重排；再多，就由大家平分这么多人的段数，每题分到不足 3 段就不重排。命令行与评测不受此限",
    )  # fmt: skip
    latency_budget_ms: float = Field(
        0.0,
        ge=0,
        description="一次提问的时间预算（毫秒），从收到时算起，排队在内：重排只用余下的时间，不够就少读或不读；0 为不限",
    )
    question_max: int = Field(2000, ge=10, description="问题的最大长度（字）")
    file_max_mb: int = Field(200, ge=1, le=2000, description="读入的单个文件最大多少 MB，上传也以此为限")
    unpacked_max_mb: int = Field(500, ge=1, le=20_000, description="压缩包（连同套着的）解开后最大多少 MB")
    unpacked_ratio_max: int = Field(200, ge=2, le=100_000, description="压缩包解开后最多是原来的多少倍")
    pages_max: int = Field(20_000, ge=1, le=1_000_000, description="一个 PDF 或 OFD 最多多少页")
    ocr: bool = Field(True, description="没有文字的扫描页是否做文字识别")
    ocr_pages_max: int = Field(500, ge=0, le=1_000_000, description="一个文件最多识别多少页")
    read_seconds_max: int = Field(600, ge=1, le=86_400, description="读一个文件最多多少秒")
    batch_size: int = Field(32, ge=1, le=512, description="编码批大小")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="日志的详细程度：info 为每个请求一行；debug 连页面的静态文件与探测也记；warning 只记异常"
    )
    log_questions: bool = Field(False, description="日志中是否记录问题原文")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then yuanwen.toml or the file that YUANWEN_CONFIG names."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, _config_file())


# What a question is answered with over the same index may hang on these; a new setting is put into one of the two lists.
ANSWER_SETTINGS = frozenset({
    "model", "query_prompt", "passage_prompt", "top_k", "passage_size", "lexical_weight", "candidates",
    "rerank_candidates", "reader", "reader_candidates", "latency_budget_ms", "question_max",
})  # fmt: skip
# These say where things are, who may do what, how files are read (the index then holds other documents), how fast and
# how much at a time, and what is logged.
OTHER_SETTINGS = frozenset({
    "corpus", "index", "host", "port", "access", "trusted_proxies", "proxy_user_header", "proxy_groups_header", "editors",
    "administrators", "token_secret_file", "token_minutes", "session_hours", "collections", "portals", "rate_limit",
    "queue_max", "queue_max_each", "mcp", "rerank_people", "file_max_mb", "unpacked_max_mb", "unpacked_ratio_max",
    "pages_max", "ocr", "ocr_pages_max", "read_seconds_max", "batch_size", "log_level", "log_questions",
})  # fmt: skip


def _config_file() -> Path:
    named = os.environ.get("YUANWEN_CONFIG")
    if named and not Path(named).is_file():
        raise UsageError(f"YUANWEN_CONFIG 指的文件 {named} 不存在或读不了。/ No such settings file.")
    return Path(named or "yuanwen.toml")


def load_settings(**overrides: object) -> Settings:
    """Read the settings; a wrong value is a UsageError that names it."""
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise UsageError(
            f"设置 {name} 不对：{first['msg']}（给的是 {first.get('input')!r}）。/ Bad setting {name}."
        ) from error
    except ValueError as error:  # tomllib.TOMLDecodeError
        raise UsageError(f"yuanwen.toml 读不懂：{error}。/ yuanwen.toml is not valid TOML.") from error
