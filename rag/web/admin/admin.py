"""What an administrator reads: documents, state of the index, calibration, and what the collection could not answer."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import PurePosixPath

from rag.access import audit
from rag.access.identity import Role
from rag.datamodels import FACTS, Document
from rag.errors import YuanwenError
from rag.web.front.inert import inert, percent
from rag.web.front.reading import Reading
from rag.web.front.state import Startup
from rag.web.page.render import LANGUAGE, document_facts
from rag.web.rest import feedback
from rag.web.rest.feedback import Feedback

ALIKE = 0.4  # share of character pairs in common from which two questions count as one gap
GAPS = ("missing", "not_useful", "wrong_excerpt")
AUDIT_SHOWN = 200
_VIA = {
    "local": "本机",
    "open": "未登录",
    "password": "密码",
    "proxy": "代理",
    "token": "门户",
    "key": "密钥",
    "command": "命令行",
}
_OUTCOMES = {"ok": "成功", "wrong": "密码不对", "forbidden": "被拒", "too-many-requests": "次数太多，被拒"}
_ACTS = {
    "upload": "上传", "remove": "移除", "describe": "改著录", "login": "登录", "logout": "退出", "refused": "越权被拒", "index": "建索引", "add": "添加文档",
    "users add": "添加用户", "users remove": "移除用户", "users password": "改密码", "keys add": "新建密钥",
    "keys revoke": "吊销密钥", "evaluation": "评测", "evaluation set": "上传题集", "evaluation set removed": "移除题集",
    "evaluation removed": "删除评测", "evaluation gate": "设定把关", "evaluation question": "收入题目",
    "words": "改词表",
}  # fmt: skip
_VALIDITIES = "".join(f'<option value="{word}">' for word in ("现行", "废止", "失效", "已被修改", "尚未生效"))
_WORDS = {"missing": "没找到", "not_useful": "没用", "wrong_excerpt": "摘错了", "useful": "有用"}


def admin_view(mine: Reading, startup: Startup) -> str:
    """The administration page's body."""
    return (
        f'<main class="yw-admin">{nav(mine)}<h1>文档管理</h1>{_state(mine, startup)}'
        '<section><h2>添加或替换文档</h2><form id="yw-upload">'
        '<label class="yw-field">选择文件（可多选；同名的会被替换）'
        '<input type="file" name="file" multiple required></label>'
        '<label class="yw-field">放进文件夹（可不填；文件夹决定谁能查，如 通知/2024年）'
        f'<input name="folder" maxlength="200" list="yw-folders" autocomplete="off"></label>{_folders(mine)}'
        '<button type="submit" class="yw-act yw-main-act">上传并编入索引</button> '
        '<button type="button" class="yw-act" id="yw-stop" hidden>停止</button></form>'
        '<progress id="yw-progress" max="100" hidden aria-label="上传进度"></progress>'
        '<div id="yw-report" role="status" aria-live="polite"></div></section>'
        f"{_documents(mine)}</main>"
    )


def nav(mine: Reading) -> str:
    """The links between the pages of administration, as far as they may open them."""
    own = '<a href="words">同义词与词条</a><a href="evaluation">评测</a><a href="questions">核对题目</a><a href="audit">审计记录</a>'
    more = own if mine.identity.role is Role.ADMINISTRATOR else ""
    return (
        '<nav class="yw-nav" aria-label="页面"><a href="../">← 回到提问</a><a href="admin">文档管理</a>'
        f'<a href="gaps">知识缺口</a>{more}{LANGUAGE}</nav>'
    )


def _state(mine: Reading, startup: Startup) -> str:
    if not startup.ready:
        return f'<p class="yw-problem">{inert(startup.step)}</p>'
    generation, calibration = mine.service.catalog.generation, mine.service.calibration()
    facts = (
        ("文档", f"{len(mine.titles())} 篇"),
        ("段落", f"{len(mine.passages())} 段"),
        ("索引代次", str(generation)),
        ("无关问题被误答", f"{calibration.false_answer:.1%}"),
        ("有据问题被误拒", f"{calibration.false_refusal:.1%}"),
    )
    rows = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    return f'<section><h2>索引状况</h2><dl class="yw-facts">{rows}</dl></section>'


def _folders(mine: Reading) -> str:
    """The folders that there are, to choose from."""
    seen = [doc_id for doc_id in mine.service.catalog.sources() if mine.sees(doc_id)]
    folders = {str(parent) for doc_id in seen for parent in PurePosixPath(doc_id).parents}
    options = "".join(f'<option value="{inert(one)}">' for one in sorted(folders) if "." not in one)
    return f'<datalist id="yw-folders">{options}</datalist>'


