"""What the evaluation pages show: what is running, test sets, history, the gate, and questions to accept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rag.evaluation.desk import desk
from rag.evaluation.desk.drafting import Draft
from rag.evaluation.desk.gate import ALLOWED
from rag.evaluation.desk.history import BETTER, WORSE, Entry, history
from rag.evaluation.sets.beir import has_corpus
from rag.web.admin.admin import nav
from rag.web.admin.jobs import Jobs
from rag.web.front.inert import inert, percent
from rag.web.front.reading import Reading

FILES = (
    ("questions.xlsx", "Excel"), ("questions.csv", "CSV"), ("figures.json", "JSON"), ("run.trec", "TREC"),
)  # fmt: skip
OWN_SET = "核对过的题.jsonl"
_SHOWN = {
    "hit@1": "hit@1", "hit@5": "hit@5", "MRR": "MRR", "false_refusal": "误拒", "false_answer": "误答", "nDCG@10": "nDCG@10",
}  # fmt: skip
_SCRIPT = '<script src="evaluation.js" defer></script>'


def evaluation_view(mine: Reading, jobs: Jobs) -> str:
    """The evaluation page's body."""
    index = mine.service.settings.index
    names, runs = desk.sets(index), history(index)
    return (
        f'<main class="yw-admin">{nav(mine)}<h1>评测</h1>'
        "<p>用一套题检验回答得好不好。评测走的就是读者提问的那条路：同一个索引、同一个模型、同一条拒答界线。</p>"
        f'<div id="yw-eval-now">{progress_view(jobs)}</div>{_run_form(names)}{_sets(index, names)}'
        f"{_history(runs, jobs)}{_compare(runs)}{_gate(index, names)}{_SCRIPT}</main>"
    )


def progress_view(jobs: Jobs) -> str:
    """What is under way, as a fragment; empty when nothing is."""
    state = jobs.state()
    if not state.run:
        return ""
    share = f'value="{state.done}" max="{state.total}"' if state.total else ""
    count = f"{state.done} / {state.total}" if state.total else "……"
    said = "正在停止…" if state.stopping else f"正在评测：{state.step} {count}"
    stop = "" if state.stopping else _form("evaluation/stop", '<button type="submit" class="yw-act">停止</button>')
    return (
        f'<section class="yw-running"><h2>正在进行</h2><p role="status">{inert(said)}</p>'
        f'<progress {share} aria-label="评测进度"></progress>{stop}'
        "<p>停止后已回答的题都留着，在“历次评测”里点“接着做”即可继续。</p></section>"
    )


def _form(action: str, inside: str, *, confirm: str = "", label: str = "") -> str:
    asked = f' data-confirm="{inert(confirm)}"' if confirm else ""
    named = f' aria-label="{inert(label)}"' if label else ""
    return f'<form class="yw-send" action="{action}" method="post"{asked}{named}>{inside}<div class="yw-said" role="status"></div></form>'


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{inert(value)}">'


def _options(names: Iterable[str], chosen: str = "") -> str:
    return "".join(
        f'<option value="{inert(name)}"{" selected" if name == chosen else ""}>{inert(name)}</option>' for name in names
    )


def _run_form(names: Sequence[str]) -> str:
    if not names:
        return ""
    return "<section><h2>开始评测</h2>" + _form(
        "evaluation/runs",
        f'<label class="yw-field">题集<select name="test_set">{_options(names)}</select></label>'
        '<button type="submit" class="yw-act yw-main-act">开始评测</button>',
    ) + "</section>"  # fmt: skip


