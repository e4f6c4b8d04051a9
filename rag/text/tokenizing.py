"""One tokenizer for documents and queries: folded characters, jieba words, character bigrams.

Folding makes full-width = half-width (NFKC), traditional = simplified (OpenCC t2s) and upper = lower case. Bigrams are
the net under words that no dictionary knows; both together were measured better than words alone (see benchmarks/).
"""

from __future__ import annotations

import itertools
import logging
import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

from rag.text.numerals import numbers_in

if TYPE_CHECKING:
    import jieba
    import opencc

PAIR_MARK = "\u0001"  # ends the token of two neighbouring characters, so that it is never mistaken for a word
TOKENIZER = "jieba-search+bigram+numbers-2"  # changes whenever the same text would yield other tokens
_WORD = re.compile(r"[0-9a-z]+(?:[.\-_][0-9a-z]+)*|[\u3007\u3400-\u9fff\U00020000-\U0003ffff]+|[^\W_]+")
_HAN = re.compile(r"[\u3007\u3400-\u9fff\U00020000-\U0003ffff]")
# Function words and the words questions are made of: they say nothing about which passage answers.
STOP_WORDS = frozenset(
    "的 了 和 与 及 或 在 是 为 对 把 被 让 向 从 以 于 由 到 给 就 都 而 且 但 也 还 又 并 等 之 其 这 那 这个 那个 这些 那些 "
    "该 此 我 你 他 她 它 我们 你们 他们 吗 呢 吧 啊 呀 么 的话 什么 哪 哪些 哪个 哪里 哪儿 谁 何 怎 怎么 怎样 怎么样 如何 咋 咋样 "
    "为什么 为何 多少 几 几个 是否 能否 可否 能不能 是不是 有没有 请问 请 告诉 一下 指 指的 关于 有关 "
    "the a an of to in on for is are was were what which who how why when where according and or".split()
)


def fold(text: str) -> str:
    """The form in which text is compared: NFKC, simplified characters, lower case."""
    return simplify(unicodedata.normalize("NFKC", text)).lower()


def simplify(text: str) -> str:
    """Traditional characters as simplified ones; the rest stays."""
    return str(_converter().convert(text))


def tokenize(text: str) -> list[str]:
    """Tokens of a passage or a query, in order, repeats kept (BM25 counts them)."""
    tokens: list[str] = []
    cutter = _cutter()
    for match in _WORD.finditer(fold(text)):
        run = match.group()
        if not _HAN.match(run):
            tokens.append(run)
            continue
        tokens += [word for word in cutter.cut_for_search(run) if word not in STOP_WORDS]
        if len(run) > 1:
            tokens += [f"{a}{b}{PAIR_MARK}" for a, b in itertools.pairwise(run)]
            tokens += numbers_in(run)
    return tokens


def dictionary_words(text: str) -> list[str]:
    """The words of a text that the dictionary knows, folded, in order; nothing is guessed."""
    return [word for run in _WORD.findall(fold(text)) for word in _cutter().cut(run, HMM=False)]


def is_telling(token: str) -> bool:
    """Whether a token is a word of more than one character or a number, not a bigram."""
    return not token.endswith(PAIR_MARK) and (len(token) > 1 or token.isdigit())


def content_words(text: str) -> list[str]:
    """The words of a text that carry meaning, without bigrams: for showing what matched."""
    return list(dict.fromkeys(token for token in tokenize(text) if not token.endswith(PAIR_MARK)))


@lru_cache(maxsize=1)
def _converter() -> opencc.OpenCC:
    import opencc

    return opencc.OpenCC("t2s")


@lru_cache(maxsize=1)
def _cutter() -> jieba.Tokenizer:
    import jieba

    jieba.setLogLevel(logging.WARNING)
    cutter = jieba.Tokenizer()
    cutter.initialize()
    return cutter
