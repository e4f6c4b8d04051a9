"""The page: a chat on one side, the numbered excerpts on the other. Gradio carries it, `rag.web.page.render` words it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import gradio as gr

from rag.access.identity import Identity, Role
from rag.errors import YuanwenError
from rag.service import Service
from rag.web.front.inert import inert
from rag.web.front.metrics import Metrics
from rag.web.front.queueing import Queue
from rag.web.front.reading import Reading, reading_of
from rag.web.front.state import Startup
from rag.web.page.examples import Starters
from rag.web.page.followup import ALONE, carried
from rag.web.page.narrowing import VALIDITIES, scopes
from rag.web.page.render import LANGUAGE, Turn, ask_button, chat_question, empty_panel, panel
from rag.web.page.turns import answered, reply

TURNS_MAX = 30  # older turns leave the panel and the session
FONTS = ["system-ui", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", "sans-serif"]
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]
# Relative, so that they hold under any sub-path.
HEAD = (
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<link rel="icon" href="page/icon.svg"><link rel="stylesheet" href="page/page.css">'
    '<script src="page/page.js" defer></script><script src="page/sheets.js" defer></script>'
    '<script src="page/basket.js" defer></script><script src="page/english.js" defer></script>'
)
BRAND = '<div class="yw-brand"><h1>原文</h1><span>用文件里的原话回答，每一句都可核对</span></div>'
HELLO = '<div class="yw-hello"><strong>请提问</strong><br>例如查一个提法、一项要求、一个数字出自哪里</div>'
_BASKET = '<button type="button" class="yw-act" value="basket">摘编 <span id="yw-count">0</span></button>'
Messages = list[dict[str, str]]


def theme() -> gr.themes.Base:
    """Quiet colours, system fonts, nothing fetched."""
    return gr.themes.Default(
        primary_hue="red", neutral_hue="stone", font=FONTS, font_mono=MONO, radius_size="md", text_size="md"
    )


def build_ui(service: Service, startup: Startup, metrics: Metrics, queue: Queue) -> gr.Blocks:
    """The Gradio app; nothing is loaded here."""

    starters = Starters()

    def greet(request: gr.Request) -> tuple[str, gr.Dropdown]:
        """The line under the title, and the documents to choose from."""
        if not startup.ready:
            sign = f'<div class="yw-status yw-starting" role="status">{inert(startup.step)}</div>'
            return sign, gr.Dropdown(choices=[])
        mine = _mine(request)
        titles = mine.titles()
        status = f'<div class="yw-status"><span>在 {len(titles)} 篇文档中查找</span>{tools(mine.identity)}</div>'
        return status, gr.Dropdown(choices=scopes(titles))

    def offer(request: gr.Request) -> str:
        """Example questions; apart from the greeting, for finding them may wait for a new index to be calibrated."""
        if not startup.ready:
            return ""
        chips = "".join(ask_button(question) for question in starters.of(_mine(request)))
        return f'<div class="yw-chips"><span>试着问：</span>{chips}</div>' if chips else ""

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
        waiting = {"role": "assistant", "content": '<div class="yw-waiting">正在查找原文…</div>'}
        yield turns, [*before, {"role": "user", "content": chat_question(asked)}, waiting], cards, "", kept
        done = await queue.turn(mine, lambda own: answered(own, metrics, asked, scope or (), (since, until, validity)))
        turns = [*turns, done][-TURNS_MAX:]
        yield turns, *await anyio.to_thread.run_sync(view, mine, turns), "", ""

    def stopped(turns: list[Turn], pending: str, request: gr.Request) -> tuple[list[Turn], Messages, str, str, str]:
        """As it was before the question under way, which goes back into its box."""
        mine = _mine(request)
        return turns, *view(mine, turns), pending, ""

    def view(mine: Reading, turns: list[Turn]) -> tuple[Messages, str]:
        """The chat and the panel."""
        return [message for turn in turns for message in said(mine, turn)], shown(mine, turns)

    def said(mine: Reading, turn: Turn) -> Messages:
        """A turn as two chat messages."""
        return [
            {"role": "user", "content": chat_question(turn)},
            {"role": "assistant", "content": reply(mine, turn)},
        ]

    def shown(mine: Reading, turns: list[Turn]) -> str:
        """The panel; turns that quote a document removed since are left out."""
        try:
            return panel(turns, mine.document)
        except YuanwenError:
            return panel([turn for turn in turns if _stands(turn, mine)], mine.document)

    with gr.Blocks(title="原文 · 用原文回答", analytics_enabled=False, fill_width=True) as page:
        turns, pending = gr.State([]), gr.State("")
        with gr.Row(elem_id="yw-top"):
            gr.Markdown(BRAND, elem_id="yw-brand")
            status = gr.Markdown("", elem_id="yw-status")
        with gr.Row(elem_id="yw-main", equal_height=False):
            with gr.Column(scale=5, min_width=300, elem_id="yw-talk"):
                chat = gr.Chatbot(
                    elem_id="yw-chat", show_label=False, height=None, buttons=[], feedback_options=None,
                    latex_delimiters=[], line_breaks=False, group_consecutive_messages=False, layout="bubble",
                    label="对话", autoscroll=False, allow_file_downloads=False,
                    placeholder=HELLO,
                )  # fmt: skip
                starter = gr.Markdown("", elem_id="yw-starters")
                with gr.Row(elem_id="yw-ask"):
                    question = gr.Textbox(
                        elem_id="yw-question", show_label=False, label="问题", container=False, scale=8, lines=1,
                        max_lines=6, placeholder="输入问题，按回车提问", autofocus=True, min_width=120,
                    )  # fmt: skip
                    send = gr.Button("提问", variant="primary", elem_id="yw-send", scale=1, min_width=72)
                    stop = gr.Button("停止", variant="secondary", elem_id="yw-stop-asking", scale=1, min_width=72)
                with gr.Accordion("查找范围：文档、日期、效力（缺省为全部）", open=False, elem_id="yw-scope"):
                    scope = gr.Dropdown(
                        choices=[], multiselect=True, label="只在这些文档或文件夹中查找（可多选，留空为全部）",
                        allow_custom_value=True, elem_id="yw-scope-list",
                    )  # fmt: skip
                    with gr.Row(elem_id="yw-when"):
                        since = gr.Textbox(
                            "", label="日期从（含）", placeholder="如 2020-05", max_length=20, min_width=130
                        )
                        until = gr.Textbox("", label="到（含）", placeholder="如 2023-12", max_length=20, min_width=130)
                        validity = gr.Radio(VALIDITIES, value="", label="效力", min_width=260)
                clear = gr.Button("清空对话", variant="secondary", size="sm", elem_id="yw-clear")
            with gr.Column(scale=6, min_width=300, elem_id="yw-evidence"):
                cards = gr.Markdown(empty_panel(), elem_id="yw-cards", latex_delimiters=[], line_breaks=False)
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
            lambda: ([], [], empty_panel(), "", ""), None, outputs, show_progress="hidden", queue=False,
            api_visibility="private",
        )  # fmt: skip
        page.load(greet, None, [status, scope], show_progress="hidden", queue=False, api_visibility="private")
        page.load(offer, None, starter, show_progress="hidden", queue=False, api_visibility="private")
    # a question leaves this queue at once and waits with those of all others in ours
    page.queue(max_size=64, default_concurrency_limit=None, api_open=False)
    return page


def tools(identity: Identity) -> str:
    """What stands beside the title: only what they may use."""
    manage = '<a href="page/admin">文档管理</a>' if identity.role >= Role.EDITOR else ""
    leave = ""
    if identity.via == "password":
        leave = f'<span>{inert(identity.name)}</span><button type="button" class="yw-act" value="logout">退出</button>'
    return f"{_BASKET}{manage}{LANGUAGE}{leave}"


def _mine(request: gr.Request) -> Reading:
    """The reading that the gate has opened for an event."""
    return reading_of(request.request)


def _stands(turn: Turn, mine: Reading) -> bool:
    """True when every document that the turn quotes is still there."""
    if turn.answer is None:
        return True
    known = mine.service.catalog.sources()
    return all(excerpt.doc_id in known and mine.sees(excerpt.doc_id) for excerpt in turn.answer.excerpts)
