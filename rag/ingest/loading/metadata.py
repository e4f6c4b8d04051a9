"""What officials cite a document by: 文号, issuer, date, validity. Read from the text's head and foot, or a sidecar.

The text is only believed where such facts are written by custom: the number and 效力 near the head, the date of signing near
the head or the foot. A sidecar `NAME.EXT.yaml` overrides everything.
"""

from __future__ import annotations

import datetime
import itertools
import re
from collections.abc import Mapping

from rag.text.numerals import ONES, to_number

_HEAD = 1500
_FOOT = 600
MAX_SIDECAR = 64 * 1024

_NUMBER = re.compile(
    r"(?<![\u3400-\u9fff\w])([\u3400-\u9fff]{1,14}(?:[（(][\u3400-\u9fff]{1,6}[)）])?)\s?"
    r"[〔\[（(【［]\s?((?:19|20)\d{2})\s?[〕\]）)】］]\s?(第?\s?\d{1,5}\s?号)"
)
_DATE = re.compile(r"((?:19|20)\d{2})\s?[年./-]\s?(1[0-2]|0?[1-9])\s?[月./-]\s?(3[01]|[12]\d|0?[1-9])(?:\s?日|(?!\d))")
_HAN_DATE = re.compile(
    rf"([一二][○Ｏ０O0零〇{ONES}]{{3}})年(元|正|十[一二]?|[{ONES}])月(三十一?|二?十[{ONES}]?|[{ONES}])日"
)
_DATE_LABELS = (
    "(?:成文|签发|签署)日期",
    "印发(?:日期|时间)",
    "(?:公布|颁布)(?:日期|时间)",
    "(?:发布|发文)(?:日期|时间)",
)
_IN_FORCE = re.compile(r"施行|实施|生效|执行|截止|截至|有效期")
_EFFECTIVE = re.compile(rf"(?:自\s?)?{_DATE.pattern}\s?(?:起\s?)?(?:正式)?(?:施行|实施|生效|执行)")
_PUBLISHED = re.compile(rf"^\s*{_DATE.pattern}\s?(?:发布|公布|印发|颁布)")
_SPOKEN = re.compile(rf"^\s*[（(]?[—–-]*\s?{_DATE.pattern}\s?在")
# 中华人民共和国国务院令, 交通运输部公告, and its number on the next line.
_ORDER = re.compile(
    r"(?:中华人民共和国)?([\u3400-\u9fff]{2,30}?)(令|公告)\s*[（(]?\s*((?:(?:19|20)\d{2}\s?年)?)\s*第\s?(\d{1,5})\s?号"
)
_OFFICIAL = re.compile(r"关于|(?:通知|意见|决定|办法|规定|条例|细则|方案|通报|公告|通告|批复|函|纪要)$")
_HISTORY_LINE = re.compile(rf"^\s*[（(]?(?:根据)?{_DATE.pattern}[^。，；]{{2,60}}(?:通过|公布|发布|批准|修订|修正)")
_VALIDITY = re.compile(
    r"(?:时效性|效力状态|有效性|效力|状态)\s*[:：]\s*"
    r"(现行有效|现行|有效|已废止|废止|已失效|失效|已被修改|尚未生效)"
)
_REPEALED = re.compile(r"[（(【\[](?:本[\u3400-\u9fff]{1,4})?(?:已)?(废止|失效)[)）】\]]")
_ISSUER_LABEL = re.compile(
    r"(?:发文机[关构]|发布机[关构]|制定机关|发布单位|发文单位|颁布单位|印发机关)\s*[:：]\s*([^\s，。；|]{2,40})"
)
_ORG_END = (
    "委员会|人民政府|办公厅|办公室|总工会|工会|联合会|党组|党委|市委|省委|县委|区委|人民法院|人民检察院|"
    "大学|学院|集团|公司|部|局|厅|院|会|署|办"
)
_ORG_LINE = re.compile(rf"[\u3400-\u9fff（）()]{{2,30}}(?:{_ORG_END})")
_TITLE_ISSUER = re.compile(rf"^([\u3400-\u9fff]{{2,24}}?(?:{_ORG_END}))关于")


