"""Rewrite the catalogue of messages from the code: `make messages`. New messages are left empty, for a person to translate.

Writes, under rag/web/locale: en/LC_MESSAGES/yuanwen.po (to edit), yuanwen.mo (what runs), scripts.json (what the page's
scripts say). Messages that the code no longer holds are dropped.
"""

from __future__ import annotations

import io
import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from rag.search.stages import SCORES

ROOT = Path(__file__).resolve().parents[1]
WEB = ROOT / "rag" / "web"
LOCALE = WEB / "locale"
KEYWORDS = {"_": None, "message": None, "say": (2,), "say_html": (2,)}
# Babel's own reader of JavaScript loses its way in regular expressions; ours holds messages as `_("…")` only.
SCRIPT_MESSAGE = re.compile(r'\b_\("((?:[^"\\\n]|\\.)*)"')
_DATES = re.compile(r'^"(?:POT-Creation|PO-Revision)-Date.*\n', re.MULTILINE)


def extracted() -> Catalog:
    """Every message of the code with the files that hold it; no translations."""
    found = Catalog(project="yuanwen", charset="utf-8")
    for folder, files, method in ((WEB, "*.py", "python"), (WEB / "templates", "*.html", "jinja2.ext:babel_extract")):
        for path in sorted(folder.rglob(files)):
            for _, text, _, _ in extract_from_file(method, path, KEYWORDS):
                found.add(text, locations=[(path.relative_to(ROOT).as_posix(), 0)])
    for label in SCORES.values():  # a search stage brings the name of its score
        found.add(label, locations=[("rag/search/stages/__init__.py", 0)])
    for name, texts in in_scripts().items():
        for text in texts:
            found.add(text, locations=[(f"rag/web/assets/{name}", 0)])
    return found


def in_scripts() -> dict[str, list[str]]:
    """The messages of each script."""
    return {
        path.name: sorted(
            {json.loads(f'"{text}"') for text in SCRIPT_MESSAGE.findall(path.read_text(encoding="utf-8"))}
        )
        for path in sorted((WEB / "assets").glob("*.js"))
    }


def po_file(language: str) -> Path:
    """The file that people edit."""
    return LOCALE / language / "LC_MESSAGES" / "yuanwen.po"


def kept(language: str) -> Catalog:
    """The catalogue of a language as it is stored."""
    with po_file(language).open("rb") as opened:
        return read_po(opened, locale=language)


def updated(language: str) -> Catalog:
    """The catalogue of a language with the messages of the code and nothing else."""
    catalog = kept(language) if po_file(language).is_file() else Catalog(locale=language, charset="utf-8")
    catalog.update(extracted(), no_fuzzy_matching=True)
    return catalog


def po_text(catalog: Catalog) -> str:
    """A catalogue as text, without anything that changes when no message does."""
    target = io.BytesIO()
    write_po(target, catalog, width=0, ignore_obsolete=True, include_lineno=False, sort_output=True)
    return _DATES.sub("", target.getvalue().decode())


def mo_bytes(catalog: Catalog) -> bytes:
    """A catalogue as gettext reads it."""
    target = io.BytesIO()
    plain = read_po(io.BytesIO(po_text(catalog).encode()), locale=catalog.locale)
    plain.creation_date = plain.revision_date = datetime(2000, 1, 1, tzinfo=UTC)  # of no meaning, so always the same
    write_mo(target, plain)
    return target.getvalue()


def main() -> None:
    """Rewrite all files; exit 1 when a message has no translation."""
    catalog = updated("en")
    po_file("en").parent.mkdir(parents=True, exist_ok=True)
    po_file("en").write_text(po_text(catalog), encoding="utf-8")
    po_file("en").with_suffix(".mo").write_bytes(mo_bytes(catalog))
    scripts = json.dumps(in_scripts(), ensure_ascii=False, indent=1)
    (LOCALE / "scripts.json").write_text(f"{scripts}\n", encoding="utf-8")
    empty = [str(own.id) for own in catalog if own.id and not own.string]
    for text in empty:
        sys.stderr.write(f"not translated: {text}\n")
    sys.exit(1 if empty else 0)


if __name__ == "__main__":
    main()