def _documents(mine: Reading) -> str:
    rows = "".join(
        f'<tr><td><a href="source?d={percent(record.document.doc_id)}">{inert(record.document.title)}</a>'
        f'<div class="yw-path">{inert(record.document.doc_id)}</div>{_facts(record.document)}</td>'
        f"<td>{record.report.characters}</td>"
        f"<td>{record.report.passages}</td><td>{record.report.coverage:.0%}</td>"
        f"<td>{inert('；'.join(record.report.warnings))}</td>"
        f'<td><button type="button" class="yw-act" value="remove?d={percent(record.document.doc_id)}" '
        f'title="移除 {inert(record.document.title)}">移除</button></td></tr>'
        for record in mine.documents()
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in ("文档", "字数", "段落", "覆盖", "注意", "操作"))
    return (
        f'<datalist id="yw-validities">{_VALIDITIES}</datalist>'
        '<section><h2>已有文档</h2><div class="yw-scroll" tabindex="0" role="region" aria-label="文档列表">'
        f'<table class="yw-table"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div></section>'
    )


def _facts(document: Document) -> str:
    """What the document is cited by, and a form to change it."""
    values = {"title": document.title} | {name: document.metadata.get(name, "") for name in FACTS}
    fields = "".join(
        f'<label class="yw-field">{name}<input name="{key}" value="{inert(values[key])}" maxlength="{limit}"{extra}></label>'
        for key, name, limit, extra in (
            ("title", "题名", 200, " required"), ("doc_number", "文号", 100, ""), ("issuer", "发文机关", 200, ""),
            ("date", "日期（如 2023-11-06）", 20, ""), ("validity", "效力", 20, ' list="yw-validities"'),
        )
    )  # fmt: skip
    return (
        f'{document_facts(document.metadata)}<details class="yw-describe"><summary>改著录</summary>'
        f'<form class="yw-facts-form" name="{percent(document.doc_id)}">{fields}'
        '<button type="submit" class="yw-act">保存</button></form></details>'
    )


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


def _seen(mine: Reading, verdicts: Sequence[str]) -> list[Feedback]:
    """Feedback that quotes nothing but what they may see."""
    found = feedback.read(mine.service.settings.index, verdicts)
    return [one for one in found if all(mine.sees(span.doc) for span in one.spans)]


def gaps_view(mine: Reading) -> str:
    """The knowledge-gap page's body: what users missed or disliked, alike questions together."""
    groups = grouped(_seen(mine, GAPS))
    items = "".join(
        f"<li><strong>{inert(members[0].question)}</strong>（{len(members)} 次）{_made(mine, members[0].question)}<ul>"
        + "".join(
            f'<li><span class="yw-path">{inert(one.at[:10])} {_WORDS[one.verdict]} · 索引代次 {one.generation}</span> '
            f'{inert(one.question)} <a href="../?q={percent(one.question)}">再问一次</a></li>'
            for one in members
        )
        + "</ul></li>"
        for members in groups
    )
    listed = f'<ol class="yw-gaps">{items}</ol>' if items else '<div class="yw-empty">还没有记录。</div>'
    return (
        f'<main class="yw-admin">{nav(mine)}<h1>知识缺口</h1><p>用户标记为没找到、没用或摘错了的问题，相近的并在一起。'
        f'标记为“有用”的回答可<a href="gold.jsonl" download>导出为测试题</a>，供 yuanwen eval 使用。</p>{listed}</main>'
    )


def _made(mine: Reading, question: str) -> str:
    """The link that makes a test question of a gap, for those who look after evaluation."""
    if mine.identity.role is not Role.ADMINISTRATOR:
        return ""
    return f' <a href="questions?q={percent(question)}">做成测试题</a>'


def gold_lines(mine: Reading) -> str:
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


def audit_view(mine: Reading) -> str:
    """The audit page's body: the newest acts first."""
    acts = audit.read(mine.service.settings.index, AUDIT_SHOWN)
    rows = "".join(
        f"<tr><td>{inert(act.at)}</td><td>{inert(act.who)}</td><td>{inert(_VIA.get(act.via, act.via))}</td>"
        f"<td>{inert(_ACTS.get(act.action, act.action))}</td><td>{inert(act.target)}</td><td>{inert(_OUTCOMES.get(act.outcome, act.outcome))}</td>"
        f"<td>{inert(act.address)}</td></tr>"
        for act in reversed(acts)
    )
    names = ("时间（UTC）", "谁", "身份来自", "做了什么", "对象", "结果", "地址")
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    listed = f'<table class="yw-table"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
    return (
        f'<main class="yw-admin">{nav(mine)}<h1>审计记录</h1><p>最近 {len(acts)} 条；全部见命令 yuanwen audit。</p>'
        f'<div class="yw-scroll" tabindex="0" role="region" aria-label="审计记录">{listed}</div></main>'
    )