def _sets(index: Path, names: Sequence[str]) -> str:
    rows = "".join(
        f"<tr><td>{inert(name)}</td><td>{_kind(desk.set_path(index, name))}</td><td>"
        + _form(
            "evaluation/sets/remove",
            _hidden("test_set", name)
            + f'<button type="submit" class="yw-act" title="移除 {inert(name)}">移除</button>',
            confirm=f"移除题集“{name}”？历次评测的报告仍然留着。",
        )
        + "</td></tr>"
        for name in names
    )
    table = (
        '<div class="yw-scroll" tabindex="0" role="region" aria-label="题集"><table class="yw-table yw-sets"><thead><tr>'
        '<th scope="col">题集</th><th scope="col">种类</th><th scope="col">操作</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )
    upload = _form(
        "evaluation/sets",
        '<label class="yw-field">上传题集：填好的 Excel（.xlsx）、题库（.jsonl），或打成 .zip 的 BEIR 文件夹；同名的会被替换'
        '<input type="file" name="file" accept=".xlsx,.jsonl,.zip" required></label>'
        '<button type="submit" class="yw-act yw-main-act">上传</button>',
    )
    return (
        "<section><h2>题集</h2>"
        '<p class="yw-links"><a href="evaluation/template.xlsx" download>下载空白模板</a>'
        '<a href="evaluation/drafts.xlsx" download>下载起草的题目（Excel，填过问题和原文，供核对）</a>'
        '<a href="questions">逐题核对起草的题目</a></p>'
        f"{table if names else ''}{upload}</section>"
    )


def _kind(path: Path) -> str:
    if path.is_dir():
        return "BEIR（自带语料）" if has_corpus(path) else "TREC 题目与判定"
    return "Excel" if path.suffix.lower() == ".xlsx" else "题库"


def _history(runs: Sequence[Entry], jobs: Jobs) -> str:
    if not runs:
        return ""
    return (
        "<section><h2>历次评测</h2><p>“与上一次”是同一套题上一次的评测：p 小于 0.05 才说变好或变差，否则差别可能只是碰巧。</p>"
        f'<ol class="yw-runs">{"".join(_run(own, jobs) for own in runs)}</ol></section>'
    )


def _run(own: Entry, jobs: Jobs) -> str:
    when = f'<time datetime="{inert(own.note.at)}">{inert(own.note.at[:16].replace("T", " "))} UTC</time>'
    label = f'<p class="yw-path">{inert(own.note.label)}</p>' if own.note.label else ""
    index = f" · 第 {own.generation} 代索引，{own.documents} 篇文档" if own.done else ""
    head = f'<h3>{inert(own.note.test_set)}</h3><p class="yw-path">{when}{index}</p>{label}'
    remove = _form(
        f"evaluation/runs/{own.folder}/remove", f'<button type="submit" class="yw-act" title="删除 {own.folder}">删除</button>',
        confirm="删除这次评测和它的报告？",
    )  # fmt: skip
    if own.done:
        links = "".join(f'<a href="evaluation/runs/{own.folder}/{file}" download>{name}</a>' for file, name in FILES)
        report = f'<a href="evaluation/runs/{own.folder}/report.html" target="_blank" rel="noopener">看报告</a>'
        return f'<li>{head}{_figures(own)}{_against(own)}<div class="yw-acts">{report}{links}{remove}</div></li>'
    if jobs.state().run == own.folder:
        return f"<li>{head}<p>正在进行</p></li>"
    why = inert(jobs.failure(own.folder) or "没有做完，已答的题都留着。")
    again = _form(f"evaluation/runs/{own.folder}/continue", '<button type="submit" class="yw-act">接着做</button>')
    return f'<li>{head}<p class="yw-problem">{why}</p><div class="yw-acts">{again}{remove}</div></li>'


def _figures(own: Entry) -> str:
    shown = (
        ("题", str(own.questions)),
        *((name, _figure(own, key)) for key, name in _SHOWN.items() if key in own.figures),
    )
    facts = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in shown)
    bad = f'<p class="yw-problem">另有 {own.bad_rows} 行不能用，没有计入，见报告。</p>' if own.bad_rows else ""
    return f'<dl class="yw-facts">{facts}</dl>{bad}'


def _figure(own: Entry, name: str) -> str:
    value = own.figures[name]
    return f"{value:.1%}" if name.startswith(("hit", "false")) else f"{value:.3f}"


def _against(own: Entry) -> str:
    if own.change is None:
        return ""
    style = {BETTER: "yw-better", WORSE: "yw-worse"}.get(own.verdict, "yw-even")
    change = own.change
    differs = f" 其间：{inert('；'.join(own.differs))}。" if own.differs else ""
    return (
        f'<p>{"与当时在用的索引" if own.note.label else "与上一次"}：<strong class="{style}">{own.verdict}</strong> <span class="yw-path">{change.measure} '
        f"{change.difference:+.3f}，共同的 {change.questions} 题 {change.wins} 胜 {change.ties} 平 {change.losses} 负，p = {change.p:.3f}。{differs}</span></p>"
    )


