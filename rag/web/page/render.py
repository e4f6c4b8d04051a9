"""Answers and documents to HTML that cannot do anything: every text is encoded, every address is percent-encoded.

All that is made here stands on one line, for a blank line would end an HTML block in Markdown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rag.datamodels import FACTS, Answer, Document, Excerpt, QueryTerms, Removal
from rag.index.catalog import Record
from rag.search.explaining import lacking_line, place_lines, terms_lines
from rag.search.filtering import in_force
from rag.text.spans import mend
from rag.web.front.inert import inert, percent
from rag.web.page.citing import reference

DIRECT, RELATED, ASIDE = "直接回答", "相关", "供参考"
_LEVEL_CLASS = {DIRECT: "direct", RELATED: "related", ASIDE: "aside"}
_SURE = 0.7  # confidence from which the best excerpt is called a direct answer
_NEAR, _FAR = 0.75, 0.4  # shares of the best score that still count as direct, and as related
LEAD_MAX = 260  # characters of evidence quoted in the chat
REASONS = {
    "page-break": "分页断行", "fragment-number": "残留编号", "markup": "网页标记", "running-head": "页眉页脚",
    "scraped-page": "网页杂项",
}  # fmt: skip
LANGUAGE = '<button type="button" class="yw-act" value="language" lang="en">English</button>'
FACT_NAMES = {"doc_number": "文号", "issuer": "发文机关", "date": "日期", "validity": "效力"}
_UNREAD = QueryTerms()
_VERDICTS = (("useful", "有用"), ("not_useful", "没用"), ("wrong_excerpt", "摘错了"), ("missing", "没找全"))
RecordOf = Callable[[str], Record]


@dataclass(frozen=True, slots=True)
class Turn:
    """A question of the session with its answer, or with the sentence that explains why there is none."""

    number: int
    question: str
    answer: Answer | None
    problem: str = ""
    near: tuple[str, ...] = ()
    searched: int = 0  # documents that were searched
    carried: str = ""  # the question before, when this one was taken together with it
    narrowed: str = ""  # how the search was narrowed, in words

    @property
    def asked(self) -> str:
        """The words that were searched for."""
        return f"{self.carried} {self.question.strip()}".strip()


def place(doc_id: str, start: int, end: int) -> str:
    """A span as an address that a script can read and a browser cannot follow anywhere."""
    return f"d={percent(doc_id)}&amp;s={start}&amp;e={end}"


def levels(answer: Answer) -> list[str]:
    """A word for each excerpt that a layman understands."""
    if not answer.excerpts:
        return []
    best = answer.excerpts[0].score
    found = []
    for excerpt in answer.excerpts:
        share = excerpt.score / best if best > 0 else float(excerpt.marker == 1)
        sure = answer.confidence >= _SURE
        found.append(DIRECT if sure and share >= _NEAR else RELATED if share >= _FAR else ASIDE)
    return found


# -- the chat ---------------------------------------------------------------------------------------------------------


def chat_question(turn: Turn) -> str:
    """The question as typed, and the one before when the two were taken together."""
    asked = f'<div class="yw-asked">{inert(turn.question)}</div>'
    if turn.narrowed:
        asked += f'<div class="yw-carried">只查{inert(turn.narrowed)} {turn.searched} 篇文档</div>'
    if not turn.carried:
        return asked
    alone = f'<button type="button" class="yw-act" value="plain?q={percent(turn.question)}">不结合上文</button>'
    return f'{asked}<div class="yw-carried">结合上文“{inert(turn.carried)}”{alone}</div>'


def chat_answer(turn: Turn, record_of: RecordOf) -> str:
    """What the chat says to a turn: the evidence itself with its markers, or an honest refusal."""
    if turn.problem:
        return f'<div class="yw-problem">{inert(turn.problem)}</div><div class="yw-feedback">{_retry(turn)}</div>'
    assert turn.answer is not None
    if not turn.answer.answerable:
        return _refusal(turn, turn.answer)
    first, *others = turn.answer.excerpts
    words = levels(turn.answer)
    opening = "文件里是这样写的：" if words[0] == DIRECT else "没有把握说是直接回答，最接近的原文是："
    lead = _lead(first, record_of(first.doc_id))
    parts = [
        f'<div class="yw-say">{opening}</div>',
        f'<blockquote class="yw-lead">{inert(lead)}{_cite(turn, first)}</blockquote>',
        f'<div class="yw-from">——《{inert(first.title)}》{_headings(first)}</div>',
    ]
    if others:
        items = "".join(
            f"<li>{_cite(turn, excerpt)} <span>《{inert(excerpt.title)}》{_headings(excerpt)}</span></li>"
            for excerpt in others
        )
        parts.append(f'<div class="yw-say">另外 {len(others)} 处可以参看：</div><ul class="yw-more">{items}</ul>')
    parts.append(_verdicts(turn, _VERDICTS))
    return "".join(parts)


def _verdicts(turn: Turn, verdicts: Sequence[tuple[str, str]]) -> str:
    about = f"t={turn.number}&amp;q={percent(turn.asked)}"
    buttons = "".join(
        f'<button type="button" class="yw-act" value="feedback?v={name}&amp;{about}">{label}</button>'
        for name, label in verdicts
    )
    return f'<div class="yw-feedback"><span>这次回答</span>{buttons}{_retry(turn)}</div>'


def _retry(turn: Turn) -> str:
    """A button that asks the same once more: documents, or the narrowing, may have changed."""
    return f'<button type="button" class="yw-act yw-retry" value="retry?q={percent(turn.question)}">重问</button>'


def _refusal(turn: Turn, answer: Answer) -> str:
    missing = lacking_line(answer)
    parts = [
        f'<div class="yw-refusal"><strong>没有找到能回答这个问题的原文。</strong>查找了{inert(turn.narrowed)} {turn.searched} 篇文档，'
        "其中没有足以作答的内容，所以不给出摘录。可以换个说法，或把问题问得更具体。</div>"
    ]
    if missing:
        parts.append(f'<div class="yw-say">{inert(missing)}</div>')
    if turn.near:
        chips = "".join(ask_button(question) for question in turn.near)
        parts.append(f'<div class="yw-say">这些文档里可以问的：</div><div class="yw-chips">{chips}</div>')
    parts.append(_verdicts(turn, (("missing", "文件里应该有"),)))
    return "".join(parts)


def ask_button(question: str) -> str:
    """A button that asks."""
    return f'<button type="button" class="yw-act yw-chip" value="ask">{inert(question)}</button>'


def _lead(excerpt: Excerpt, record: Record) -> str:
    """The sentences that answer, as they read; the beginning of the excerpt when none is marked."""
    cuts = _cuts(record.removals, excerpt.start, excerpt.end)
    spans = excerpt.highlights or ((excerpt.start, excerpt.end),)
    text = " ".join(mend(record.document.text, start, end, cuts).strip() for start, end in spans)
    return text if len(text) <= LEAD_MAX else f"{text[:LEAD_MAX]}…"


def _cite(turn: Turn, excerpt: Excerpt) -> str:
    return (
        f'<a class="yw-cite" href="#src-{turn.number}-{excerpt.marker}" title="查看第 {excerpt.marker} 条摘录">'
        f"&#91;{excerpt.marker}&#93;</a>"
    )


def _headings(excerpt: Excerpt) -> str:
    return "".join(f" › {inert(heading)}" for heading in excerpt.headings)


# -- the cards --------------------------------------------------------------------------------------------------------


def panel(turns: Sequence[Turn], record_of: RecordOf) -> str:
    """All turns' excerpts, the newest on top and open, older ones folded."""
    cited = [turn for turn in reversed(turns) if turn.answer is not None and turn.answer.excerpts]
    if not cited:
        return empty_panel()
    newest, *older = cited
    fresh = newest is turns[-1]
    parts = [_turn_cards(newest, record_of)] if fresh else []
    folded = older if fresh else cited
    if not fresh:
        parts.append('<div class="yw-empty"><p>最近这个问题没有摘录。</p></div>')
    if folded:
        parts.append('<h2 class="yw-older">先前的摘录</h2>')
        parts += [
            f'<details class="yw-old"><summary>{inert(turn.question)}（{len(turn.answer.excerpts)} 条）</summary>'
            f"{_turn_cards(turn, record_of, heading=False)}</details>"
            for turn in folded
        ]
    return "".join(parts)


