"""What a search is narrowed to, as people choose and read it: documents, folders, dates, validity."""

from __future__ import annotations

import fnmatch
import glob
from collections.abc import Mapping, Sequence

from rag.errors import UsageError
from rag.search.filtering import IN_FORCE, REPEALED, Filter
from rag.web.front.language import CHINESE, Language, message, say

SCOPE_MAX = 2000  # documents offered by name; folders and wildcards reach the rest
VALIDITIES = ((message("不限"), ""), (message("现行"), IN_FORCE), (message("已废止、失效"), REPEALED))


def scopes(titles: Mapping[str, str], language: Language = CHINESE) -> list[tuple[str, str]]:
    """What a search can be narrowed to, as (label, glob): folders first, then documents."""
    folders = sorted({"/".join(doc.split("/")[:depth]) for doc in titles for depth in range(1, doc.count("/") + 1)})
    named = [(say(language, "文件夹：{name}", name=folder), f"{glob.escape(folder)}/*") for folder in folders]
    return [*named, *((f"{title}（{doc}）", glob.escape(doc)) for doc, title in list(titles.items())[:SCOPE_MAX])]


def resolve(scope: Sequence[str], titles: Mapping[str, str]) -> tuple[str, ...]:
    """The globs that a choice of documents means; words typed by hand are looked for in titles and names.

    Raises UsageError when they are in none.
    """
    found: list[str] = []
    for one in scope:
        if any(fnmatch.fnmatchcase(doc, one) for doc in titles):
            found.append(one)
            continue
        named = [glob.escape(doc) for doc, title in titles.items() if one.strip() and (one in title or one in doc)]
        if not named:
            raise UsageError(f"查找范围“{one[:60]}”里没有文档，请从列表中选择，或清空查找范围。/ No such document.")
        found += named
    return tuple(found)


def described(scope: Sequence[str], only: Filter, language: Language = CHINESE) -> str:
    """The narrowing in words that come before `N 篇文档`; empty where all is searched."""
    parts = [say(language, "所选范围内")] if scope else []
    if only.since and only.until:
        parts.append(say(language, "日期在 {since} 至 {until} 的", since=only.since, until=only.until))
    elif only.since:
        parts.append(say(language, "{since} 及以后的", since=only.since))
    elif only.until:
        parts.append(say(language, "{until} 及以前的", until=only.until))
    if only.validity:
        parts.append(say(language, "现行的") if only.validity == IN_FORCE else say(language, "已废止、失效的"))
    return say(language, "、").join(parts)
