"""Pseudo-questions from laws and court cases: definitions, duties, penalties, lists, dates, headings, inverse cloze.

Nothing here asks a language model: every question is a pattern over the sentence that answers it. The inverse cloze
task follows Lee et al. 2019 (arXiv:1906.00300).
"""

from __future__ import annotations

import random
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.training.examples import Example, Pooled, cut_text
from benchmarks.training.variants import keywords, vary

_N = r"[^，。；：、（）]"
_RULES: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(pattern), questions)
    for pattern, questions in (
        (rf"所称的?(?P<x>{_N}{{2,18}})[，,]?是?指",
         ("什么是{x}？", "{x}是指什么？", "{x}的定义", "{x}怎么理解？", "{x}包括什么", "《{t}》里{x}是什么意思？")),
        (rf"(?:部门|政府|机关|机构|委员会|工会|协会|法院|检察院)(?:依法)?(?:负责|主管)(?P<x>{_N}{{5,36}}?)(?:工作)?[，。；]",
         ("谁负责{x}？", "{x}归哪个部门管？", "{x}由哪个单位负责？", "哪个部门管{x}", "{x} 主管部门")),
        (rf"(?P<x>{_N}{{6,40}})的，由.{{2,40}}(?:罚款|没收|拘留)",
         ("{x}罚多少？", "{x}怎么处罚？", "{x}会受到什么处罚？", "{x}罚款金额")),
        (rf"(?P<x>{_N}{{6,40}})的，(?:由.{{2,30}}责令|依法给予|依法追究|应当承担|给予)",
         ("{x}有什么后果？", "{x}要承担什么责任？", "{x}怎么处理？")),
        (rf"有下列(?:情形|行为)之一的，(?P<x>{_N}{{4,36}})[：，]",
         ("什么情况下{x}？", "哪些情形{x}？", "{x}有哪几种情况？", "{x} 情形")),
        (rf"(?P<x>{_N}{{4,30}})，?应当(?:具备|符合)(?:下列|以下)条件",
         ("{x}需要什么条件？", "{x}要满足哪些条件？", "{x} 条件", "怎样才能{x}？")),
        (rf"(?:下列|以下)(?P<x>{_N}{{2,20}})[：:]", ("有哪些{x}？", "{x}有哪几项？", "{t} {x}")),
        (rf"(?P<x>{_N}{{5,36}})(?:不得超过|不超过|不得少于|不少于|不低于|不得低于)[0-9一二三四五六七八九十百千]",
         ("{x}是多少？", "{x}有什么限制？", "{x}最多多少？", "{x}多久？")),
        (rf"(?P<x>{_N}{{4,30}}?)(?:遵循|坚持|贯彻|实行)[^。；]{{4,60}}的(?P<y>原则|方针|制度|体制)",
         ("{x}遵循什么{y}？", "{x}的{y}是什么？", "{x}的{y}有哪些？", "{x} {y}")),
        (r"自(?P<x>[0-9二〇零一三四五六七八九十]{4}年[0-9一二三四五六七八九十]{1,3}月[0-9一二三四五六七八九十]{1,3}日)起(?:施|执)行",
         ("《{t}》什么时候施行？", "{t}从哪天开始执行？", "{t} 生效时间", "{t}何时起施行")),
        (rf"为了?(?P<x>{_N}{{4,40}})[，、].{{0,80}}(?:制定|作出)",
         ("为什么制定《{t}》？", "《{t}》的制定依据是什么？", "{t} 立法目的", "《{t}》是根据什么制定的？")),
        (rf"不得(?P<x>{_N}{{4,36}})[，。；]",
         ("可以{x}吗？", "能不能{x}？", "允许{x}吗？", "是否可以{x}？", "禁止{x}吗")),
        (rf"可以(?P<x>{_N}{{5,36}})[，。；]", ("可以{x}吗？", "谁可以{x}？", "什么时候可以{x}？", "能{x}吗")),
        (rf"应当(?P<x>{_N}{{6,40}})[，。；]",
         ("谁应当{x}？", "要不要{x}？", "是否必须{x}？", "谁要{x}？", "怎么{x}？")),
        (rf"(?:加强|推进|完善|健全|建立|落实|推动|深化)(?P<x>{_N}{{4,30}})[，。；]",
         ("怎么加强{x}？", "{x}方面要做什么？", "{x}有什么要求？", "如何做好{x}？", "{x}怎么抓？")),
        (r"(?P<x>[^，。；：]{2,20})(?:包括|分为|由)[^。；]{2,12}、[^。；]{4,}",
         ("{x}包括哪些？", "{x}有哪几种？", "{x}由哪些组成？", "{x}分哪几类？")),
    )
)  # fmt: skip
_VERSION = re.compile(r"[（(][0-9０-９\-]+[）)]$")
_NUMBER = re.compile(r"第[一二三四五六七八九十百零]+[条款项章节]|[（(][一二三四五六七八九十]+[）)]")
_LEADING = re.compile(
    r"^(第[一二三四五六七八九十百零]+条|[一二三四五六七八九十]+、|违反本\w{1,3}规定|对于?|其|的|并|或者)\s*"
)
_CLAUSE_END = re.compile(r"(?<=[，；。：])")
PER_LAW = 8  # passages asked about in one law
STRETCH = 9_000  # characters read of one law, from a random place; the whole of every law is 20 million
POOL = 24  # passages of one law that can be negatives