def empty_panel() -> str:
    """What stands where the excerpts will be."""
    return (
        '<div class="yw-empty"><p class="yw-empty-title">原文摘录会出现在这里</p><ul>'
        "<li>每条摘录都逐字取自文件，标明标题、章节和位置；</li>"
        "<li>点对话中的 &#91;1&#93; 就能跳到对应摘录，点“查看原文”能看到前后文；</li>"
        "<li>文件里没有的，会直接说没有。</li></ul></div>"
    )


def _turn_cards(turn: Turn, record_of: RecordOf, heading: bool = True) -> str:
    assert turn.answer is not None
    words = levels(turn.answer)
    cards = "".join(
        card(turn.number, excerpt, word, record_of(excerpt.doc_id), turn.asked, turn.answer.terms)
        for excerpt, word in zip(turn.answer.excerpts, words, strict=True)
    )
    title = f'<h2 class="yw-turn">{inert(turn.question)}</h2>' if heading else ""
    return f'<section class="yw-cards" id="turn-{turn.number}">{title}{cards}</section>'


def card(turn: int, excerpt: Excerpt, word: str, record: Record, question: str = "", terms: QueryTerms = _UNREAD) -> str:
    """One numbered excerpt: where it stands, what it says, what can be done with it. terms: of the question."""
    where = place(excerpt.doc_id, excerpt.start, excerpt.end)
    asked = f"{where}&amp;q={percent(question)}"
    path = " › ".join(inert(heading) for heading in excerpt.headings)
    facts = [part for part in (path, inert(excerpt.page), f"第 {excerpt.start + 1}–{excerpt.end} 字") if part]
    why = "原文此处有断行或分页残留，显示时已接续；复制和引用仍是逐字原文"
    mended = f'<span class="yw-note" title="{why}">已接续断行</span>'
    cite = reference(record.document, excerpt.start, excerpt.end, excerpt.page)
    return (
        f'<details class="yw-card" id="src-{turn}-{excerpt.marker}" tabindex="-1" open><summary>'
        f'<span class="yw-num">{excerpt.marker}</span><span class="yw-title">{inert(excerpt.title)}</span>'
        f'<span class="yw-level yw-{_LEVEL_CLASS[word]}">{word}</span></summary>'
        f'<div class="yw-path">{" · ".join(facts)}{mended if excerpt.mended != excerpt.text else ""}</div>'
        f"{document_facts(excerpt.facts)}"
        f'<div class="yw-text">{_excerpt_text(excerpt, record)}</div>'
        f'<div class="yw-acts">{_action("source", where, "查看原文")}{_action("widen", where, "展开上下文")}'
        f"{_action('copy', where, '复制摘录')}"
        f"{_action('cite', where, '复制出处')}{_action('link', asked, '复制链接')}"
        f"{_action('keep', asked, '收入摘编')}</div>"
        f'<div class="yw-reference">{inert(cite)}</div>{_also(excerpt)}{_why(excerpt, terms, question)}</details>'
    )


