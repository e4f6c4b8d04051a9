"""Collections of invented codes: their words can be told apart without a dictionary, and no question is English."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

from rag.datamodels import Document

CODES = tuple("".join(parts) for parts in itertools.product("bdfghk", "2357", "mnpqr"))
RARE = tuple("".join(parts) for parts in itertools.product("stvwxz", "0123456789", "abceio"))


def sentence(rng: random.Random, codes: Sequence[str] = CODES, words: int = 5) -> str:
    """Five codes and a full stop."""
    return " ".join(rng.sample(codes, words)) + "。"


def document(name: str, title: str, text: str, **facts: str) -> Document:
    """A document of the collection. facts: its metadata."""
    return Document(name, title, text, name, "text/plain", facts)


def collection(count: int, seed: int = 1) -> list[Document]:
    """Documents in the folders g0 and g1; every fifth has a heading over two long passages, the others one short one."""
    rng = random.Random(seed)
    found = []
    for at in range(count):
        if at % 5:
            text = "".join(sentence(rng) for _ in range(rng.randint(1, 4)))
        else:
            long = ["".join(sentence(rng) for _ in range(11)) for _ in range(2)]
            text = f"# {sentence(rng, words=2)[:-1]}\n" + "\n".join(long)
        found.append(document(f"g{at % 2}/d{at:04}.txt", rng.choice(CODES), text))
    return found


def scattered(count: int, seed: int = 2) -> list[Document]:
    """Documents that hold each rare code in a sentence of its own, so that four of them together resemble no sentence."""
    rng = random.Random(seed)
    rare = iter(rng.sample(RARE, len(RARE)))
    found = []
    for at in range(count):
        parts = [" ".join([*rng.sample(CODES, 6), next(rare)]) + "。" for _ in range(4)]
        found.append(document(f"s/d{at:04}.txt", rng.choice(CODES), "".join(parts)))
    return found


def lines(documents: int, each: int, near: Sequence[str], seed: int = 3) -> list[Document]:
    """Documents of lines that are a passage each at a passage size of 50; those of the last one all hold `near`."""
    rng = random.Random(seed)
    found = []
    for at in range(documents):
        own = list(near) if at == documents - 1 else []
        text = "\n".join(
            sentence(rng, [c for c in CODES if c not in own], 10 - len(own))[:-1]
            + "".join(f" {code}" for code in own)
            + "。"
            for _ in range(each)
        )
        found.append(document(f"g{at % 2}/d{at:04}.txt", "", text))
    return found
