"""What a document is called, for every format.

First what the document's own words show (a heading-like line near the head), then what the file declares, then the
file's name when it means something, else the opening words. Declared titles come second because office templates and
PDF producers fill them with names of other documents.
"""

from __future__ import annotations

import re

from rag.text.headings import NUMBERED

_LOOK_LINES = 14
_OPENING = 30
_STOPS = re.compile(r"[。；！？!?…]|[，,、：:；;.]$")
_FILE_LINE = re.compile(r"^(.{4,80}?)\.(?:docx?|wps|pdf|pptx?|xlsx?|txt|html?|rtf|odt|ofd)$", re.IGNORECASE)
_KIND = re.compile(
    r"(?:通知|意见|决定|办法|规定|条例|细则|方案|报告|讲话|致辞|总结|纲要|规划|公告|通告|公报|函|批复|纪要|章程|制度|规则|"
    r"请示|通报|命令|令|议案|守则|指南|解读|标准|法|说明|计划|倡议书|承诺书|新局面|体会|发言)(?:[（(].{1,16}[)）])?$"
)
_NOISE = re.compile(
    r"收藏|分享|下载|上传|登录|注册|首页|当前位置|来源[:：]|作者[:：]|发布时间|点击|打印|字号|^亲[,，]|第\d+页|https?:|@|"
    r"[〔\[（(【]\s?(?:19|20)\d{2}\s?[〕\]）)】].{0,6}号|^(?:19|20)\d{2}\s?年.{0,8}日$|^(?:19|20)\d{2}[-/.]\d|^文号|^[A-Za-z_-]+:"
)
_SALUTE = re.compile(r"^(?:各|致|尊敬的|同志们)|^.{2,30}[:：]$")
_ORG_ONLY = re.compile(r"(?:委员会|人民政府|办公厅|办公室|总工会|工会|联合会|党组|党委|局|厅|部|文件|公司|集团)$")
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


def find_title(text: str, declared: str, stem: str) -> str:
    """The title of a document.

    text: the document's text. declared: the title that the file states about itself, or "". stem: the file's name
    without suffix.
    """
    said = _from_text(text)
    if said:
        return said
    declared = " ".join(declared.split())
    if 2 <= len(declared) <= 120 and not _JUNK_TITLE.match(declared) and "\ufffd" not in declared:
        return _without_suffix(declared)
    if _means_something(stem):
        return stem
    return opening_words(text) or stem


def opening_words(text: str) -> str:
    """The first words of `text`, cut at about thirty characters and marked with an ellipsis."""
    flat = " ".join(text[:2000].split())
    if len(flat) <= _OPENING:
        return flat
    cut = flat[:_OPENING]
    pause = max(cut.rfind(c) for c in "，。；、：")
    return (cut[:pause] if pause >= _OPENING // 2 else cut).rstrip() + "…"


def _from_text(text: str) -> str:
    """The heading-like line among the first lines, or ""."""
    lines = [" ".join(line.split()) for line in text[:4000].splitlines()]
    lines = [line.lstrip("# ").strip("*") for line in lines if line][:_LOOK_LINES]
    for line in lines[:8]:
        named = _FILE_LINE.match(line)
        if named and _HAN.search(named[1]):
            return named[1]
    candidates: list[str] = []
    for place, line in enumerate(lines):
        if len(line) > 80 or (_STOPS.search(line) and not line.startswith("关于")):
            if place and not _SALUTE.search(line):
                break  # running text: no title comes after it
            if len(line) > 80:
                break
            continue
        if NUMBERED.match(line):
            break
        if _NOISE.search(line) or _SALUTE.search(line) or len(_HAN.findall(line)) < 4 or " | " in line:
            continue
        candidates.append(line)
    best = next((c for c in candidates if "关于" in c and _KIND.search(c)), "")
    best = best or next((c for c in candidates if _KIND.search(c) and len(c) >= 6), "")
    best = best or next((c for c in candidates if len(c) <= 40 and not _ORG_ONLY.search(c)), "")
    return _joined_title(lines, best) if best else ""


def _joined_title(lines: list[str], best: str) -> str:
    """A title set over several lines: the line just above it and leads into 关于 belongs to it."""
    place = lines.index(best) if best in lines else 0
    if place and best.startswith("关于") and _ORG_ONLY.search(lines[place - 1]) and len(lines[place - 1]) <= 30:
        above = lines[place - 1]
        if not above.endswith("文件"):
            return above + best
    return best


def _without_suffix(title: str) -> str:
    named = _FILE_LINE.match(title)
    return named[1] if named else title


def _means_something(stem: str) -> bool:
    """False for names of digits, hashes or software's own making."""
    bare = re.sub(r"^[\d_\-.\s()（）]+|[\d_\-.\s()（）]+$", "", stem)
    if _HAN.search(bare):
        return not _MEANINGLESS.fullmatch(bare)
    return len(bare) >= 4 and not _HASHY.search(stem) and not _MEANINGLESS.fullmatch(bare)
