"""What kind of fact a question asks for, where its words say so: an amount, a share, a year, a day, a sum of money.

A passage about the right matter that holds no such fact does not answer it: 每户多少元 is not answered by a passage on
relief without any sum. Only kinds that show on the page are known here; all other questions expect nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.text.numerals import NUMERAL

_DIGITS = rf"(?:\d[\d,，.．]*|{NUMERAL}+)"
_SCALE = r"[多余来几]?[十百千万亿]*[多余]?"
_COUNTED = re.compile(
    r"(?<!第)(?:多少|几)[余多]?[十百千]*(?P<scale>[万亿]?)(?:个(?=小时|月|人))?"
    r"(?P<unit>人次|公里|平方米|小时|分钟|"
    r"[个名人位家次回条项种所户件场篇部届期座台辆份册张元块年月天日周岁点级层间倍字亩吨])"
)
_SHARE = re.compile(r"百分之几|多[大少](?:的)?(?:比例|比重)|(?:比例|比重|占比|占)(?:是|为|有)?多少|几成|百分比")
_YEAR = re.compile(r"哪一?年|何年|几几年|哪个年份")
_DAY = re.compile(r"几月几[日号]|哪一?天|哪一?日")
_ANY = re.compile(r"多少|(?<!第)几(?=[^\W\d_])")
# what people ask by, and documents may write instead
_SAME = {
    "回": "次回场", "次": "次回场", "场": "场次", "名": "名人位", "人": "名人位", "位": "名人位", "家": "家个所", "个": "个家项名",
    "块": "元块", "项": "项个", "种": "种类个", "天": "天日", "日": "日号天",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fact:
    """A kind of fact that a question asks for: how it is called, in Chinese, and what it looks like in a text."""

    name: str
    pattern: re.Pattern[str]


_SHARE_HELD = Fact("所问的比例", re.compile(rf"{_DIGITS}\s*[%％‰成]|百分之|{_DIGITS}分之"))
_YEAR_HELD = Fact("所问的年份", re.compile(rf"(?:\d{{2,4}}|{NUMERAL}{{2,4}}|今|去|前|当|本)\s*年"))
_DAY_HELD = Fact("所问的日期", re.compile(rf"(?:\d{{1,2}}|{NUMERAL}{{1,3}})\s*[日号]"))
_ANY_HELD = Fact("所问的数目", re.compile(_DIGITS))
# what programs call a kind of fact that is lacking; all else that can be lacking is a place
CODES = {_SHARE_HELD.name: "share", _YEAR_HELD.name: "year", _DAY_HELD.name: "day", _ANY_HELD.name: "number"}
PLACE = "place"
# how a question points at the document it is about, which says nothing of where in it the answer is
_ITSELF = re.compile(
    r"[这该本那此](?:一)?(?:份|个|篇|些|则|部)?(?:文档|文件|材料|文章|资料|通知|讲话稿|文本|文(?=[里中]))(?:里面|里|中|上|内)?"
)


def pointing(question: str) -> list[str]:
    """The phrases of a question that only point at the document: 这份文档, 该文件里."""
    return _ITSELF.findall(question)


def expected(question: str) -> Fact | None:
    """What a passage must hold to answer; None where the question does not say."""
    for asked, fact in ((_SHARE, _SHARE_HELD), (_YEAR, _YEAR_HELD), (_DAY, _DAY_HELD)):
        if asked.search(question):
            return fact
    counted = _COUNTED.search(question)
    if counted is None:
        return _ANY_HELD if _ANY.search(question) else None
    unit = f"[{_SAME.get(counted['unit'], counted['unit'])}]" if len(counted["unit"]) == 1 else counted["unit"]
    if counted["scale"]:  # 多少万个 is not answered by 四个
        return Fact("所问的数目", re.compile(rf"(?:{_DIGITS}\s*[多余]?[万亿]|\d{{5,}})[多余]?\s*{unit}"))
    return Fact("所问的数目", re.compile(rf"{_DIGITS}\s*{_SCALE}\s*(?:个(?=小时|月|人))?{unit}"))
