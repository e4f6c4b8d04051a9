"""Why an excerpt is in its place, in words: how the question was read, what matched, what each stage gave."""

from __future__ import annotations

from rag.datamodels import Answer, Excerpt
from rag.search.explaining import synonyms_used, words_searched
from rag.search.stages import SCORES
from rag.web.front.language import Language, say


def why(excerpt: Excerpt, answer: Answer, question: str, language: Language) -> list[str]:
    """A fact a line. question: as it was searched for."""
    return [*_place(excerpt, language), *_question(answer, question, language)]


def listed(things: list[str] | tuple[str, ...], language: Language) -> str:
    """Things one after another."""
    return say(language, "、").join(things)


def _place(excerpt: Excerpt, language: Language) -> list[str]:
    lines = [say(language, "问题直接点名了这一处，排在最前")] if excerpt.named else []
    if excerpt.matched:
        lines.append(say(language, "命中：{words}", words=listed(excerpt.matched, language)))
    else:
        lines.append(say(language, "命中：没有相同的词，只凭语义"))
    scores = [f"{say(language, SCORES[name])} {value:.2f}" for name, value in excerpt.stages.items() if name in SCORES]
    return [*lines, say(language, "得分：{scores}", scores=say(language, "，").join(scores))]


def _question(answer: Answer, question: str, language: Language) -> list[str]:
    terms = answer.terms
    lines = [say(language, "按词典译成“{words}”再找", words=terms.translated)] if terms.translated else []
    words = words_searched(terms)
    if words:
        lines.append(say(language, "检索词：{words}", words=listed(words, language)))
    else:
        lines.append(say(language, "检索词：（没有，只按语义找）"))
    if terms.folded != question and not terms.translated:
        lines.append(say(language, "按“{question}”比较（繁简、全半角、大小写已统一）", question=terms.folded))
    for word, others in synonyms_used(terms).items():
        lines.append(say(language, "“{word}”也找：{others}", word=word, others=listed(others, language)))
    return lines