def law_examples(
    archive: Path, seed: int, laws: int = 1600, per_law: int = PER_LAW
) -> tuple[list[Example], list[Pooled]]:
    """Examples and passage pool of the laws in a `.tar.xz` of Markdown files; one version of each law.

    laws: how many are drawn. per_law: passages asked about in each.
    """
    rng = random.Random(seed)
    pool: list[Pooled] = []
    examples: list[Example] = []
    found = list(_latest(archive))
    for title, text in rng.sample(found, min(laws, len(found))):
        start = rng.randrange(max(len(text) - STRETCH, 0) + 1)
        start = text.find("\n", start) + 1 if start else 0
        passages = [p for p in cut_text(f"laws/{title}", text[start : start + STRETCH]) if 30 <= len(p.text) <= 400]
        passages = [p for p in passages[:POOL] if p.windows]
        if len(passages) < 4:
            continue
        first = len(pool)
        pool += passages
        chosen = rng.sample(range(len(passages)), min(per_law, len(passages)))
        for offset in chosen:
            examples += _of_passage(passages[offset], first + offset, _short(title), rng)
    return examples, pool


def _latest(archive: Path) -> Iterator[tuple[str, str]]:
    """(title, body) of each law once, by its last version."""
    versions: dict[str, tuple[str, str]] = {}
    with tarfile.open(archive) as tar:
        for member in tar:  # in archive order: seeking back in an .xz means unpacking it from the start
            if not member.isfile() or not member.name.endswith(".md") or member.name.endswith("_index.md"):
                continue
            file = tar.extractfile(member)
            text = file.read().decode("utf-8") if file else ""
            name = member.name.rsplit("/", 1)[-1].removesuffix(".md")
            title = _VERSION.sub("", name)
            versions[title] = max(versions.get(title, ("", "")), (name, text))
    for title, (_, text) in sorted(versions.items()):
        body = text.split("<!-- INFO END -->")[-1].replace("<!-- FORCE BREAK -->", "")
        yield title, re.sub(r"^#+\s*", "", body, flags=re.M)


def _short(title: str) -> str:
    return title.removeprefix("中华人民共和国").strip("《》")


def _of_passage(passage: Pooled, index: int, title: str, rng: random.Random) -> Iterator[Example]:
    """One patterned question where a pattern fits, else one of: keywords, heading, inverse cloze."""
    asked = _patterned(passage, title, rng)
    if asked is not None and rng.random() < 0.8:
        query, window = asked
        if "《" not in query and title not in query and (len(query) < 9 or rng.random() < 0.2):
            query = f"{title}{rng.choice(('', '：', ' ', '里'))}{query}"
        if rng.random() < 0.35:
            query = vary(query, title, rng)
        form = rng.choice(("window", "passage"))
        positive = window if form == "window" else rng.choice((passage.text, passage.context))
        yield Example(query, positive, form, "laws", passage.group, index)
        return
    draw = rng.random()
    window = rng.choice([w for w in passage.windows if len(w) <= 160] or [passage.text[:160]])
    if draw < 0.4:
        query = keywords(_NUMBER.sub("", window), rng, most=rng.randint(3, 6))
        if len(query) < 6:
            return
        yield Example(query, window, "window", "laws", passage.group, index)
    elif draw < 0.6:
        query = f"{title} {keywords(passage.text[:60], rng, most=4)}"
        yield Example(query, passage.context, "passage", "laws", passage.group, index)
    else:
        yield from _cloze(passage, index, rng)


def _patterned(passage: Pooled, title: str, rng: random.Random) -> tuple[str, str] | None:
    """A question and the window that answers it, by a random pattern of those that fit."""
    found = []
    for window in passage.windows:
        if len(window) > 160:
            continue
        for rank, (pattern, questions) in enumerate(_RULES):
            match = pattern.search(window)
            if match:
                found.append((rank, match, questions, window))
    if not found:
        return None
    # The rare patterns stand first and make the better questions; the first one found is taken half of the time.
    _, match, questions, window = min(found, key=lambda f: f[0]) if rng.random() < 0.5 else rng.choice(found)
    slots = {name: (value or "").strip() for name, value in match.groupdict().items()}
    slots["x"] = _LEADING.sub("", slots["x"])
    return (rng.choice(questions).format(t=title, **slots), window) if len(slots["x"]) >= 2 else None


def _cloze(passage: Pooled, index: int, rng: random.Random) -> Iterator[Example]:
    """Inverse cloze: one clause asks for the rest; one time in five the clause stays, to keep word matches alive."""
    clauses = [c for c in _CLAUSE_END.split(passage.text) if len(c.strip()) >= 8]
    if len(clauses) < 3:
        return
    clause = rng.choice(clauses[:4])
    rest = passage.text if rng.random() < 0.2 else passage.text.replace(clause, "", 1)
    query = clause.strip("，；。： \n")
    query = re.sub(r"^第[一二三四五六七八九十百零]+条\s*", "", query)
    if rng.random() < 0.4:
        query = keywords(query, rng, most=6)
    if len(query) >= 8:
        yield Example(query[:60], rest.strip(), "passage", "laws", passage.group, index)
