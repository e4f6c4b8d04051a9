"""Whether a question leans on the one before, as in 那第二点呢？"""

from __future__ import annotations

import re

from rag.text.numerals import ITEM
from rag.web.page.render import Turn

ALONE = "\u3000"  # in front of a question: take it as it is
_POINTS_BACK = re.compile(
    rf"(?:那么?|它们?|他们|其|这(?:个|些|一|里|项|点)?|该|还有|上面|上述|前面|刚才|第[{ITEM}\d]+[点条个项])"
)
_BARE = re.compile(r"(?:为什么|怎么做?|哪些|具体(?:呢|是什么)?|依据|举例|.{1,4}呢)[呢？?。 ]*")
POINTING_MAX = 16  # characters; a longer question says enough by itself


def carried(question: str, turns: list[Turn]) -> str:
    """The earlier question to take together with this one, or ""."""
    if question.startswith(ALONE) or not turns or not turns[-1].question.strip():
        return ""
    words = question.strip()
    leans = len(words) <= POINTING_MAX and (_POINTS_BACK.match(words) or _BARE.fullmatch(words))
    return (turns[-1].carried or turns[-1].question.strip()) if leans else ""
