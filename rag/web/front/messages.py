"""The messages of the page's scripts: a script that fills the catalogue which `page.js` reads.

Which messages those are is kept in `locale/scripts.json`, written by `make messages` from the scripts themselves.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources

from rag.web.front.language import TAGS, Language, catalogue


@lru_cache(maxsize=1)
def in_scripts() -> dict[str, list[str]]:
    """The messages of each script, by its file's name."""
    text = resources.files("rag.web").joinpath("locale/scripts.json").read_text(encoding="utf-8")
    return json.loads(text)


def translated(names: list[str], language: Language) -> dict[str, str]:
    """The messages of some scripts, by the Chinese that the code holds."""
    words = catalogue(language)
    return {text: words.gettext(text) for name in names for text in in_scripts()[name]}


def script(language: Language) -> str:
    """A script that gives the messages of all scripts of the page, in a language."""
    names = [name for name in in_scripts() if name != "embed.js"]
    held = {"language": language, "tag": TAGS[language], "messages": translated(names, language)}
    return f"window.yuanwenMessages = {json.dumps(held, ensure_ascii=False, sort_keys=True)};\n"
