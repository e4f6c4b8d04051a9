"""The page: a chat on one side, the numbered excerpts on the other. Gradio carries it, `rag.web.page.render` fills it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anyio
import gradio as gr
from fastapi import Request

from rag.access.identity import Role
from rag.errors import AccessError, YuanwenError
from rag.service import Service
from rag.web.front.language import CHINESE, Language, language_of, say
from rag.web.front.metrics import Metrics
from rag.web.front.queueing import Queue
from rag.web.front.rendering import render
from rag.web.front.roles import Needs, Rule, Work
from rag.web.front.state import Startup
from rag.web.front.visible import Visible, visible_of
from rag.web.page.examples import Starters
from rag.web.page.followup import ALONE, carried
from rag.web.page.narrowing import VALIDITIES, scopes
from rag.web.page.render import Turn, chat_question, empty_panel, panel
from rag.web.page.turns import answered, reply

TURNS_MAX = 30  # older turns leave the panel and the session
FONTS = ["system-ui", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", "sans-serif"]
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]
# What Gradio's page calls; the rest of its routes stays shut. Its own files first.
GRADIO_RULES = (
    *(
        Rule("GET", path, Needs(None))
        for path in (
            "/assets/{path:path}", "/static/{path:path}", "/svelte/{path:path}", "/theme.css", "/gradio_api/theme.css",
            "/favicon.ico", "/manifest.json", "/robots.txt",
        )
    ),
    *(
        Rule("GET", path, Needs(Role.READER))
        for path in (
            "/", "/config", "/gradio_api/info", "/gradio_api/app_id", "/gradio_api/startup-events",
            "/gradio_api/heartbeat/{session_hash}", "/gradio_api/queue/data",
        )
    ),
    Rule("POST", "/gradio_api/queue/join", Needs(Role.READER, Work.QUEUED)),
    Rule("POST", "/gradio_api/run/predict", Needs(Role.READER)),
    Rule("POST", "/gradio_api/cancel", Needs(Role.READER)),
    Rule("POST", "/gradio_api/reset", Needs(Role.READER)),
)  # fmt: skip
LABELLED = (
    "brand",
    "chat",
    "question",
    "send",
    "stop",
    "narrowing",
    "scope",
    "since",
    "until",
    "validity",
    "clear",
    "cards",
)
Messages = list[dict[str, str]]


def labels(language: Language) -> dict[str, dict[str, Any]]:
    """What the parts of the page are called, as properties of Gradio's components, by the names of LABELLED."""
    return {
        "brand": {"value": render("page/brand.html", language)},
        "chat": {"label": say(language, "对话"), "placeholder": render("page/hello.html", language)},
        "question": {"label": say(language, "问题"), "placeholder": say(language, "输入问题，按回车提问")},
        "send": {"value": say(language, "提问")},
        "stop": {"value": say(language, "停止")},
        "narrowing": {"label": say(language, "查找范围：文档、日期、效力（缺省为全部）")},
        "scope": {"label": say(language, "只在这些文档或文件夹中查找（可多选，留空为全部）")},
        "since": {"label": say(language, "日期从（含）"), "placeholder": say(language, "如 2020-05")},
        "until": {"label": say(language, "到（含）"), "placeholder": say(language, "如 2023-12")},
        "validity": {
            "label": say(language, "效力"),
            "choices": [(say(language, name), value) for name, value in VALIDITIES],
        },
        "clear": {"value": say(language, "清空对话")},
        "cards": {"value": empty_panel(language)},
    }


def head() -> str:
    """What Gradio puts into the head of its page."""
    return str(render("page/head.html", CHINESE))


def theme() -> gr.themes.Base:
    """Quiet colours, system fonts, nothing fetched."""
    return gr.themes.Default(
        primary_hue="red", neutral_hue="stone", font=FONTS, font_mono=MONO, radius_size="md", text_size="md"
    )


