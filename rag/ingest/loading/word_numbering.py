"""The automatic numbers of Word lists (第一条, （二）, 3.): they are not in the text, but readers cite by them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rag.ingest.loading.safety import parse_xml
from rag.text.numerals import to_numeral

if TYPE_CHECKING:
    from docx.document import Document as WordDocument
    from lxml import etree

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_STEMS = "甲乙丙丁戊己庚辛壬癸"
_BRANCHES = "子丑寅卯辰巳午未申酉戌亥"


@dataclass(frozen=True, slots=True)
class _Level:
    kind: str
    pattern: str
    start: int
    style: str


@dataclass(slots=True)
class Numbering:
    """Counts the numbered paragraphs of one document as they pass, in order."""

    levels: Mapping[str, Mapping[int, _Level]] = field(default_factory=dict)
    lists: Mapping[str, str] = field(default_factory=dict)
    styles: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    _counts: dict[str, dict[int, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, document: WordDocument) -> Numbering:
        """The numbering definitions of `document`; an empty one where it has none."""
        blob = next(
            (r.target_part.blob for r in document.part.rels.values()
             if r.reltype.endswith("/numbering") and not r.is_external),
            None,
        )  # fmt: skip
        if blob is None:
            return cls()
        root = parse_xml(blob)
        levels = {_val(a, "abstractNumId", own=True): _levels(a) for a in root.iter(_W + "abstractNum")}
        lists: dict[str, str] = {}
        for number in root.iter(_W + "num"):
            target = number.find(_W + "abstractNumId")
            if target is not None:
                lists[_val(number, "numId", own=True)] = target.get(_W + "val", "")
        return cls(levels, lists, _style_numbers(document))

    def label(self, paragraph: etree._Element) -> str:
        """The number of this paragraph as Word shows it, or ""; counts it."""
        list_id, depth = self._place(paragraph)
        abstract = self.lists.get(list_id, "")
        levels = self.levels.get(abstract, {})
        level = levels.get(depth)
        if level is None or level.kind in {"none", "bullet"}:
            return ""
        counts = self._counts.setdefault(abstract, {})
        counts[depth] = counts.get(depth, level.start - 1) + 1
        for deeper in [d for d in counts if d > depth]:
            del counts[deeper]

        def one(match: re.Match[str]) -> str:
            at = int(match[1]) - 1
            shown = levels.get(at)
            return format_number(counts.get(at, shown.start if shown else 1), shown.kind if shown else "decimal")

        text = re.sub(r"%([1-9])", one, level.pattern)
        return text if not text or text[-1] in "、.．)）" else text + " "

    def _place(self, paragraph: etree._Element) -> tuple[str, int]:
        properties = paragraph.find(_W + "pPr")
        if properties is None:
            return "", 0
        number = properties.find(_W + "numPr")
        if number is not None:
            return _val(number, "numId"), _small(_val(number, "ilvl"))
        style = properties.find(_W + "pStyle")
        return self.styles.get(style.get(_W + "val", ""), ("", 0)) if style is not None else ("", 0)


def format_number(number: int, kind: str) -> str:
    """`number` written in one of Word's number formats; unknown formats give digits."""
    if kind in {"chineseCounting", "chineseCountingThousand", "taiwaneseCounting", "taiwaneseCountingThousand",
                "japaneseCounting", "ideographDigital", "chineseLegalSimplified"}:  # fmt: skip
        return to_numeral(number)
    if kind == "decimalEnclosedCircle" and 1 <= number <= 20:
        return chr(0x2460 + number - 1)
    if kind == "ideographTraditional" and number <= 10:
        return _STEMS[number - 1]
    if kind == "ideographZodiac" and number <= 12:
        return _BRANCHES[number - 1]
    if kind in {"lowerLetter", "upperLetter"} and number >= 1:
        letter = chr(97 + (number - 1) % 26) * ((number - 1) // 26 + 1)
        return letter.upper() if kind == "upperLetter" else letter
    if kind in {"lowerRoman", "upperRoman"} and 1 <= number < 4000:
        roman = _roman(number)
        return roman.lower() if kind == "lowerRoman" else roman
    if kind == "decimalZero":
        return f"{number:02d}"
    return str(number)


def _roman(number: int) -> str:
    out = ""
    for value, sign in ((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"),
                        (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")):  # fmt: skip
        out += sign * (number // value)
        number %= value
    return out


def _levels(abstract: etree._Element) -> dict[int, _Level]:
    found = {}
    for level in abstract.iter(_W + "lvl"):
        start = _val(level, "start")
        found[_small(_val(level, "ilvl", own=True))] = _Level(
            _val(level, "numFmt") or "decimal", _val(level, "lvlText"), _small(start) if start else 1,
            _val(level, "pStyle"),
        )  # fmt: skip
    return found


def _style_numbers(document: WordDocument) -> dict[str, tuple[str, int]]:
    """List and level by style, for headings whose style is numbered."""
    found = {}
    for style in document.styles.element.iter(_W + "style"):
        number = style.find(f"{_W}pPr/{_W}numPr")
        if number is not None:
            found[style.get(_W + "styleId", "")] = (_val(number, "numId"), _small(_val(number, "ilvl")))
    return found


def _val(element: etree._Element, name: str, *, own: bool = False) -> str:
    """The w:val of the child `name`, or with `own` the attribute `name` of the element itself."""
    if own:
        return element.get(_W + name, "")
    child = element.find(_W + name)
    return "" if child is None else child.get(_W + "val", "")


def _small(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
