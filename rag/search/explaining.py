"""What put a hit in its place, for programs and in words: how the question was read, what matched, what each stage gave.

Names and wording of the scores are those of `stages.STAGES`.
"""

from __future__ import annotations

from rag.datamodels import Excerpt, QueryTerms
from rag.index.vocabulary import TERM_MARK
from rag.search.stages import SCORES
from rag.text.tokenizing import is_telling


def terms_json(terms: QueryTerms) -> dict[str, object]:
    """How a question was read: its folded form, its words, the synonyms looked for beside them, an English one's words
    in Chinese.
    """
    found: dict[str, object] = {
        "folded": terms.folded,
        "words": words_searched(terms),
        "synonyms": synonyms_used(terms),
    }
    return found | ({"translated": terms.translated} if terms.translated else {})


def place_json(excerpt: Excerpt) -> dict[str, object]:
    """What put an excerpt in its place: the score of each stage, the words it shares, whether the question names it."""
    stages = {name: round(excerpt.stages[name], 4) for name in SCORES if name in excerpt.stages}
    return {"stages": stages, "matched": list(excerpt.matched), "named": excerpt.named}


def terms_lines(terms: QueryTerms, question: str) -> list[str]:
    """How a question was read, in Chinese, a fact a line."""
    lines = [f"按词典译成“{terms.translated}”再找"] if terms.translated else []
    lines += [f"检索词：{'、'.join(words_searched(terms)) or '（没有，只按语义找）'}"]
    if terms.folded != question and not terms.translated:
        lines.append(f"按“{terms.folded}”比较（繁简、全半角、大小写已统一）")
    lines += [f"“{word}”也找：{'、'.join(others)}" for word, others in synonyms_used(terms).items()]
    return lines


def place_lines(excerpt: Excerpt) -> list[str]:
    """What put an excerpt in its place, in Chinese, a fact a line."""
    scores = "，".join(
        f"{label} {excerpt.stages[name]:.2f}" for name, label in SCORES.items() if name in excerpt.stages
    )
    named = ["问题直接点名了这一处，排在最前"] if excerpt.named else []
    return [*named, f"命中：{'、'.join(excerpt.matched) or '没有相同的词，只凭语义'}", f"得分：{scores}"]


def words_searched(terms: QueryTerms) -> list[str]:
    """The words, terms and numbers of a question, each once."""
    return list(dict.fromkeys(token.rstrip(TERM_MARK) for token in terms.tokens if is_telling(token)))


def synonyms_used(terms: QueryTerms) -> dict[str, list[str]]:
    """The words that are searched for as well, by the word of the question that brings them in."""
    found: dict[str, list[str]] = {}
    for token, word in terms.added.items():
        if is_telling(token):
            found.setdefault(word, []).append(token)
    return found
