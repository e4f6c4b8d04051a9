"""What the page is made of: encoded text, one badge, the mended reading, the source view."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from rag.datamodels import Answer, Document, Excerpt, IngestLine, QueryTerms, Removal, Timings
from rag.errors import UsageError
from rag.index.catalog import Record
from rag.web.front.inert import inert
from rag.web.page.citing import reference
from rag.web.page.render import DIRECT_FROM, Turn, card, chat_answer, panel, segments
from rag.web.page.source import source_view
from rag.web.rest.uploads import safe_folder, safe_name

HOSTILE = (
    "<script>alert(1)</script>\n\n    `x` $$\\frac{1}{2}$$ ${alert(1)} {{7*7}} [a](javascript:alert(1)) "
    "<img src=x onerror=alert(1)>"
)


class Text(HTMLParser):
    """The text and the tags of an HTML fragment."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.tags = "", set()
        self.feed(str(html))

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.add(tag)


def record(text: str, removals: tuple[Removal, ...] = (), **facts: str) -> Record:
    document = Document("a/文.txt", facts.pop("title", "标题"), text, "0" * 64, "text/plain", facts)
    return Record(document, removals, "", IngestLine("a/文.txt", "", "", 0, 1, len(text), 1.0))


def excerpt(of: Record, start: int, end: int, mended: str | None = None, **more) -> Excerpt:
    text = of.document.text[start:end]
    given = {"headings": (), "highlights": (), "score": 1.0} | more
    where = {"doc_id": of.document.doc_id, "title": of.document.title, "start": start, "end": end}
    return Excerpt(1, text=text, mended=mended or text, **where, **given)


def answer(*excerpts: Excerpt, confidence: float = 0.9, **more) -> Answer:
    return Answer("问题", True, confidence, excerpts, Timings(), **more)


def test_what_is_left_out_between_two_quoted_sentences_is_shown_as_left_out():
    made = record("甲是这样。乙是那样。\n丙不相干。丁是这样。")
    marked = ((0, 5), (5, 10), (11, 16)), ((0, 5), (16, 21))
    leads = [
        Text(chat_answer(Turn(1, "问题", answer(excerpt(made, 0, 21, highlights=one))), lambda _: made)).text
        for one in marked
    ]
    assert "甲是这样。乙是那样。 丙不相干。" in leads[0] and "甲是这样。……丁是这样。" in leads[1]


def test_only_the_first_card_is_called_a_direct_answer_and_only_when_that_is_probable():
    made = record("工会章程")
    # scores are deviations, not shares: a second excerpt nearly as good, or better, says nothing of its being an answer
    first, second = excerpt(made, 0, 2, score=3.5), replace(excerpt(made, 2, 4, score=4.0), marker=2)
    for confidence, badges in ((DIRECT_FROM, 1), (0.99, 1), (DIRECT_FROM - 0.001, 0), (0.5, 0)):
        turn = Turn(1, "问题", answer(first, second, confidence=confidence))
        html = panel([turn], lambda doc_id: made)
        assert html.count("yw-level") == html.count("直接回答") == badges
        assert "相关" not in html and "供参考" not in html
        assert html.index("src-1-1") < html.find("直接回答") < html.index("src-1-2") or not badges
        sure = "文件里是这样写的" in chat_answer(turn, lambda doc_id: made)
        assert sure is bool(badges)


def test_a_card_says_why_it_is_there_and_hostile_words_stay_words():
    made = record("工会章程")
    own = replace(excerpt(made, 0, 4), stages={"lexical": 3.21, "dense": 0.9}, matched=(HOSTILE, "工会"), named=True)
    terms = QueryTerms("工会", ("工会",), {HOSTILE: "工会"})
    html = card(1, own, made, answer(own, terms=terms), "工會")
    found = Text(html.split('<details class="yw-also yw-why">')[1])
    assert found.tags <= {"summary", "ul", "li"} and "\n" not in html
    for words in (
        "为什么排在这里", "问题直接点名了这一处", f"命中：{HOSTILE}、工会", "字词 BM25 3.21，语义 0.90",
        "检索词：工会", "按“工会”比较", f"“工会”也找：{HOSTILE}",
    ):  # fmt: skip
        assert words.replace("\n", "") in found.text.replace("\n", "")


def test_inert_text_reads_the_same_and_has_no_markup():
    encoded = inert(HOSTILE)
    assert Text(encoded).text == HOSTILE and not Text(encoded).tags
    assert not set(encoded) & set("<>$`{}[]()\\\"'\n")
    assert inert("\ud800\x85") == "&#65533;&#65533;"


def test_nothing_hostile_becomes_a_tag():
    made = record(HOSTILE, title=HOSTILE, issuer=HOSTILE)
    own = excerpt(made, 0, len(HOSTILE), headings=(HOSTILE,), page=HOSTILE)
    html = card(1, own, made, answer(own))
    allowed = {"details", "summary", "span", "div", "button", "mark", "ul", "li"}
    assert Text(html).tags <= allowed and "\n" not in html
    view = source_view(made, 0, 5)
    assert Text(view).tags <= allowed | {"h2", "label", "input", "del"}


