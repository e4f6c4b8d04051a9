"""What an administrator reads: documents, state of the index, calibration, and what the collection could not answer."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from markupsafe import Markup

from rag.access import audit
from rag.access.identity import Role
from rag.datamodels import FACTS
from rag.errors import YuanwenError
from rag.index.catalog import Record
from rag.web.front.language import Language, message, say
from rag.web.front.rendering import render
from rag.web.front.state import Startup
from rag.web.front.visible import Visible
from rag.web.page.render import FactShown, facts_shown
from rag.web.rest import feedback
from rag.web.rest.feedback import Feedback

ALIKE = 0.4  # share of character pairs in common from which two questions count as one gap
GAPS = ("missing", "not_useful", "wrong_excerpt")
AUDIT_SHOWN = 200
_VIA = {
    "local": message("本机"), "open": message("未登录"), "password": message("密码"), "proxy": message("代理"),
    "token": message("门户"), "key": message("密钥"), "command": message("命令行"),
}  # fmt: skip
_OUTCOMES = {
    "ok": message("成功"), "wrong": message("密码不对"), "forbidden": message("被拒"),
    "too-many-requests": message("次数太多，被拒"),
}  # fmt: skip
_ACTS = {
    "upload": message("上传"), "remove": message("移除"), "describe": message("改著录"), "login": message("登录"),
    "logout": message("退出"), "refused": message("越权被拒"), "index": message("建索引"), "add": message("添加文档"),
    "users add": message("添加用户"), "users remove": message("移除用户"), "users password": message("改密码"),
    "keys add": message("新建密钥"), "keys revoke": message("吊销密钥"), "evaluation": message("评测"),
    "evaluation set": message("上传题集"), "evaluation set removed": message("移除题集"),
    "evaluation removed": message("删除评测"), "evaluation gate": message("设定把关"),
    "evaluation question": message("收入题目"), "words": message("改词表"),
}  # fmt: skip
_VALIDITIES = ("现行", "废止", "失效", "已被修改", "尚未生效")  # as documents write it
_VERDICTS = {
    "missing": message("没找到"), "not_useful": message("没用"), "wrong_excerpt": message("摘错了"), "useful": message("有用"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document of the list. metadata: every fact of FACTS, "" where it is not known."""

    doc_id: str
    title: str
    facts: list[FactShown]
    metadata: Mapping[str, str]
    characters: int
    passages: int
    kept: int
    removed: int
    warnings: str


@dataclass(frozen=True, slots=True)
class GapRow:
    """A verdict on an answer, as the page shows it."""

    question: str
    day: str
    verdict: str
    generation: int


def admin_page(mine: Visible, startup: Startup) -> Markup:
    """The administration page."""
    return render(
        "admin/documents.html", mine.language, base="", administrator=administers(mine),
        problem="" if startup.ready else startup.said(mine.language), state=_state(mine) if startup.ready else [],
        folders=_folders(mine), validities=_VALIDITIES, rows=[_row(record, mine.language) for record in mine.documents()],
    )  # fmt: skip


def administers(mine: Visible) -> bool:
    """Whether they may open all pages of administration."""
    return mine.identity.role is Role.ADMINISTRATOR


def _state(mine: Visible) -> list[tuple[str, str]]:
    language, found = mine.language, mine.service.measured()
    pending = say(language, "正在测量")
    rates = (
        (pending, pending)
        if found is None
        else (
            f"{found.false_answer:.1%}",
            say(
                language,
                "{rate}（{n} 题，95% 把握不超过 {bound}）",
                rate=f"{found.false_refusal:.1%}",
                n=found.own,
                bound=f"{found.refusal_bound:.1%}",
            ),
        )
    )
    return [
        (say(language, "文档"), say(language, "{n} 篇", n=len(mine.titles()))),
        (say(language, "段落"), say(language, "{n} 段", n=len(mine.passages()))),
        (say(language, "索引代次"), str(mine.service.catalog.generation)),
        (say(language, "无关问题被误答"), rates[0]),
        (say(language, "有据问题被误拒"), rates[1]),
    ]


def _folders(mine: Visible) -> list[str]:
    """The folders that there are, to choose from."""
    seen = [doc_id for doc_id in mine.service.catalog.sources() if mine.sees(doc_id)]
    folders = {str(parent) for doc_id in seen for parent in PurePosixPath(doc_id).parents}
    return [one for one in sorted(folders) if "." not in one]


def _row(record: Record, language: Language) -> DocumentRow:
    document, report = record.document, record.report
    return DocumentRow(
        document.doc_id, document.title, facts_shown(document.metadata, language),
        {name: document.metadata.get(name, "") for name in FACTS},
        report.characters, report.passages, report.kept, sum(report.removals.values()), "；".join(report.warnings),
    )  # fmt: skip


def pairs(text: str) -> frozenset[str]:
    """Neighbouring letters of a text, for comparing questions."""
    kept = [char for char in text if char.isalnum()]
    return frozenset(a + b for a, b in itertools.pairwise(kept)) or frozenset(kept)


def grouped(found: Sequence[Feedback]) -> list[list[Feedback]]:
    """Feedback on questions that are alike, the largest group first."""
    groups: list[tuple[frozenset[str], list[Feedback]]] = []
    for one in found:
        own = pairs(one.question)
        for key, members in groups:
            if len(own & key) >= ALIKE * max(1, len(own | key)):
                members.append(one)
                break
        else:
            groups.append((own, [one]))
    return sorted((members for _, members in groups), key=len, reverse=True)


def _seen(mine: Visible, verdicts: Sequence[str]) -> list[Feedback]:
    """Feedback that quotes nothing but what they may see."""
    found = feedback.read(mine.service.settings.index, verdicts)
    return [one for one in found if all(mine.sees(span.doc) for span in one.spans)]


def gaps_page(mine: Visible) -> Markup:
    """The knowledge-gap page: what users missed or disliked, alike questions together."""
    groups = [
        [
            GapRow(one.question, one.at[:10], say(mine.language, _VERDICTS[one.verdict]), one.generation)
            for one in members
        ]
        for members in grouped(_seen(mine, GAPS))
    ]
    return render("admin/gaps.html", mine.language, base="", administrator=administers(mine), groups=groups)


def gold_lines(mine: Visible) -> str:
    """Useful answers as a gold set, one JSON object a line; what has changed since is left out."""
    lines = []
    for one in _seen(mine, ("useful",)):
        evidence = []
        for span in one.spans[:1]:
            try:
                evidence.append({"doc": span.doc, "quote": mine.text(span.doc, span.start, span.end)})
            except YuanwenError:
                continue
        if evidence:
            row = {"id": f"f{one.number:04d}", "question": one.question, "answerable": True, "evidence": evidence}
            lines.append(json.dumps(row, ensure_ascii=False))
    return "".join(f"{line}\n" for line in lines)


def audit_page(mine: Visible) -> Markup:
    """The audit page: the newest acts first."""
    language = mine.language
    trail = audit.read(mine.service.settings.index, AUDIT_SHOWN)
    acts = [
        (
            act.at, act.who, say(language, _VIA.get(act.via, act.via)), say(language, _ACTS.get(act.action, act.action)),
            act.target, say(language, _OUTCOMES.get(act.outcome, act.outcome)), act.address,
        )
        for act in reversed(trail.acts)
    ]  # fmt: skip
    bad = "、".join(map(str, trail.bad_lines))
    return render("admin/audit.html", language, base="", administrator=administers(mine), acts=acts, bad=bad)
