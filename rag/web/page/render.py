"""A conversation as HTML: the chat's side, and the cards of its excerpts.

In: turns. Out: templates of chat/ and cards/ filled in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from rag.datamodels import FACTS, Answer, Excerpt, Removal
from rag.index.catalog import Record
from rag.search.filtering import in_force
from rag.text.spans import mend
from rag.web.front.inert import percent, span_address
from rag.web.front.language import CHINESE, Language, message, say
from rag.web.front.rendering import render
from rag.web.page.citing import reference
from rag.web.page.why import why

# From this confidence on the first excerpt is called a direct answer. On the 260 questions of gov-dev, documents that
# nobody tuned for, it was right in 84 of 100 cases at or above this and in 44 of 100 below: the badge says what it means.
DIRECT_FROM = 0.75
LEAD_MAX = 260  # characters of evidence quoted in the chat
FACT_NAMES = {
    "doc_number": message("文号"), "issuer": message("发文机关"), "date": message("日期"), "validity": message("效力"),
}  # fmt: skip
RecordOf = Callable[[str], Record]


@dataclass(frozen=True, slots=True)
class Turn:
    """A question of the session with its answer, or with the sentence that explains why there is none.

    near: questions that can be asked instead. searched: number of documents. carried: the question before, when this
    one was taken together with it. narrowed: how the search was narrowed, in words.
    """

    number: int
    question: str
    answer: Answer | None
    problem: str = ""
    near: tuple[str, ...] = ()
    searched: int = 0
    carried: str = ""
    narrowed: str = ""

    @property
    def asked(self) -> str:
        """The words that were searched for."""
        return f"{self.carried} {self.question.strip()}".strip()


@dataclass(frozen=True, slots=True)
class FactShown:
    """What a document is cited by, as it is shown. alarm: no longer in force."""

    name: str
    value: str
    alarm: bool


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of an excerpt. marked: evidence."""

    text: str
    marked: bool


@dataclass(frozen=True, slots=True)
class NearPlace:
    """A place near a question that is not answered, and its nearest sentence."""

    excerpt: Excerpt
    text: str


@dataclass(frozen=True, slots=True)
class TurnCards:
    """A turn and its cards."""

    turn: Turn
    cards: tuple[Markup, ...]


def is_direct(answer: Answer) -> bool:
    """Whether the first excerpt is called a direct answer; no other ever is."""
    return answer.answerable and answer.confidence >= DIRECT_FROM


# -- the chat ---------------------------------------------------------------------------------------------------------


def chat_question(turn: Turn, language: Language = CHINESE) -> Markup:
    """The question as typed, and the one before when the two were taken together."""
    return render("chat/question.html", language, turn=turn)


def chat_answer(turn: Turn, record_of: RecordOf, language: Language = CHINESE) -> Markup:
    """What the chat says to a turn: the evidence itself with its markers, or an honest refusal."""
    if turn.answer is None:
        return render("chat/problem.html", language, said=turn.problem, turn=turn)
    if not turn.answer.answerable:
        nearest = [NearPlace(one, _lead(one, record_of(one.doc_id))) for one in turn.answer.nearest]
        return render("chat/refusal.html", language, turn=turn, nearest=nearest)
    first, *others = turn.answer.excerpts
    return render(
        "chat/answer.html", language, turn=turn, first=first, others=others, direct=is_direct(turn.answer),
        lead=_lead(first, record_of(first.doc_id)),
    )  # fmt: skip


def _lead(excerpt: Excerpt, record: Record) -> str:
    """The sentences that answer, as they read, …… for what is left out between them; the excerpt's beginning when none is marked."""
    cuts = _cuts(record.removals, excerpt.start, excerpt.end)
    spans = excerpt.highlights or ((excerpt.start, excerpt.end),)
    pieces = [mend(record.document.text, start, end, cuts).strip() for start, end in spans]
    gaps = [mend(record.document.text, a, b, cuts) for (_, a), (b, _) in pairwise(spans)]
    between = ["……" if gap.strip() else " " if gap else "" for gap in gaps]
    text = "".join(piece + joint for piece, joint in zip(pieces, [*between, ""], strict=True))
    return text if len(text) <= LEAD_MAX else f"{text[:LEAD_MAX]}…"


