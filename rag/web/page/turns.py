"""A question of a conversation and its answer, the same for the page and for the embedded one."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from markupsafe import Markup

from rag.errors import YuanwenError
from rag.search.filtering import read_filter
from rag.web.front.metrics import Metrics
from rag.web.front.rendering import render
from rag.web.front.visible import Visible
from rag.web.page.examples import near_questions
from rag.web.page.narrowing import described, resolve
from rag.web.page.render import Turn, chat_answer

log = logging.getLogger(__name__)


def answered(
    mine: Visible, metrics: Metrics, turn: Turn, scope: Sequence[str], narrowing: tuple[str, str, str] = ("", "", "")
) -> Turn:
    """The turn with its answer, or with the sentence that says why there is none.

    scope: as `resolve` takes it. narrowing: since, until and validity, as typed.
    """
    try:
        within, only = resolve(scope, mine.titles()), read_filter(*narrowing)
        turn = replace(turn, narrowed=described(within, only, mine.language), searched=len(mine.searched(within, only)))
        answer = mine.ask(turn.asked, None, within, only)
        metrics.answered(answer.answerable)
        if mine.service.settings.log_questions:
            log.info("问题：%s", answer.question)
        near = () if answer.answerable else near_questions(mine, turn.asked, within, only)
        return replace(turn, answer=answer, near=near)
    except YuanwenError as error:
        return replace(turn, problem=str(error))


def reply(mine: Visible, turn: Turn) -> Markup:
    """What the chat says to a turn that has been answered."""
    try:
        return chat_answer(turn, mine.document, mine.language)
    except YuanwenError as error:  # a document that was removed since
        return render("chat/problem.html", mine.language, said=str(error), turn=None)
