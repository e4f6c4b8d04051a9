"""Questions made of a collection's own sentences, by patterns over the sentence that answers: no model writes them.

What a definition defines, who is charged with a task, how much and by when: the answer is known to be there, so how often
it is refused can be measured in every index.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rag.datamodels import Passage

_N = r"[^，。；：、（）\s]"
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), question)
    for pattern, question in (
        (rf"所称的?(?P<x>{_N}{{2,18}})[，,]?是?指", "{x}是指什么？"),
        (rf"(?:部门|政府|机关|机构|委员会|工会|协会|法院|检察院)(?:依法)?(?:负责|主管)(?P<x>{_N}{{5,36}}?)(?:工作)?[，。；]",
         "谁负责{x}？"),
        (rf"(?P<x>{_N}{{6,40}})的，由.{{2,40}}(?:罚款|没收|拘留)", "{x}怎么处罚？"),
        (rf"(?P<x>{_N}{{6,40}})的，(?:由.{{2,30}}责令|依法给予|依法追究|应当承担|给予)", "{x}有什么后果？"),
        (rf"有下列(?:情形|行为)之一的，(?P<x>{_N}{{4,36}})[：，]", "哪些情形{x}？"),
        (rf"(?P<x>{_N}{{4,30}})，?应当(?:具备|符合)(?:下列|以下)条件", "{x}要满足哪些条件？"),
        (rf"(?P<x>{_N}{{5,36}})(?:不得超过|不超过|不得少于|不少于|不低于|不得低于)[0-9一二三四五六七八九十百千]",
         "{x}有什么限制？"),
        (rf"(?P<x>{_N}{{4,30}}?)(?:遵循|坚持|贯彻|实行)[^。；]{{4,60}}的(?P<y>原则|方针|制度|体制)", "{x}的{y}是什么？"),
        (rf"(?P<x>{_N}{{4,24}})(?:达到|增长|下降|减少|增加)(?:了|到)?[0-9]", "{x}多少？"),
        (rf"(?P<x>{_N}{{5,36}})由(?P<y>{_N}{{2,20}})(?:规定|制定|决定|组织|批准)", "{x}由谁决定？"),
        (rf"(?:加强|推进|完善|健全|建立|落实|推动|深化)(?P<x>{_N}{{6,30}})[，。；]", "怎么加强{x}？"),
        (rf"应当(?P<x>{_N}{{6,40}})[，。；]", "谁应当{x}？"),
        (rf"不得(?P<x>{_N}{{4,36}})[，。；]", "可以{x}吗？"),
    )
)  # fmt: skip
_LEADING = re.compile(
    r"^(第[一二三四五六七八九十百零]+条|[一二三四五六七八九十]+、|违反本\w{1,3}规定|对于?|其|的|并|或者)\s*"
)


def patterned(passages: Sequence[Passage], count: int) -> list[str]:
    """Up to so many questions, each of another passage, from passages drawn evenly."""
    questions: list[str] = []
    step = max(1, len(passages) // (2 * count))  # hardly half of the passages fit a pattern
    for passage in passages[::step]:
        question = next(_asked(passage), None)
        if question is not None:
            questions.append(question)
    return questions[: len(questions) // count * count : max(1, len(questions) // count)] or questions


def _asked(passage: Passage) -> Iterator[str]:
    """The questions of the first rules that fit; the rarer rules stand first and make the better questions."""
    for pattern, question in _RULES:
        for match in pattern.finditer(passage.text):
            slots = match.groupdict()
            about = _LEADING.sub("", slots["x"].strip())
            if len(about) >= 4:
                yield question.format(**slots | {"x": about})