def read_metadata(text: str, title: str) -> dict[str, str]:
    """doc_number, issuer, date (of publication, ISO), effective (of entry into force) and validity, where the text states them."""
    head, foot = text[:_HEAD], text[-_FOOT:]
    order = _order(head)
    facts: dict[str, str] = {}
    number = _own_number(head)
    if order:
        facts["doc_number"] = order[0]
    elif number:
        facts["doc_number"] = f"{number[1]}〔{number[2]}〕{''.join(number[3].split())}"
    date = _labelled_date(head) or _history_date(head) or _signing_date(foot) or _signing_date(head[:800])
    if date:
        facts["date"] = date
    effective = _first_date(_EFFECTIVE.search(head) or _EFFECTIVE.search(foot))
    if effective:
        facts["effective"] = effective
    validity = _validity(head)
    if validity:
        facts["validity"] = validity
    issuer = order[1] if order else _issuer(head, foot, title)
    if issuer:
        facts["issuer"] = issuer
    return facts


def _order(head: str) -> tuple[str, str] | None:
    """The number and the issuer of an order (国务院令第586号), whose number is on the line below its name."""
    match = _ORDER.match(head.lstrip())
    if match is None:
        return None
    issuer = match[1]
    return f"{issuer}{match[2]}{''.join((match[3] or '').split())}第{match[4]}号", issuer


def _own_number(head: str) -> re.Match[str] | None:
    """The number that has a line of its own, leads the title's line or is labelled; inside a sentence it is another's."""
    for match in _NUMBER.finditer(head):
        begin = head.rfind("\n", 0, match.start()) + 1
        stop = head.find("\n", match.end())
        line = head[begin : stop if stop >= 0 else len(head)].strip()
        if re.search(r"(?:文\s*号|发文字号|字\s*号)\s*[:：]\s*$", head[begin : match.start()]):
            return match
        leads = line.startswith(match[0]) and "关于" in line and not line.endswith(("。", "，", "；"))
        alone = len(line) - len(match[0]) <= 14 and not line.startswith(("（", "("))
        if leads or (alone and "《" not in line):
            return match
    return None


def _labelled_date(head: str) -> str:
    """The date that a label gives: of signing before that of printing, and that before publication on a site."""
    for label in _DATE_LABELS:
        match = re.search(rf"{label}\s*[:：]\s*(.{{6,20}})", head)
        if match:
            found = _first_date(_DATE.search(match[1]) or _HAN_DATE.search(match[1]))
            if found:
                return found
    return ""


def _signing_date(part: str) -> str:
    """The last date that has a line of its own (a signature) or is in brackets, as YYYY-MM-DD."""
    found = ""
    for line in part.splitlines():
        published = _PUBLISHED.search(line)
        if published:
            found = _first_date(published) or found
            continue
        bare = line.strip().strip("（）()【】[]—–- \u3000")
        bare = re.sub(r"^(?:发布日期|成文日期|印发日期|日期|时间|发布时间|公布日期)\s*[:：]\s*", "", bare)
        spoken = _SPOKEN.match(line)
        if (len(bare) > 40 and not spoken) or _IN_FORCE.search(bare):
            continue
        match = _DATE.search(bare) or _HAN_DATE.search(bare)
        if match is None or (len(match[0]) < len(bare) * 0.6 and "：" not in line and not spoken):
            continue
        found = _first_date(match) or found
    return found


def _history_date(head: str) -> str:
    """The last date of a law's history under its title: passed, revised, published; not that of entry into force.

    It is one bracket, or has a line for each date.
    """
    bracket = re.search(r"^\s*[（(]\s*((?:19|20)\d{2}\s?年[^（()）]{4,400})", head, re.MULTILINE)
    parts = [bracket[1]] if bracket else []
    parts += [line for line in head.splitlines()[:24] if _HISTORY_LINE.match(line)]
    dates = [
        _first_date(match)
        for part in parts
        for match in _DATE.finditer(part)
        if not re.match(r"\s?起", part[match.end() :])
    ]
    return max(dates, default="")


