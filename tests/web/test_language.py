"""The interface's two languages: which one a request gets, and a catalogue in which nothing is missing or left over."""

from __future__ import annotations

import ast
import gettext
import io
import json
import re
from string import Formatter

import pytest

from docs import catalogue
from rag.config import ROOT
from rag.web.front.language import COOKIE, HEADER, say, say_html, wanted
from rag.web.front.language import catalogue as loaded
from rag.web.page.source import REASONS
from tests.web.test_render import HOSTILE, Text

WEB = ROOT / "rag" / "web"
HAN = re.compile(r"[\u3400-\u9fff]")
# What is Chinese by its nature: the interface document, sentences of errors (both languages in one), exports and
# references in the forms of Chinese standards, patterns that read Chinese questions, log lines.
CHINESE_BY_NATURE = {
    "rest/schemas.py", "rest/api.py", "rest/tools.py", "front/problems.py", "page/compilation.py", "page/citing.py",
    "page/examples.py", "page/followup.py",
}  # fmt: skip


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_message_of_the_code_has_its_english_and_no_other_is_kept():
    in_code = {own.id for own in catalogue.extracted() if own.id}
    kept = {own.id: own for own in catalogue.kept("en") if own.id}
    assert len(in_code) > 250
    assert in_code - set(kept) == set(), "run: make messages"
    assert set(kept) - in_code == set(), "run: make messages"
    assert [text for text, own in kept.items() if not own.string or own.fuzzy] == []
    assert [text for text, own in kept.items() if fields(text) != fields(own.string)] == []


def test_what_runs_is_what_was_translated():
    fresh = gettext.GNUTranslations(io.BytesIO(catalogue.mo_bytes(catalogue.kept("en"))))
    assert loaded("en")._catalog == fresh._catalog, "run: make messages"
    kept = json.loads((WEB / "locale" / "scripts.json").read_text(encoding="utf-8"))
    assert kept == catalogue.in_scripts(), "run: make messages"


def test_no_english_message_is_chinese():
    names = {"原文 Yuanwen"}
    held = [own.string for own in catalogue.kept("en") if own.id and own.string not in names]
    assert [text for text in held if HAN.search(text.replace("通知/2024年", ""))] == []


def literals(source: str) -> list[str]:
    """Chinese texts of Python code outside docstrings, logs, both-language errors and calls that say a message."""
    tree = ast.parse(source)
    kept = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            kept.add(node.value)
        if isinstance(node, ast.JoinedStr) and "/ " in ast.unparse(node):
            kept |= set(ast.walk(node))
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in {"say", "say_html", "message", "info", "warning", "error", "compile"} or name.endswith("Error"):
                kept |= set(ast.walk(node))
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and node not in kept]
    return [
        own.value for own in texts if isinstance(own.value, str) and HAN.search(own.value) and "/ " not in own.value
    ]


def test_no_chinese_is_said_past_the_catalogue():
    for path in WEB.rglob("*.html"):
        source = re.sub(r"\{#.*?#\}|_\(\".*?\"", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert [line for line in source.splitlines() if HAN.search(line)] in ([], [SWITCH]), path.name
    for path in (WEB / "assets").glob("*.js"):
        source = catalogue.SCRIPT_MESSAGE.sub("", path.read_text(encoding="utf-8"))
        source = re.sub(r"^ *//.*$|(?<=[;,{} ])// .*$", "", source, flags=re.MULTILINE)
        lines = [line for line in source.splitlines() if HAN.search(line) and "error.message" not in line]
        assert [line for line in lines if "found[1]" not in line] == [], path.name
    for path in WEB.rglob("*.py"):
        if path.relative_to(WEB).as_posix() not in CHINESE_BY_NATURE:
            found = set(literals(path.read_text(encoding="utf-8"))) - DATA
            assert found == set(), path.name


SWITCH = '<button type="button" class="yw-act" value="language?zh" lang="zh-CN">中文</button>'
# values of documents and files, not words of the interface
DATA = {
    "现行", "废止", "失效", "已被修改", "尚未生效", "核对过的题.jsonl", "评测题模板.xlsx", "起草的评测题.xlsx", "原文 · 用原文回答", "摘编",
    "预热", "读者", "编辑", "管理员",
}  # fmt: skip


@pytest.mark.parametrize(
    ("query", "header", "cookie", "accepted", "language"),
    [
        ("", "", "", "", "zh"), ("lang=en", "zh", f"{COOKIE}=zh", "zh-CN", "en"), ("lang=fr", "", "", "en", "en"),
        ("", "en", f"{COOKIE}=zh", "zh", "en"), ("", "", f"a=b; {COOKIE}=en", "zh-CN,zh", "en"),
        ("", "", "", "en-US,en;q=0.9", "en"), ("", "", "", "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("", "", "", "fr-FR, en;q=0.5", "en"), ("", "", f"{COOKIE}=<b>", "*", "zh"),
        ("q=lang", "", "===", "", "zh"),
    ],
)  # fmt: skip
def test_the_language_of_a_request(query, header, cookie, accepted, language):
    assert wanted(query, header, cookie, accepted) == language


def test_a_language_that_was_chosen_is_remembered(site):
    chosen = site.client.get("/page/gaps?lang=en")
    assert f"{COOKIE}=en; Path=/;" in chosen.headers["set-cookie"]
    assert '<html lang="en">' in chosen.text and "Knowledge gaps" in chosen.text
    assert "Knowledge gaps" in site.client.get("/page/gaps").text  # by the cookie
    assert "知识缺口" in site.client.get("/page/gaps", headers={HEADER: "zh"}).text
    site.client.cookies.clear()
    assert "知识缺口" in site.client.get("/page/gaps").text
    assert "Knowledge gaps" in site.client.get("/page/gaps", headers={"accept-language": "en"}).text
    assert "set-cookie" not in site.client.get("/page/gaps").headers


@pytest.mark.parametrize("path", ["admin", "gaps", "audit", "words", "evaluation", "questions", "login", "../embed"])
def test_pages_in_english_keep_chinese_for_documents_only(site, path):
    page = site.client.get(f"/page/{path}?lang=en", headers={"accept": "text/html"}).text
    site.client.cookies.clear()
    interface = re.findall(
        r"<(?:h1|h2|th|button|nav|label|summary|dt|title|legend)\b.*?(?=<)|aria-label=\"[^\"]*\"", page
    )
    assert len(interface) > 3
    shown = [Text(part.replace("aria-label=", "<p>")).text.replace("原文 Yuanwen", "") for part in interface]
    data = ("通知/2024年", "四同步四衔接", "竞答、答题", "中文")
    assert [part for part in shown if HAN.search(re.sub("|".join(data), "", part)) and "移除" not in part] == []
    assert "移除" not in page and 'lang="en"' in page


def test_the_scripts_get_their_messages(site):
    english = site.client.get("/page/messages.js?lang=en").text
    held = json.loads(english.removeprefix("window.yuanwenMessages = ").removesuffix(";\n"))
    assert held["language"] == "en" and held["messages"]["已复制出处"] == "Citation copied"
    site.client.cookies.clear()
    assert '"language": "zh"' in site.client.get("/page/messages.js").text
    assert '"Ask Yuanwen"' in site.client.get("/embed.js").text


def test_values_of_a_message_are_encoded_in_pages_and_plain_in_texts():
    assert say("en", "文件夹：{name}", name=HOSTILE) == f"Folder: {HOSTILE}"
    made = say_html("zh", "文件夹：{name}", name=HOSTILE)
    assert Text(made).text == f"文件夹：{HOSTILE}" and not Text(made).tags
    assert all(say("en", name) != name for name in REASONS.values())
