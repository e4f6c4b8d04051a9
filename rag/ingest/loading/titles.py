"""What a document is called, for every format: a scored choice among its first lines, its property and its file's name.

A line scores by how titles end (通知, 办法…), by 关于, by the size of its type and its place on the page, and by the words it
shares with the file's name and the property. What officials write around a title (labels, numbers, dates, seals, issuers,
names of series) is none. The file's name has the last word over a weak line that shares no word with it. Properties come
after lines: office templates and PDF producers fill them with names of other documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from rag.datamodels import LineBox
from rag.text.headings import NUMBERED

_LOOK_LINES = 30
_OPENING = 30
_SURE = 4.0  # the score of a line that reads or looks like a title whatever the file is called
_LARGER = 1.25  # times the usual size of the first lines' type
_STOPS = re.compile(r"[。；！？!?…]|[，,、：:；;.]$")
_QUESTION = re.compile(r"[^。；！？!?…：:]{4,40}[？?]")
_FILE_LINE = re.compile(r"^(.{4,80}?)\.(?:docx?|wps|pdf|pptx?|xlsx?|txt|html?|rtf|odt|ofd)$", re.IGNORECASE)
_KIND = re.compile(
    r"(?:通知|意见|决定|办法|规定|条例|细则|方案|报告|讲话|致辞|总结|纲要|规划|公告|通告|公报|函|批复|纪要|章程|制度|规则|"
    r"请示|通报|命令|令|议案|守则|指南|解读|标准|法|说明|计划|倡议书|承诺书|新局面|体会|发言|合同|合同书|协议|协议书|预案|规范|规程|"
    r"白皮书|蓝皮书|手册|要点|名单|申报表|登记表|申请表|报名表|一览表|清单|建议|提案|公约|须知|简报|解释|修正案|议程|汇编|研究)"
    r"(?:[（(].{1,16}[)）])?$"
)
_LABELLED = re.compile(r"(?:标\s*题|题\s*目|题\s*名|文件名称|文件标题|信息名称|公文标题)\s*[:：]\s*(\S.{3,100})")
_NUMBER_BEFORE = re.compile(
    r"^(?:文号[:：]\s*)?[\u3400-\u9fff（）()]{1,16}\s?[〔\[（(【［]\s?(?:19|20)\d{2}\s?[〕\]）)】］]\s?第?\s?\d{1,5}\s?号\s*(?=\S{4})"
)
_NOISE = re.compile(
    r"当前位置|来源[:：]|作者[:：]|发布时间|^亲[,，]|第\d+页|https?:|www\.|@|"
    r"[〔\[（(【]\s?(?:19|20)\d{2}\s?[〕\]）)】].{0,6}号|^(?:19|20)\d{2}\s?年.{0,8}日$|^(?:19|20)\d{2}[-/.]\d|^文号|^[A-Za-z_-]+:|"
    r"^(?:绝密|机密|秘密)|^(?:特急|加急|平急|急件)|^内部(?:资料|文件|学习)|盖章|签字|签章|^第\s?\S{1,8}\s?[号期]|^总第|^(?:19|20)\S{2}年第.+[号期]|"
    r"^中华人民共和国\S{0,4}标准$|^\S{0,12}(?:国家|行业|地方|团体|企业)标准$|[发颁]布.*实施|^(?:19|20|二[○〇零]).{2,3}年(?:卷|版|度)?$|"
    r"^\S{2,8}学位论文$|^毕业(?:论文|设计)$|^目\s*[录次]|^(?:序|前|引)\s*言$|^摘\s*要$|^(?:正|副)本$|^附[件录表]"
)
_BUTTON = re.compile(r"收藏|分享|下载|上传|登录|注册|首页|点击|打印|字号")
_HISTORY = re.compile(r"^(?:19|20)\d{2}年.{4,60}(?:通过|公布|发布|批准|修订|修正)[）)]?$")
_LABEL = re.compile(r"^[^，。；？！]{1,14}[:：](?=.)")
_PAREN = re.compile(r"^[（(【\[].*[)）】\]]$")
_EDITION = re.compile(
    r"^[（(](?:征求意见稿|试行|草案|暂行|送审稿|讨论稿|修订稿?|修订版|审议稿|公开征求意见稿|代拟稿|初稿|节选|摘要|全文|\d{4}年?.{0,6}[版订正])[)）]$"
)
_SUBTITLE = re.compile(r"^[—–-]{1,2}")
_SALUTE = re.compile(r"^(?:各|致|尊敬的|同志们)|^.{2,30}[:：]$")
_ORG_ONLY = re.compile(
    r"(?:委员会|人民政府|办公厅|办公室|总工会|工会|联合会|党组|党委|局|厅|部|文件|公司|集团|大学|学院|医院|研究[院所]|出版社|编写组|编辑部|丛书|某某)$"
)
_ORDER = re.compile(r"^\S{2,24}(?:令|公告)$")
_ISSUED = re.compile(
    r"《([^《》]{3,60})》[^。]{0,60}(?:公布|施行|通过|发布|批准)|(?:公布|发布|批准)《([^《》]{3,60})》"
)
_JUNK_TITLE = re.compile(
    r"^(?:Microsoft (?:Word|PowerPoint|Excel)\b.*|untitled.*|document\d*|文档\s*\d*|未命名.*|无标题.*|新建.*|"
    r"PowerPoint .*|Word 文档|Sheet\d+|幻灯片\s*\d+|default|title|标题|\(?anonymous\)?|unspecified|[\W\d_]*)$",
    re.IGNORECASE,
)
_HAN = re.compile(r"[\u3400-\u9fff]")
_HASHY = re.compile(r"[0-9a-f]{8,}", re.IGNORECASE)
_MEANINGLESS = re.compile(
    r"(?:new|copy|img|scan|doc|document|file|download|export|temp|tmp|untitled|test|新建|文档|文件|扫描件?|下载|未命名|无标题|副本)"
    r"[\W\d_]*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Line:
    """One of the first lines. size: of its type, in fractions of the page's height; 0 where it is not known."""

    text: str
    place: int
    size: float = 0.0
    is_centred: bool = False