# -- the cards --------------------------------------------------------------------------------------------------------


def panel(turns: Sequence[Turn], record_of: RecordOf, language: Language = CHINESE) -> Markup:
    """All turns' excerpts, the newest on top and open, older ones folded."""
    cited = [
        TurnCards(turn, _turn_cards(turn, turn.answer, record_of, language))
        for turn in reversed(turns)
        if turn.answer is not None and turn.answer.excerpts
    ]
    if not cited:
        return empty_panel(language)
    newest = cited[0] if cited[0].turn is turns[-1] else None
    older = cited[1:] if newest else cited
    return render("cards/panel.html", language, newest=newest, older=older)


def empty_panel(language: Language = CHINESE) -> Markup:
    """What is shown where the excerpts will be."""
    return render("cards/empty.html", language)


def _turn_cards(turn: Turn, answer: Answer, record_of: RecordOf, language: Language) -> tuple[Markup, ...]:
    return tuple(
        card(turn.number, excerpt, record_of(excerpt.doc_id), answer, turn.asked, language)
        for excerpt in answer.excerpts
    )


def card(
    turn: int, excerpt: Excerpt, record: Record, answer: Answer, question: str = "", language: Language = CHINESE
) -> Markup:
    """One numbered excerpt: where it is from, what it says, what can be done with it. answer: that it is part of."""
    where = span_address(excerpt.doc_id, excerpt.start, excerpt.end)
    return render(
        "cards/card.html", language, turn_number=turn, excerpt=excerpt, direct=excerpt.marker == 1 and is_direct(answer),
        facts=facts_shown(excerpt.facts, language), pieces=_pieces(excerpt, record), where=where,
        asked_of=percent(question),
        reference=reference(record.document, excerpt.start, excerpt.end, excerpt.page),
        why=why(excerpt, answer, question, language),
    )  # fmt: skip


def facts_shown(facts: Mapping[str, str], language: Language) -> list[FactShown]:
    """What a document is cited by; that it is no longer in force is to be noticed."""
    return [
        FactShown(say(language, FACT_NAMES[name]), facts[name], name == "validity" and not in_force(facts[name]))
        for name in FACTS
        if facts.get(name)
    ]


def _pieces(excerpt: Excerpt, record: Record) -> list[Piece]:
    """The excerpt as it reads, evidence marked. What mending cut out is left out here; the source view shows it."""
    cuts = _cuts(record.removals, excerpt.start, excerpt.end)
    shown = [
        Piece(record.document.text[a:b], lit)
        for a, b, (lit, cut) in segments(excerpt.start, excerpt.end, excerpt.highlights, cuts)
        if not cut
    ]
    if "".join(piece.text for piece in shown) != excerpt.mended:  # other cuts than the passage's: the plain source
        return [Piece(excerpt.text, False)]
    return shown


def segments(start: int, end: int, *kinds: Iterable[tuple[int, int]]) -> Iterable[tuple[int, int, tuple[bool, ...]]]:
    """Cut `[start, end)` wherever a span of any kind begins or ends; each piece comes with the kinds that hold it."""
    spans = [[(max(a, start), min(b, end)) for a, b in kind if a < end and b > start] for kind in kinds]
    edges = sorted({start, end, *(edge for kind in spans for span in kind for edge in span)})
    for a, b in pairwise(edges):
        yield a, b, tuple(any(x <= a and b <= y for x, y in kind) for kind in spans)


def _cuts(removals: Sequence[Removal], start: int, end: int) -> tuple[tuple[int, int], ...]:
    return tuple((r.start, r.end) for r in removals if r.start < end and r.end > start)