def _first_date(match: re.Match[str] | None) -> str:
    """The date that one of the patterns of dates matched, as YYYY-MM-DD; "" where there is no such day."""
    if match is None:
        return ""
    if match.re is _HAN_DATE:
        return _han_iso(match)
    return _iso(match[1], match[2], match[3])


def _iso(year: str, month: str, day: str) -> str:
    try:
        return datetime.date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return ""


def _han_iso(match: re.Match[str]) -> str:
    month = 1 if match[2] in "元正" else to_number(match[2])
    return _iso(str(to_number(match[1])), str(month), str(to_number(match[3])))


def _validity(head: str) -> str:
    labelled = _VALIDITY.search(head)
    if labelled:
        word = labelled[1].removeprefix("已")
        return "现行" if word in {"现行有效", "现行", "有效"} else word
    marked = _REPEALED.search(head[:300])
    return marked[1] if marked else ""


def _issuer(head: str, foot: str, title: str) -> str:
    labelled = _ISSUER_LABEL.search(head)
    if labelled:
        return labelled[1]
    lines = [line.strip() for line in foot.splitlines() if line.strip()][-6:]
    for above, below in itertools.pairwise(lines):
        signed = len(below) <= 20 and (_DATE.search(below) or _HAN_DATE.search(below))
        if signed and _ORG_LINE.fullmatch(above):
            return above
    named = _TITLE_ISSUER.match(title)
    if named:
        return named[1]
    first = next((line.strip() for line in head.splitlines() if line.strip()), "")
    bare = first.removesuffix("文件")
    return bare if _ORG_LINE.fullmatch(bare) and (bare != first or _OFFICIAL.search(title)) else ""


def plain_scalars(yaml_text: str, where: str) -> tuple[dict[str, str], str]:
    """The `key: value` pairs of a YAML mapping as text, and a warning sentence ("" when all is well).

    Only scalars are taken, so nested aliases cannot grow. where: what the YAML belongs to, for the warning.
    """
    import yaml

    try:
        loaded = yaml.safe_load(yaml_text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        place = f"第 {line + 1} 行" if line is not None else "内容"
        return {}, f"{where}：YAML {place}写得不对，没有采用。 (bad YAML ignored)"
    if loaded is None:
        return {}, ""
    if not isinstance(loaded, Mapping):
        return {}, f"{where}：YAML 应为“键: 值”的形式，没有采用。 (YAML is not a mapping)"
    kept: dict[str, str] = {}
    skipped: list[str] = []
    for key, value in loaded.items():
        if value is None:
            continue
        if isinstance(value, (str, int, float, datetime.date)) and isinstance(key, (str, int)):
            kept[str(key)] = ("true" if value else "false") if isinstance(value, bool) else str(value)
        elif isinstance(value, list) and len(value) <= 50 and all(isinstance(v, (str, int)) for v in value):
            kept[str(key)] = "；".join(map(str, value))
        else:
            skipped.append(str(key)[:40])
    warning = f"{where}：YAML 的 {'、'.join(skipped)} 不是单个值，没有采用。 (nested YAML ignored)" if skipped else ""
    return kept, warning


def read_sidecar(data: bytes, where: str) -> tuple[dict[str, str], str]:
    """What a sidecar YAML states, and a warning sentence ("" when all is well)."""
    if len(data) > MAX_SIDECAR:
        return {}, f"{where}：超过 {MAX_SIDECAR // 1024} KB，没有采用。 (sidecar too large)"
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return {}, f"{where}：不是 UTF-8 编码，没有采用。 (sidecar is not UTF-8)"
    return plain_scalars(text, where)