def _compare(runs: Sequence[Entry]) -> str:
    done = [own for own in runs if own.done]
    if len(done) < 2:
        return ""
    options = [
        f'<option value="{own.folder}">{inert(own.note.at[:16].replace("T", " "))} {inert(own.note.test_set)} '
        f"（第 {own.generation} 代）</option>"
        for own in done
    ]
    return (
        '<section><h2>比较任意两次</h2><form action="evaluation/compare" method="get" target="_blank">'
        f'<label class="yw-field">本次<select name="ours">{"".join(options)}</select></label>'
        f'<label class="yw-field">基线<select name="baseline">{"".join(options[1:] + options[:1])}</select></label>'
        '<button type="submit" class="yw-act yw-main-act">比较</button></form></section>'
    )


def _gate(index: Path, names: Sequence[str]) -> str:
    usable = [name for name in names if desk.set_path(index, name).is_file()]
    if not usable:
        return ""
    gate = desk.read_gate(index)
    none = "" if gate else " selected"
    allowed = gate.allowed if gate else ALLOWED
    return (
        "<section><h2>发布前把关</h2><p>设了把关，上传或重建的文档先编入一份副本，用这套题比较新旧索引："
        "hit@5 下降超过容许的数，就不发布，现有索引一字不动。移除文档不受把关，立即生效。</p>"
        + _form(
            "evaluation/gate",
            f'<label class="yw-field">用哪套题把关<select name="test_set"><option value=""{none}>不把关</option>'
            f"{_options(usable, gate.test_set if gate else '')}</select></label>"
            '<label class="yw-field">容许 hit@5 下降（百分点）<input type="number" name="points" min="0" max="100" step="0.1" '
            f'value="{100 * allowed:g}" required></label><button type="submit" class="yw-act">保存</button>',
        )
        + "</section>"
    )


def questions_view(mine: Reading, drafts: Sequence[Draft], after: int) -> str:
    """The body of the page on which drafted questions are accepted or corrected. after: where the next begin, or 0."""
    names = [name for name in desk.sets(mine.service.settings.index) if name.endswith(".jsonl")]
    sets = _options(dict.fromkeys([OWN_SET, *names]))
    cards = "".join(_card(number, draft, sets) for number, draft in enumerate(drafts))
    again = f'<p><a href="questions?n={after}">下一批</a></p>' if after else ""
    empty = '<div class="yw-empty">没有可起草的题了。</div>'
    return (
        f'<main class="yw-admin">{nav(mine)}<h1>核对题目</h1><p>题目由文件里的定义句、列举句、标题和读者反馈起草，'
        "不用模型编写。请改成人会问的话，核对原文，再收入题集；不合适的略过。</p>"
        f"{cards or empty}{again}{_SCRIPT}</main>"
    )


def _card(number: int, draft: Draft, sets: str) -> str:
    source = (
        f'<a href="source?d={percent(draft.doc_id)}" target="_blank" rel="noopener">看原文件</a>'
        if draft.doc_id
        else ""
    )
    inside = (
        f'<p class="yw-path">{inert(draft.origin)} {source}</p>'
        f'<label class="yw-field">问题<input name="question" value="{inert(draft.question)}" required maxlength="2000"></label>'
        '<label class="yw-field">资料里有没有答案<select name="answerable"><option value="yes">有，就是下面的原文</option>'
        '<option value="no">没有，应当拒答</option></select></label>'
        f'<label class="yw-field">期望原文（几处都要时，每处一行）<textarea name="quotes" rows="3">{inert(draft.quote)}</textarea></label>'
        '<div class="yw-pair"><label class="yw-field">期望文档（只有一份含这句时可以不填）'
        f'<input name="document" value="{inert(draft.doc_id)}"></label>'
        f'<label class="yw-field">收入哪个题集<select name="test_set">{sets}</select></label></div>'
        '<button type="submit" class="yw-act yw-main-act">收入题集</button> '
        f'<button type="button" class="yw-act" value="skip?n={number}">略过</button>'
    )
    return f'<section class="yw-draft" id="yw-draft-{number}">{_form("evaluation/questions", inside, label=f"第 {number + 1} 题")}</section>'
