"""What becomes of 3,500 real laws: `python -m benchmarks.reading` writes results/reading.md (about two minutes on two cores).

Every article (a line that begins with 第X条 and a blank) has to be headed by its own number in each of its passages, its
items by what leads to them, and no reference to another article may become a heading where a line break comes
before it. Articles, items and paragraphs are found here by patterns of this file's own; nothing of rag.text is asked.
`--name WORDS` records the figures under another column (what an earlier version of the code gave).
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import re
import tarfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from rag.config import ROOT
from rag.datamodels import Document, Passage
from rag.ingest.chunking import cut
from rag.ingest.cleaning import find_removals
from rag.ingest.loading import load_bytes

ARCHIVE = ROOT.parent / "shared" / "corpora" / "laws.tar.xz"
RESULTS = Path(__file__).with_name("results")
REFERENCES = 500
WIDTH = 30  # characters of a printed line
NUMBER = "[一二三四五六七八九十百千零〇○两0-9]+"
ARTICLE = re.compile(rf"[ \t\u3000]*(第{NUMBER}条(?:之[一二三四五六七八九十]+)?)[ \t\u3000]")
SPACED = re.compile(rf"[ \t\u3000]*第{NUMBER}[ \u3000]条")  # 第十五 条: no blank after it
PART = re.compile(rf"[ \t\u3000]*(?:#|第{NUMBER}[编篇章节](?:[ \t\u3000]|.{{1,30}}$))")
ITEM = re.compile(r"[ \t\u3000]*（([一二三四五六七八九十]{1,3})）")
MARKED = re.compile(r"[ \t\u3000]*(?:[（(]|[一二三四五六七八九十0-9]{1,3}[、.．]|[①-⑳【<|>*-]|附)")
HEADING = re.compile(rf"第{NUMBER}条(?:之[一二三四五六七八九十]+)?")
REFERENCE = re.compile(rf"第{NUMBER}条")
HAN = "一二三四五六七八九十"


@dataclass(slots=True)
class Found:
    """Counts of one file or of many; wrong: what went wrong with which article, by reason."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: dict[str, list[str]] = field(default_factory=dict)
    references: list[str] = field(default_factory=list)

    def say(self, reason: str, where: str) -> None:
        """Note an article under a reason."""
        self.wrong.setdefault(reason, []).append(where)


def laws() -> Iterator[tuple[str, bytes]]:
    """The files of the archive."""
    with tarfile.open(ARCHIVE) as archive:
        for member in archive:
            stream = archive.extractfile(member) if member.isfile() and member.name.endswith(".md") else None
            if stream is not None:
                yield member.name.removeprefix("./"), stream.read()


def read(law: tuple[str, bytes]) -> Found:
    """One file, loaded and cut as the service does it."""
    name, data = law
    found = Found()
    document = load_bytes(data, name).documents[0]
    passages = cut(document, find_removals(document))
    found.counts["files"] = 1
    units = _units(document.text)
    found.counts["files with articles"] = int(any(number for _, _, number in units))
    for start, end, number in units:
        if number:
            _article(document, passages, start, end, number, found)
    return found


def _units(text: str) -> list[tuple[int, int, str]]:
    """Articles and the stretches between them, as (start, end, number or "")."""
    starts: list[tuple[int, str]] = []
    at = 0
    for line in text.splitlines(keepends=True):
        article = ARTICLE.match(line)
        if article or PART.match(line) or SPACED.match(line):
            starts.append((at, article[1] if article else ""))
        at += len(line)
    ends = [*(start for start, _ in starts[1:]), at][: len(starts)]
    return [(start, end, number) for (start, number), end in zip(starts, ends, strict=True)]


def _article(
    document: Document, passages: tuple[Passage, ...], start: int, end: int, number: str, found: Found
) -> None:
    text = document.text
    first = start + len(text[start:end]) - len(text[start:end].lstrip())
    # what runs on into the next article opens with a title of that one
    own = [one for one in passages if one.start <= first < one.end or (first <= one.start and one.end <= end)]
    where = f"{document.doc_id} {number}"
    found.counts["articles"] += 1
    heads = [_innermost(one) for one in own]
    if not own or heads[0] != number:
        found.say("headed by another number or none", f"{where}: {heads[0] if heads else 'no passage'}")
    elif any(head != number for head in heads):
        found.say("a later passage of it is headed otherwise", f"{where}: {heads}")
    else:
        found.counts["articles headed by their own number"] += 1
    _items(text, own, start, end, number, found)
    for line in text[start:end].splitlines():
        found.references += [
            f"{match.start()}\t{line.strip()}"
            for match in REFERENCE.finditer(line.strip())
            if match.start() >= WIDTH and line.strip()[match.start() - 1] not in " \u3000\t“"
        ]


def _innermost(passage: Passage) -> str:
    return next((head for head in reversed(passage.headings) if HEADING.fullmatch(head)), "")


