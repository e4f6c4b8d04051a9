"""What is put into a template is inert wherever it is put, and no template can switch that off."""

from __future__ import annotations

import jinja2
import pytest
from jinja2 import nodes

from rag.config import ROOT
from rag.web.front.inert import encoded, percent
from rag.web.front.language import LANGUAGES
from rag.web.front.rendering import environment, render
from tests.web.test_render import HOSTILE, Text

TEMPLATES = sorted((ROOT / "rag" / "web" / "templates").rglob("*.html"))
NAMES = [path.relative_to(ROOT / "rag" / "web" / "templates").as_posix() for path in TEMPLATES]
ACTING = set("<>$`{}[]()\\\"'\n")


def made(source: str, **values: object) -> str:
    return environment("zh").from_string(source).render(values)


@pytest.mark.parametrize(
    "source",
    [
        "{{ x }}", "{% for one in [x] %}{{ one }}{% endfor %}", "{% macro m(y) %}{{ y }}{% endmacro %}{{ m(x) }}",
        "{% set y %}{{ x }}{% endset %}{{ y }}", "{{ x if true else '' }}", "{{ _('文件夹：{name}', name=x) }}",
        "{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}{{ x }}{% endcall %}",
    ],
)  # fmt: skip
def test_a_hostile_text_is_inert_wherever_it_is_put(source):
    html = made(source, x=HOSTILE)
    assert not set(html) & ACTING
    assert Text(html).text.removeprefix("文件夹：") == HOSTILE


def test_in_an_attribute_and_in_an_address_too():
    html = made('<a title="{{ x }}" href="?q={{ x|percent }}">', x=HOSTILE)
    title, address = html.removeprefix('<a title="').removesuffix('">').split('" href="?q=')
    assert not set(title + address) & ACTING and Text(title).text == HOSTILE
    assert set(str(percent("%zz<>&\"' é"))) <= set("%0123456789ABCDEFzé".replace("é", ""))


def test_a_value_that_is_not_given_is_an_error():
    with pytest.raises(jinja2.UndefinedError):
        made("{{ nobody }}")


def test_numbers_and_what_was_encoded_before_are_not_encoded_again():
    assert encoded(12) == "12" and made("{{ x }}", x=encoded("<")) == "&#60;"


@pytest.mark.parametrize("name", NAMES)
def test_no_template_escapes_from_encoding(name):
    """No joining with `~`, `+` of texts or `%`, which would encode less; no filter or block that switches it off."""
    source = environment("zh").loader.get_source(environment("zh"), name)[0]
    tree = environment("zh").parse(source)
    assert {own.name for own in tree.find_all(nodes.Filter)} <= {"percent", "length"}
    assert not list(tree.find_all((nodes.Concat, nodes.Mod, nodes.Mul, nodes.ScopedEvalContextModifier)))
    for own in tree.find_all(nodes.Add):
        assert isinstance(own.right, nodes.Const) and isinstance(own.right.value, int)
    called = {own.node.name for own in tree.find_all(nodes.Call) if isinstance(own.node, nodes.Name)}
    assert "Markup" not in called and not [
        own for own in tree.find_all(nodes.Call) if isinstance(own.node, nodes.Getattr)
    ]
    for language in LANGUAGES:
        environment(language).get_template(name)


def test_only_the_modules_that_encode_make_markup():
    makers = {
        path.relative_to(ROOT / "rag" / "web").as_posix()
        for path in (ROOT / "rag" / "web").rglob("*.py")
        if "Markup(" in path.read_text(encoding="utf-8")
    }
    assert makers <= {"front/inert.py", "front/language.py", "front/rendering.py"}


def test_a_template_is_laid_out_on_lines_and_filled_in_on_one(site):
    html = render("cards/empty.html", "zh")
    assert "\n" not in html and "  " not in html and "{#" not in html
    assert '<p class="yw-empty-title">原文摘录会出现在这里</p><ul><li>' in html