def test_a_mended_excerpt_reads_on_and_says_so():
    text = "工会要维护职\n\n第3页\n\n工权益。"
    cut = Removal(6, 13, "page-break", joins=True)
    made = record(text, (cut,))
    mended = text[:6] + text[13:]
    own = excerpt(made, 0, len(text), mended, highlights=((2, len(text)),))
    html = card(1, own, made, answer(own))
    assert "工会要<mark>" not in html and "已接续断行" in html
    assert "工会要维护职工权益。" in Text(html).text and "第3页" not in Text(html).text
    view = source_view(made, 0, len(text))
    assert "分页断行" in view and "<del" in view and Text(view).text.count("第3页") == 1


def test_segments_cover_exactly_once():
    pieces = list(segments(3, 20, [(0, 5), (8, 30)], [(4, 9)]))
    assert [a for a, _, _ in pieces] == [3, 4, 5, 8, 9] and pieces[-1][1] == 20
    assert [flags for _, _, flags in pieces] == [(1, 0), (1, 1), (0, 1), (1, 1), (1, 0)]


def test_the_source_view_holds_every_character_and_marks_the_quote():
    text = "前文。\r\n引文在此。\n后文。" * 3
    made = record(text)
    view = source_view(made, 5, 10)
    body = view[view.index("yw-source-text") :]
    shown = Text(body[body.index(">") + 1 :]).text
    assert shown.startswith(text)
    assert f'<mark id="yw-quote" tabindex="-1">{inert(text[5:10])}</mark>' in view
    long = record("字" * 100_000)
    assert "后面还有" in source_view(long, 0, 10) and "前面还有" in source_view(long, 90_000, 90_010)


def test_older_turns_keep_their_cards(toy_service):
    answers = [toy_service.ask(q) for q in ("做到四同步、四衔接，同步部署推进", "弘扬劳模精神、劳动精神、工匠精神")]
    turns = [Turn(n, answer.question, answer) for n, answer in enumerate(answers, 1)]
    html = panel(turns, toy_service.document)
    for turn in turns:
        for one in turn.answer.excerpts:
            assert html.count(f'id="src-{turn.number}-{one.marker}"') == 1
            assert f"#src-{turn.number}-{one.marker}" in chat_answer(turn, toy_service.document)
    assert html.index("src-2-1") < html.index("src-1-1")


def test_a_refusal_says_what_was_searched(toy_service):
    refused = Turn(1, "？", Answer("？", False, 0.1, (), Timings()), near=("近旁的问题",), searched=5)
    said = chat_answer(refused, toy_service.document)
    assert "查找了 5 篇文档" in said and "近旁的问题" in said and "yw-cite" not in said


def test_references():
    import datetime

    facts = {"issuer": "全国总工会", "doc_number": "总工发〔2022〕1号", "date": "2022-01-05"}
    made = record("字" * 50, title="关于工会的意见", **facts)
    today = datetime.date(2026, 1, 2)
    assert reference(made.document, 4, 9, "第3页", today) == (
        "全国总工会. 关于工会的意见: 总工发〔2022〕1号[Z/OL]. (2022-01-05)[2026-01-02]. a/文.txt, 第3页, 第5—9字."
    )
    assert reference(record("字").document, 0, 1, "", today) == "标题[Z/OL]. [2026-01-02]. a/文.txt, 第1—1字."


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("a.txt", "a.txt"), ("../../etc/passwd.txt", "passwd.txt"), ("C:\\x\\y.docx", "y.docx"),
        ("a\x00b.txt", "a_b.txt"),
        ("关于\u202e通知.pdf", "关于_通知.pdf"), (" .隐藏.txt", "隐藏.txt"),
        ("名" * 200 + ".txt", "名" * 58 + ".txt"),
    ],
)  # fmt: skip
def test_safe_names(name, safe):
    assert safe_name(name) == safe


@pytest.mark.parametrize(
    ("path", "safe"), [("", ""), (" ", ""), ("/", ""), ("人事", "人事"), ("人事/2024年/", "人事/2024年"), ("ａ", "ａ")]
)
def test_safe_folders(path, safe):
    assert safe_folder(path) == safe


@pytest.mark.parametrize(
    "path",
    [
        "/etc", "..", "人事/../机密", "人事/.", "a//b", "//", "人事\\机密", "C:", "人事 /甲", "人事\u202e", "人\u200b事", "a\x00",
        "公文.zip", "甲/公文.zip/乙", "a/b/c/d/e/f/g/h/i", "长" * 100, "\ud800", "人\n事", "*", "人事\u2028甲",
    ],
)  # fmt: skip
def test_unsafe_folders_are_refused(path):
    with pytest.raises(UsageError) as caught:
        safe_folder(path)
    assert caught.value.code == "folder-name"
