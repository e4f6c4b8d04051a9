"""Draft questions without a model, for a person to accept or correct: from definitions, lists and headings.

The quote is always an exact sentence that occurs once in its document, so an accepted draft is a test at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.datamodels import Passage
from rag.service import Service
from rag.text.headings import without_number

ENOUGH = 3  # documents read for each draft wanted
QUOTE_MIN, QUOTE_MAX = 15, 160  # characters, as in the development gold set
_TERM = r"[“\"《]?(?P<term>[^，。；：、“”\"（）()\s]{2,20})[”\"》]?"
_CALLED = r"(?:(?:本[法文]|本条例|本办法|本规定|本细则|本章程|本通知)?所[称谓]的?)?"
_IS = r"(?:是指|系指|，指的?是|是一种|的定义是)"
_DEFINITION = re.compile(rf"{_CALLED}{_TERM}(?:（[^）]*）)?[，,]?\s*{_IS}")
_LIST = re.compile(rf"^{_TERM}(?:主要|具体)?(?:包括|分为|由以下|有以下|有下列)")
_ASK_WHAT = re.compile(r"(?:意义|目的|目标|宗旨|原则|性质|地位|定义|概念|主题|思路|背景|来源|期限|时间|范围)$")
_ASK_WHICH = re.compile(
    r"(?:职责|任务|条件|程序|标准|要求|措施|内容|方法|途径|权利|义务|责任|情形|材料|步骤|问题|对象|成效|经验)$"
)
_VERB = re.compile(
    r"^(?:加强|推进|推动|做好|健全|完善|落实|提高|提升|坚持|强化|深化|加大|加快|构建|建立|开展|抓好|抓实|切实|着力|扎实|"
    r"积极|进一步|全面|深入|认真|严格|规范|优化|创新|突出|聚焦|保障|维护|服务|办理|申请|处理|组织)"
)
_SPLIT = re.compile(r"[。！？?；\n]")


@dataclass(frozen=True, slots=True)
class Draft:
    """A candidate question with the exact sentence that should answer it. origin: what it was made from."""

    question: str
    doc_id: str
    quote: str
    origin: str

    def row(self) -> tuple[str, str, str, str]:
        """As the Excel template has it."""
        return self.question, self.doc_id, self.quote, f"草稿（{self.origin}），请核对"


def draft(service: Service, count: int = 50) -> tuple[Draft, ...]:
    """At most `count` drafts, spread over the documents in turn, definitions first."""
    current = service.current()
    named = list(current.titles)
    chosen = named[:: max(1, len(named) // (count * ENOUGH))]  # of a large collection an even sample, not the first
    passages: dict[str, list[Passage]] = {doc_id: [] for doc_id in chosen}
    for passage in current.passages:
        if passage.doc_id in passages:
            passages[passage.doc_id].append(passage)
    by_document = {
        doc_id: _of_document(own, service.document(doc_id).document.text, current.titles[doc_id])
        for doc_id, own in passages.items()
    }
    found: list[Draft] = []
    seen: set[str] = set()
    for at in range(max((len(own) for own in by_document.values()), default=0)):
        for own in by_document.values():
            if at < len(own) and own[at].question not in seen and len(found) < count:
                seen.add(own[at].question)
                found.append(own[at])
    return tuple(found)


def from_feedback(
    service: Service, question: str, spans: Sequence[tuple[str, int, int]], useful: bool, note: str = ""
) -> Draft:
    """A draft from what a reader said of an answer; a person still checks it.

    spans: (document, start, end) of the excerpts that the reader judged. useful: the first of them becomes the quote;
    otherwise the quote is left for a person to fill in. Raises NotFoundError when the document is gone.
    """
    if not useful or not spans:
        return Draft(question, "", "", f"读者反馈：没有找到，请补上期望原文。{note}".strip())
    doc_id, start, end = spans[0]
    return Draft(question, doc_id, service.text(doc_id, start, end).strip(), f"读者反馈：有用。{note}".strip())


def _of_document(passages: Sequence[Passage], text: str, title: str) -> list[Draft]:
    by_kind: list[list[Draft]] = [[], [], []]
    asked: set[str] = set()
    for passage in passages:
        for kind, own in _of_passage(passage, text, title):
            if own.question not in asked:
                asked.add(own.question)
                by_kind[kind].append(own)
    return [own for kind in by_kind for own in kind]


def _of_passage(passage: Passage, text: str, title: str) -> Iterator[tuple[int, Draft]]:
    sentences = [_trimmed(text, start, end) for start, end in passage.sentences]
    usable = [sentence for sentence in sentences if _usable(sentence, text)]
    for sentence in usable:
        bare = without_number(sentence)
        if match := _DEFINITION.match(bare):
            yield 0, Draft(f"什么是{match['term']}？", passage.doc_id, sentence, "定义句")
        elif match := _LIST.match(bare):
            yield 1, Draft(f"{match['term']}包括哪些？", passage.doc_id, sentence, "列举句")
    if passage.headings:
        question = question_of(passage.headings[-1])
        below = [own for own in usable if passage.headings[-1].strip() not in own and without_number(own) == own]
        if question and below:
            yield 2, Draft(question, passage.doc_id, below[0], "标题")


def question_of(heading: str) -> str:
    """A question that a heading answers; empty when the heading says too little."""
    bare = without_number(heading).strip("【】#＃ 　：:")
    topic = _SPLIT.split(bare)[0].strip("，,：: ")
    if not 4 <= len(topic) <= 40 or not any("\u4e00" <= char <= "\u9fff" for char in topic):
        return ""
    if bare[len(topic) :].startswith(("？", "?")) or topic.endswith(("吗", "呢")):
        return topic.rstrip("？?") + "？"
    plain = "是" not in topic and "，" not in topic and (topic[-3] == "的" or not _VERB.match(topic))
    if plain and _ASK_WHAT.search(topic):
        return f"{topic}是什么？"
    if plain and _ASK_WHICH.search(topic):
        return f"{topic}有哪些？"
    if _VERB.match(topic):
        return f"怎样{topic}？"
    return f"关于“{topic}”，是怎么说的？"


def _trimmed(text: str, start: int, end: int) -> str:
    return text[start:end].strip()


def _usable(sentence: str, text: str) -> bool:
    """Whether a sentence can be a gold quote: of a fair length, on one line, and in its document once."""
    return QUOTE_MIN <= len(sentence) <= QUOTE_MAX and "\n" not in sentence and text.count(sentence) == 1


def rows(drafts: Sequence[Draft]) -> list[tuple[str, str, str, str]]:
    """Rows for `excel.template_bytes`."""
    return [own.row() for own in drafts]
