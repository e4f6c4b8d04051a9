"""Questions to begin with, drawn from the collection itself and only offered when the service answers them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable

from rag.datamodels import Passage
from rag.search.filtering import ALL, Filter
from rag.text.headings import without_number
from rag.web.front.visible import Visible

WANTED = 4
_TRIED = 40
_TERM = re.compile(r"“([\u3400-\u9fff、·\d]{3,14})”\s*[，,]?\s*(?:即|就是|是指|指的是|包括)")
_HEADING_MAX, _HEADING_MIN = 24, 5


def heading_question(heading: str) -> str:
    """A heading as something one might ask; empty when it does not lend itself to that."""
    words = without_number(heading).strip("【[。，；：!！?？】] \u3000")
    words = re.split(r"[，。；：,;:]", words)[0]
    if (words.endswith("条") and len(words) < _HEADING_MIN + 2) or not _HEADING_MIN <= len(words) <= _HEADING_MAX:
        return ""
    return f"{words}，文件是怎么说的？"


def candidates(passages: Iterable[Passage]) -> list[str]:
    """Terms that the documents explain, then headings; each document in turn, so that no one of them has all."""
    terms: dict[str, str] = {}
    headings: dict[str, list[str]] = {}
    for passage in passages:
        for found in _TERM.finditer(passage.text):
            terms.setdefault(found[1], f"“{found[1]}”指的是什么？")
        for heading in passage.headings:
            question = heading_question(heading)
            own = headings.setdefault(passage.doc_id, [])
            if question and question not in own:
                own.append(question)
    turns = [question for row in range(_TRIED) for own in headings.values() for question in own[row : row + 1]]
    return [*list(terms.values())[: WANTED // 2 + 1], *turns][:_TRIED]


def examples(mine: Visible) -> tuple[str, ...]:
    """A few questions that the service answers with confidence, of different documents where possible."""
    chosen: list[str] = []
    used: Counter[str] = Counter()
    for question in candidates(mine.passages()):
        answer = mine.ask(question, 1)
        if answer.answerable and answer.confidence >= 0.8 and used[answer.excerpts[0].doc_id] < 2:
            used[answer.excerpts[0].doc_id] += 1
            chosen.append(question)
        if len(chosen) == WANTED:
            break
    return tuple(chosen)


class Starters:
    """Examples by what someone may see, remembered until the collection changes."""

    def __init__(self) -> None:
        """None yet."""
        self._found: dict[tuple[int, Callable[[str], bool] | None], tuple[str, ...]] = {}

    def of(self, mine: Visible) -> tuple[str, ...]:
        """Examples of what they may see."""
        generation = mine.service.catalog.generation
        if (generation, mine.allowed) not in self._found:
            self._found = {key: kept for key, kept in self._found.items() if key[0] == generation}
            self._found[generation, mine.allowed] = examples(mine)
        return self._found[generation, mine.allowed]


def near_questions(
    mine: Visible, question: str, documents: tuple[str, ...] = (), only: Filter = ALL
) -> tuple[str, ...]:
    """Up to three questions next to one that was refused, from the headings above the nearest passages."""
    found: dict[str, None] = {}
    for hit in mine.search_passages(question, 8, documents, only):
        for heading in reversed(hit.passage.headings):
            near = heading_question(heading)
            if near:
                found[near] = None
                break
    return tuple(found)[:3]