def build_ui(service: Service, startup: Startup, metrics: Metrics, queue: Queue) -> gr.Blocks:
    """The Gradio app; nothing is loaded here."""

    starters = Starters()

    def greet(request: gr.Request) -> list[Any]:
        """The line under the title, the documents to choose from, and all labels where they are not in Chinese."""
        language = language_of(_sent(request).scope)
        named = labels(language)
        called = [gr.skip() if language == CHINESE else gr.update(**named[name]) for name in LABELLED]
        if not startup.ready:
            status = render("page/starting.html", language, step=startup.said(language))
            return [status, *called]
        mine = _mine(request)
        titles, identity = mine.titles(), mine.identity
        status = render(
            "page/status.html", language, documents=len(titles), editor=identity.role >= Role.EDITOR,
            name=identity.name if identity.via == "password" else "",
        )  # fmt: skip
        choices = scopes(titles, language)
        called[LABELLED.index("scope")] = gr.update(**named["scope"], choices=choices)
        return [status, *called]

    def offer(request: gr.Request) -> str:
        """Example questions; apart from the greeting, for finding them may wait for a new index to be calibrated."""
        if not startup.ready:
            return ""
        mine = _mine(request)
        return render("page/starters.html", mine.language, questions=starters.of(mine))

    async def respond(
        question: str,
        turns: list[Turn],
        scope: list[str] | None,
        since: str,
        until: str,
        validity: str,
        request: gr.Request,
    ) -> AsyncIterator[tuple[list[Turn], Messages, str, str, str]]:
        """Show the question at once, then the answer: session, chat, panel, emptied question box, question under way."""
        mine = _mine(request)
        number = turns[-1].number + 1 if turns else 1
        kept = question[: service.settings.question_max + 200].removeprefix(ALONE)
        asked = Turn(number, kept, None, carried=carried(question, turns))
        before, cards = await anyio.to_thread.run_sync(view, mine, turns)
        waiting = {"role": "assistant", "content": render("chat/waiting.html", mine.language)}
        question_shown = {"role": "user", "content": chat_question(asked, mine.language)}
        yield turns, [*before, question_shown, waiting], cards, "", kept
        done = await queue.turn(mine, lambda own: answered(own, metrics, asked, scope or (), (since, until, validity)))
        turns = [*turns, done][-TURNS_MAX:]
        yield turns, *await anyio.to_thread.run_sync(view, mine, turns), "", ""

    def stopped(turns: list[Turn], pending: str, request: gr.Request) -> tuple[list[Turn], Messages, str, str, str]:
        """As it was before the question under way, which goes back into its box."""
        mine = _mine(request)
        return turns, *view(mine, turns), pending, ""

    def view(mine: Visible, turns: list[Turn]) -> tuple[Messages, str]:
        """The chat and the panel."""
        return [message for turn in turns for message in said(mine, turn)], shown(mine, turns)

    def said(mine: Visible, turn: Turn) -> Messages:
        """A turn as two chat messages."""
        return [
            {"role": "user", "content": chat_question(turn, mine.language)},
            {"role": "assistant", "content": reply(mine, turn)},
        ]

    def shown(mine: Visible, turns: list[Turn]) -> str:
        """The panel; turns that quote a document removed since are left out."""
        try:
            return panel(turns, mine.document, mine.language)
        except YuanwenError:
            return panel([turn for turn in turns if _is_there(turn, mine)], mine.document, mine.language)

    def emptied(request: gr.Request) -> tuple[list[Turn], Messages, str, str, str]:
        """A conversation that has not begun."""
        return [], [], empty_panel(language_of(_sent(request).scope)), "", ""

    named = labels(CHINESE)
    with gr.Blocks(title="原文 · 用原文回答", analytics_enabled=False, fill_width=True) as page:
        turns, pending = gr.State([]), gr.State("")
        with gr.Row(elem_id="yw-top"):
            brand = gr.Markdown(elem_id="yw-brand", **named["brand"])
            status = gr.Markdown("", elem_id="yw-status")
        with gr.Row(elem_id="yw-main", equal_height=False):
            with gr.Column(scale=5, min_width=300, elem_id="yw-talk"):
                chat = gr.Chatbot(
                    elem_id="yw-chat", show_label=False, height=None, buttons=[], feedback_options=None,
                    latex_delimiters=[], line_breaks=False, group_consecutive_messages=False, layout="bubble",
                    autoscroll=False, allow_file_downloads=False, **named["chat"],
                )  # fmt: skip
                starter = gr.Markdown("", elem_id="yw-starters")
                with gr.Row(elem_id="yw-ask"):
                    question = gr.Textbox(
                        elem_id="yw-question", show_label=False, container=False, scale=8, lines=1, max_lines=6,
                        autofocus=True, min_width=120, **named["question"],
                    )  # fmt: skip
                    send = gr.Button(variant="primary", elem_id="yw-send", scale=1, min_width=72, **named["send"])
                    stop = gr.Button(
                        variant="secondary", elem_id="yw-stop-asking", scale=1, min_width=72, **named["stop"]
                    )
                with gr.Accordion(open=False, elem_id="yw-scope", **named["narrowing"]) as narrowing:
                    scope = gr.Dropdown(
                        choices=[], multiselect=True, allow_custom_value=True, elem_id="yw-scope-list", **named["scope"]
                    )
                    with gr.Row(elem_id="yw-when"):
                        since = gr.Textbox("", max_length=20, min_width=130, **named["since"])
                        until = gr.Textbox("", max_length=20, min_width=130, **named["until"])
                        validity = gr.Radio(value="", min_width=260, **named["validity"])
                clear = gr.Button(variant="secondary", size="sm", elem_id="yw-clear", **named["clear"])
            with gr.Column(scale=6, min_width=300, elem_id="yw-evidence"):
                cards = gr.Markdown(elem_id="yw-cards", latex_delimiters=[], line_breaks=False, **named["cards"])
        labelled = [brand, chat, question, send, stop, narrowing, scope, since, until, validity, clear, cards]
        outputs = [turns, chat, cards, question, pending]
        asking = gr.on(
            [question.submit, send.click], respond, [question, turns, scope, since, until, validity], outputs, show_progress="hidden",
            trigger_mode="multiple", api_visibility="private",
        )  # fmt: skip
        stop.click(
            stopped, [turns, pending], outputs, cancels=[asking], show_progress="hidden", queue=False,
            api_visibility="private",
        )  # fmt: skip
        clear.click(
            emptied, None, outputs, show_progress="hidden", queue=False,
            api_visibility="private",
        )  # fmt: skip
        page.load(greet, None, [status, *labelled], show_progress="hidden", queue=False, api_visibility="private")
        page.load(offer, None, starter, show_progress="hidden", queue=False, api_visibility="private")
    # a question leaves this queue at once and waits with those of all others in ours
    page.queue(max_size=64, default_concurrency_limit=None, api_open=False)
    return page


def _mine(request: gr.Request) -> Visible:
    """What the person who caused an event may see."""
    return visible_of(_sent(request))


def _sent(request: gr.Request) -> Request:
    """The request behind an event. Gradio has none for an event that no browser sent, and ours all are sent."""
    if request.request is None:
        raise AccessError("这个操作不是从网页发来的。/ Not sent by a page.", code="token-invalid")
    return request.request


def _is_there(turn: Turn, mine: Visible) -> bool:
    """True when every document that the turn quotes is still there."""
    if turn.answer is None:
        return True
    known = mine.service.catalog.sources()
    return all(excerpt.doc_id in known and mine.sees(excerpt.doc_id) for excerpt in turn.answer.excerpts)