def find_title(text: str, declared: str, stem: str, boxes: Sequence[LineBox] = ()) -> str:
    """The title of a document.

    text: the document's text. declared: the title that the file states about itself, or "". stem: the file's name
    without suffix. boxes: where its first lines are on the page, for formats that have pages.
    """
    declared = _without_suffix(" ".join(declared.split()))
    if not 2 <= len(declared) <= 120 or _JUNK_TITLE.match(declared) or "\ufffd" in declared:
        declared = ""
    stem_title = re.sub(r"^\d{1,4}[_\-.、\s]+(?=\D)", "", stem) if _means_something(stem) else ""
    lines = _first_lines(text, boxes)
    said = _stated(lines)
    if said:
        return said
    usual = median([line.size for line in lines if line.size] or [0.0])
    found = [(_score(line, usual, stem_title, declared), line.text) for line in _candidates(lines, usual)]
    score, best = max(found, key=lambda one: one[0], default=(0.0, ""))
    if best and (score >= _SURE or not stem_title):
        return best
    if best and _shared(best, stem_title):
        return stem_title if best in stem_title else best
    if declared and (not stem_title or _shared(declared, stem_title)):
        return declared
    return stem_title or opening_words(text) or stem


def _first_lines(text: str, boxes: Sequence[LineBox]) -> list[_Line]:
    """The first lines that are not blank, letters set apart (政 府 工 作) together again."""
    sizes = {box.start: (box.bottom - box.top, abs((box.x0 + box.x1) / 2 - 0.5) < 0.06) for box in boxes}
    lines: list[_Line] = []
    at = 0
    for raw in text[:6000].splitlines(keepends=True):
        words = raw.split()
        if words:
            bare = "".join(words) if len(words) > 2 and all(len(word) == 1 for word in words) else " ".join(words)
            size, is_centred = sizes.get(at + len(raw) - len(raw.lstrip()), (0.0, False))
            lines.append(_Line(bare.lstrip("# ").strip("*"), len(lines), size, is_centred))
        at += len(raw)
        if len(lines) == _LOOK_LINES:
            break
    return lines


def _stated(lines: Sequence[_Line]) -> str:
    """A title that the text names as such: after a label, as a site's name of the file, in the sentence of an order."""
    for line in lines[:8]:
        named = _FILE_LINE.match(line.text)
        if named and _HAN.search(named[1]):
            return named[1]
    for line in lines:
        labelled = _LABELLED.fullmatch(line.text)
        if labelled:
            return labelled[1]
    if lines and any(_ORDER.match(line.text) for line in lines[:2]):
        for line in lines[1:8]:
            issued = _ISSUED.search(line.text)
            if issued:
                return issued[1] or issued[2]
    return ""


