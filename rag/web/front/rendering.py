"""Templates to HTML: one environment in which whatever is put in is encoded, so that nobody can forget it.

In: the name of a template in `rag/web/templates`, records. Out: Markup on one line, for a blank line would end an HTML
block in Markdown.
"""

from __future__ import annotations

import re
from functools import cache, partial

import jinja2
from jinja2.ext import Extension
from markupsafe import Markup

from rag.web.front.inert import encoded, percent, span_address
from rag.web.front.language import TAGS, Language, say_html


class OneLine(Extension):
    """Line ends and indentation of a template are layout: one blank between words of a tag, nothing elsewhere."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """The source on one line."""
        lines = [line.strip() for line in source.split("\n")]
        joined = "\n".join(line for line in lines if line)
        return re.sub(r"\n", " ", re.sub(r"(?<=[>}])\n|\n(?=[<{])", "", joined))


@cache
def environment(language: Language) -> jinja2.Environment:
    """The environment of a language. `_` says a message; `percent` and `span_address` make addresses."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("rag.web", "templates"), autoescape=True, finalize=encoded, auto_reload=False,
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, extensions=[OneLine],
    )  # fmt: skip
    made.filters["percent"] = percent
    made.globals |= {"_": partial(say_html, language), "span_address": span_address, "language": language}
    made.globals["language_tag"] = TAGS[language]
    return made


def render(template: str, language: Language, **values: object) -> Markup:
    """A template filled in. Raises jinja2.UndefinedError when it asks for a value that is not there."""
    return Markup(environment(language).get_template(template).render(values))