def document_facts(facts: Mapping[str, str]) -> str:
    """What a document is cited by, as a line; that it is no longer in force stands out."""
    parts = []
    for name in FACTS:
        value = facts.get(name, "")
        if value:
            alarm = name == "validity" and not in_force(value)
            shown = inert(value)
            parts.append(f'<span class="yw-void">{shown}</span>' if alarm else f"{FACT_NAMES[name]} {shown}")
    return f'<div class="yw-path">{" · ".join(parts)}</div>' if parts else ""


def _action(name: str, where: str, label: str) -> str:
    return f'<button type="button" class="yw-act" value="{name}?{where}">{label}</button>'


def _also(excerpt: Excerpt) -> str:
    if not excerpt.also_in:
        return ""
    items = "".join(
        f"<li>{_action('source', place(at.doc_id, at.start, at.end), inert(at.doc_id))}</li>" for at in excerpt.also_in
    )
    return f'<details class="yw-also"><summary>另见 {len(excerpt.also_in)} 处</summary><ul>{items}</ul></details>'


def _why(excerpt: Excerpt, terms: QueryTerms, question: str) -> str:
    """Why the excerpt stands where it does, for those who ask; a browser's own disclosure, so keys and readers know it."""
    items = "".join(f"<li>{inert(line)}</li>" for line in (*place_lines(excerpt), *terms_lines(terms, question)))
    return f'<details class="yw-also yw-why"><summary>为什么排在这里</summary><ul>{items}</ul></details>'


def _excerpt_text(excerpt: Excerpt, record: Record) -> str:
    """The excerpt as it reads, evidence marked. What mending cut out is left out here; the source view shows it."""
    cuts = _cuts(record.removals, excerpt.start, excerpt.end)
    shown = [
        (record.document.text[a:b], lit)
        for a, b, (lit, cut) in segments(excerpt.start, excerpt.end, excerpt.highlights, cuts)
        if not cut
    ]
    if "".join(text for text, _ in shown) != excerpt.mended:  # other cuts than the passage's: show the plain source
        return inert(excerpt.text)
    return "".join(f"<mark>{inert(text)}</mark>" if lit else inert(text) for text, lit in shown)


def segments(start: int, end: int, *kinds: Iterable[tuple[int, int]]) -> Iterable[tuple[int, int, tuple[bool, ...]]]:
    """Cut `[start, end)` wherever a span of any kind begins or ends; each piece comes with the kinds that hold it."""
    spans = [[(max(a, start), min(b, end)) for a, b in kind if a < end and b > start] for kind in kinds]
    edges = sorted({start, end, *(edge for kind in spans for span in kind for edge in span)})
    for a, b in pairwise(edges):
        yield a, b, tuple(any(x <= a and b <= y for x, y in kind) for kind in spans)


def _cuts(removals: Sequence[Removal], start: int, end: int) -> tuple[tuple[int, int], ...]:
    return tuple((r.start, r.end) for r in removals if r.start < end and r.end > start)


def page_at(document: Document, offset: int) -> str:
    """The label of the page at an offset, or ""."""
    return next((page.label for page in reversed(document.pages) if page.start <= offset), "")