def _candidates(lines: Sequence[_Line], usual: float) -> list[_Line]:
    """The lines before the running text that may be a title, those of two lines put together."""
    found: list[_Line] = []
    for line in lines:
        text = _NUMBER_BEFORE.sub("", line.text)
        if _QUESTION.fullmatch(text):
            found.append(replace(line, text=text))
            continue
        if len(text) > 80 or (_STOPS.search(text) and not text.startswith("关于")):
            if (line.place and not _SALUTE.search(text)) or len(text) > 80:
                break  # running text: no title comes after it
            continue
        if NUMBERED.match(text) and not text.startswith(("附件", "目")):
            break
        if _EDITION.match(text) and found and found[-1].place == line.place - 1:
            found[-1] = replace(found[-1], text=found[-1].text + text)
        if _is_apparatus(text):
            continue
        found.append(replace(line, text=text))
    return list(_joined(found, usual))


def _is_apparatus(text: str) -> bool:
    """Whether a line is what documents have around their titles."""
    if _BUTTON.search(text) and not _KIND.search(text):
        return True
    around = (_NOISE, _SALUTE, _LABEL, _PAREN, _HISTORY, _SUBTITLE)
    return any(pattern.search(text) for pattern in around) or len(_HAN.findall(text)) < 4 or " | " in text


def _joined(found: Sequence[_Line], usual: float) -> Iterator[_Line]:
    """The candidates, with those of two lines as one."""
    merged: set[int] = set()
    for one, other in pairwise(found):
        if one.place in merged or other.place != one.place + 1 or not _goes_on(one, other, usual):
            continue
        merged |= {one.place, other.place}
        yield replace(one, text=one.text + other.text)
    yield from (line for line in found if line.place not in merged)


def _goes_on(one: _Line, other: _Line, usual: float) -> bool:
    """Whether a title goes on over the line: an issuer before 关于, 关于 before its kind, or two lines of large type."""
    if other.text.startswith("关于"):
        return bool(_ORG_ONLY.search(one.text)) and len(one.text) <= 30 and not one.text.endswith("文件")
    if "关于" in one.text and not _KIND.search(one.text):
        return _KIND.search(other.text) is not None
    large = one.size > _LARGER * usual and abs(one.size - other.size) < 0.1 * one.size
    return bool(usual) and large and not _KIND.search(one.text)


def _score(line: _Line, usual: float, stem: str, declared: str) -> float:
    """How much a candidate is like a title."""
    text = line.text
    score = 1.0 - 0.15 * line.place
    score += 4 * (_KIND.search(text) is not None and len(text) >= 5) + 3 * ("关于" in text)
    score += 2 * text.endswith(("？", "?"))
    if usual and line.size:
        score += 5 * (line.size > _LARGER * usual) + line.is_centred - 2 * (line.size < 1.02 * usual)
    score -= 6 * (_ORG_ONLY.search(text) is not None) + 3 * ("，" in text) + 3 * (len(text) > 60)
    return score + 4 * _shared(text, stem) + 2 * _shared(text, declared)


def _shared(one: str, other: str) -> float:
    """The share of a text's pairs of characters that another text has."""
    pairs = {a + b for a, b in pairwise(one)}
    return len(pairs & {a + b for a, b in pairwise(other)}) / len(pairs) if pairs else 0.0


def opening_words(text: str) -> str:
    """The first words of `text`, cut at about thirty characters and marked with an ellipsis."""
    flat = " ".join(text[:2000].split())
    if len(flat) <= _OPENING:
        return flat
    cut = flat[:_OPENING]
    pause = max(cut.rfind(c) for c in "，。；、：")
    return (cut[:pause] if pause >= _OPENING // 2 else cut).rstrip() + "…"


def _without_suffix(title: str) -> str:
    named = _FILE_LINE.match(title)
    return named[1] if named else title


def _means_something(stem: str) -> bool:
    """False for names of digits, hashes or software's own making."""
    bare = re.sub(r"^[\d_\-.\s()（）]+|[\d_\-.\s()（）]+$", "", stem)
    if _HAN.search(bare):
        return not _MEANINGLESS.fullmatch(bare)
    return len(bare) >= 4 and not _HASHY.search(stem) and not _MEANINGLESS.fullmatch(bare)
