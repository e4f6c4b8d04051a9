"""How reranking gives way when many people ask at once: the one place of that rule.

Up to some people asking at once, each question has all its passages reranked; when there are more, they share what
that many would have had. Which excerpts come first may hang on it, whether there is an answer does not.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """How much time a question may take. waited_ms: since it arrived. rerank: passages to rerank; None for as many as the settings say."""

    waited_ms: float = 0.0
    rerank: int | None = None


UNHURRIED = Pace()  # the command line and evaluation: nobody waits behind
NO_RERANKING = Pace(rerank=0)


def share(passages: int, people: int, unhurried: int) -> int:
    """Passages to rerank for one question.

    passages: for somebody who asks alone. people: asking now, this one included. unhurried: how many may have them all.
    """
    return passages if people <= unhurried else passages * unhurried // people