def _items(text: str, own: list[Passage], start: int, end: int, number: str, found: Found) -> None:
    """Items: under the words that lead to them. Paragraphs after the last item: under the article, not the item."""
    lines: list[tuple[int, str]] = []
    at = start
    for line in text[start:end].splitlines(keepends=True):
        if line.strip():
            lines.append((at + len(line) - len(line.lstrip()), line.strip()))
        at += len(line)
    lead, last = "", 0
    for index, (place, line) in enumerate(lines):
        item = ITEM.match(line)
        holder = next((one for one in own if one.start <= place < one.end), None)
        if item and holder:
            if item[1] == "一":
                lead = lines[index - 1][1] if index and lines[index - 1][1].endswith("：") else ""
            last = _value(item[1])
            if lead and holder.start == place:
                found.counts["item passages"] += 1
                tail = ARTICLE.sub("", lead).rstrip("：")[-12:]
                found.counts["item passages under their lead-in"] += any(tail in head for head in holder.headings)
        elif last and holder and not MARKED.match(line):
            after = next((ITEM.match(later) for _, later in lines[index + 1 :] if ITEM.match(later)), None)
            before = lines[index - 1][1]
            if before.endswith(("。", "；")) and not (after and _value(after[1]) == last + 1):
                found.counts["paragraphs after items"] += 1
                good = holder.headings[-1:] == (number,) or (
                    holder.headings[-2:-1] == (number,) and not any(ITEM.match(head) for head in holder.headings[-1:])
                )
                found.counts["paragraphs after items under the article"] += good
                last = 0


def _value(numeral: str) -> int:
    tens, _, ones = numeral.rpartition("十")
    if "十" not in numeral:
        return HAN.index(numeral) + 1
    return (HAN.index(tens) + 1 if tens else 1) * 10 + (HAN.index(ones) + 1 if ones else 0)


def misread(reference: str, media_type: str) -> bool:
    """Whether a reference at the start of a broken line becomes a heading of what follows."""
    place, _, line = reference.partition("\t")
    at = int(place)
    breaks = list(range(at % WIDTH, at + 1, WIDTH))
    bounds = [0, *(b for b in breaks if b), len(line)]
    broken = "\n".join(line[a:b] for a, b in itertools.pairwise(bounds) if a < b)
    text = f"第一章　总则\n第九千条　{broken}\n第九千零一条　本法自公布之日起施行。\n"
    document = Document("d", "d", text, "0" * 64, media_type, {"line_breaks": "visual"})
    heads = {_innermost(one) for one in cut(document, find_removals(document))}
    return not heads <= {"第九千条", "第九千零一条"}


def measure() -> tuple[Found, list[str]]:
    """All files, and the sampled references that became headings."""
    found = Found()
    with ProcessPoolExecutor() as pool:
        for one in pool.map(read, laws(), chunksize=20):
            found.counts += one.counts
            for reason, places in one.wrong.items():
                found.wrong.setdefault(reason, []).extend(places)
            found.references += one.references
    sample = random.Random(15).sample(found.references, REFERENCES)
    found.counts["references sampled"] = len(sample)
    found.counts["references found"] = len(found.references)
    bad = [one for one in sample if misread(one, "text/plain") or misread(one, "application/pdf")]
    found.counts["references that became headings"] = len(bad)
    return found, bad


ROWS = (
    ("files", ""),
    ("articles", ""),
    ("articles headed by their own number", "articles"),
    ("paragraphs after items", ""),
    ("paragraphs after items under the article", "paragraphs after items"),
    ("item passages", ""),
    ("item passages under their lead-in", "item passages"),
    ("references sampled", ""),
    ("references that became headings", "references sampled"),
)


def report(columns: dict[str, dict[str, int]], found: Found, bad: list[str]) -> str:
    """The page of results."""
    lines = [
        "# How real documents are read",
        "",
        "`python -m benchmarks.reading` reads the laws of `../shared/corpora/laws.tar.xz`, loads and cuts each and compares",
        "with articles found by patterns of its own. An article counts when each of its passages is headed by its number. The",
        f"references are {REFERENCES} of {found.counts['references found']:,} in the articles, each put at the start of a line",
        f"of {WIDTH} characters, as text and as lines of a page.",
        "",
        "| | " + " | ".join(columns) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for name, of in ROWS:
        cells = []
        for counts in columns.values():
            share = f" ({counts.get(name, 0) / counts[of]:.3%})" if of and counts.get(of) else ""
            cells.append(f"{counts.get(name, 0):,}{share}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += ["", "Articles of the last column that are headed otherwise, by reason:", ""]
    for reason, places in sorted(found.wrong.items()):
        lines.append(f"- {reason}: {len(places)}")
        lines += [f"  - {place}" for place in places[:20]]
    if not found.wrong:
        lines.append("- none")
    lines += ["", *(f"- reference that became a heading: {one}" for one in bad)]
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    """Measure, keep the figures, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", default="now", help="the column that the figures go to")
    arguments = parser.parse_args()
    kept = RESULTS / "reading.json"
    columns: dict[str, dict[str, int]] = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
    found, bad = measure()
    columns.pop(arguments.name, None)
    columns[arguments.name] = dict(sorted(found.counts.items()))
    kept.write_text(json.dumps(columns, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    page = report(columns, found, bad)
    (RESULTS / "reading.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
