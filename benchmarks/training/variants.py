"""Other ways to ask the same question, made by rules alone: keywords, colloquial, other script, a slip of the pen."""

from __future__ import annotations

import random
import re
from functools import lru_cache

from rag.text.tokenizing import STOP_WORDS

_COLLOQUIAL = (
    ("为什么", "为啥"), ("什么时候", "啥时候"), ("什么", "啥"), ("怎么样", "咋样"), ("怎样", "咋"), ("怎么", "咋"),
    ("如何", "咋"), ("哪里", "哪儿"), ("是否", "是不是"), ("能否", "能不能"), ("何时", "啥时候"), ("何地", "在哪儿"),
    ("为何", "为啥"), ("哪位", "谁"), ("多长时间", "多久"),
)  # fmt: skip
_OPENINGS = ("请问", "我想知道", "想问一下，", "麻烦问下", "帮我查一下", "说说", "")
_QUESTION_WORDS = re.compile(
    r"(是|有|叫|在|于|为|由)?(什么时候|什么|哪些|哪一[个年位种项]|哪[里儿个年位种项]?|谁|何[时地人]?|怎么样?|怎样|如何|"
    r"为什么|为何|多少|多长时间|多久|几[个种年次项]?)(的)?|[？?吗呢]"
)
_COMMON = "的一是在有人这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过"
_ENDS = "？?。！! "


def vary(query: str, title: str, rng: random.Random) -> str:
    """One variant of `query`, of a kind drawn at random; the query itself when the kind does not apply.

    title: of the document, for "title + keywords". Traditional characters stay traditional but for the script flip.
    """
    draw = rng.random()
    if draw < 0.30:
        found = keywords(query, rng)
    elif draw < 0.42:
        found = f"{title} {keywords(query, rng, most=4)}" if title and title not in query else keywords(query, rng)
    elif draw < 0.55:
        found = _QUESTION_WORDS.sub("", query).strip("，, ")
    elif draw < 0.75:
        found = colloquial(query, rng)
    elif draw < 0.88:
        found = _flipped(query)
    else:
        found = slip(query, rng)
    return found if len(found) >= 4 else query


def keywords(text: str, rng: random.Random, most: int = 8) -> str:
    """Content words of the text in order, joined by spaces; long runs lose some at random."""
    words = [word for word in _cut(text) if re.search(r"\w", word) and _converters()[0].convert(word) not in STOP_WORDS]
    words = [word for word in words if not _QUESTION_WORDS.fullmatch(word)]
    while len(words) > most or (len(words) > 4 and rng.random() < 0.3):
        words.pop(rng.randrange(len(words)))
    return " ".join(words)


def colloquial(query: str, rng: random.Random) -> str:
    """Everyday question words, sometimes with an opening."""
    for formal, plain in _COLLOQUIAL:
        if formal in query:
            query = query.replace(formal, plain, 1)
            break
    if rng.random() < 0.4:
        query = query.rstrip(_ENDS)
    return rng.choice(_OPENINGS) + query


def slip(query: str, rng: random.Random) -> str:
    """One or two Chinese characters swapped, lost or replaced by a common one."""
    places = [i for i, c in enumerate(query) if "\u4e00" <= c <= "\u9fff"]
    if len(places) < 5:
        return query
    characters = list(query)
    for at in rng.sample(places, 1 + (len(places) > 12)):
        kind = rng.random()
        if kind < 0.6:
            characters[at] = rng.choice(_COMMON)
        elif kind < 0.8:
            characters[at] = ""
        elif at + 1 < len(characters):
            characters[at], characters[at + 1] = characters[at + 1], characters[at]
    return "".join(characters)


def _flipped(text: str) -> str:
    """Simplified ↔ traditional, whichever changes the text."""
    to_simplified, to_traditional = _converters()
    simplified = to_simplified.convert(text)
    return simplified if simplified != text else to_traditional.convert(text)


def _cut(text: str) -> list[str]:
    """Words of the text; traditional text is cut by its simplified form where the two are equally long."""
    simplified = _converters()[0].convert(text)
    if len(simplified) != len(text):
        return _cutter().lcut(text)
    at, words = 0, []
    for word in _cutter().lcut(simplified):
        words.append(text[at : at + len(word)])
        at += len(word)
    return words


@lru_cache(maxsize=1)
def _cutter():
    import logging

    import jieba

    jieba.setLogLevel(logging.WARNING)
    return jieba.Tokenizer()


@lru_cache(maxsize=1)
def _converters():
    import opencc

    return opencc.OpenCC("t2s"), opencc.OpenCC("s2t")
