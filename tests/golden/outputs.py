"""What each versioned part makes of fixed inputs, as digests: `python -m tests.golden.outputs` records them.

versions.json beside this file holds the digest of every version of every part. A part whose output has changed under the
same version fails tests/golden/test_versions.py; a version once recorded is never recorded with another digest.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from rag.config import Settings
from rag.datamodels import Document, LineBox, Page, Passage, Removal
from rag.index import duplicates
from rag.ingest import chunking, cleaning, loading, preparing
from rag.ingest.loading import formats
from rag.ingest.loading.formats import FORMATS
from rag.search import evidence, query, retrieval
from rag.service import Service
from rag.text import tokenizing
from tests.conftest import SEEDS, ToyEmbedder
from tests.loading import make_samples

VERSIONS = Path(__file__).with_name("versions.json")
_OFFICE = "what LibreOffice makes of it, whose version is not ours"
_OCR = "read by recognition, whose last digits are the processor's"
UNPINNED = dict.fromkeys(("doc", "xls", "ppt"), _OFFICE) | dict.fromkeys(("png", "jpeg", "tiff", "bmp", "gif"), _OCR)
QUESTIONS = (
    "四同步四衔接指的是什么？", "专题学习了多少次？", "八个对标", "北京市海淀区的工会有几个？", "红烧肉怎么做", "第三点是什么",
    "What is the union's role?",
)  # fmt: skip

LAW = (
    "第一编 总则\n第一章 通则\n第一节 一般规定\n第一条 为了规范管理，制定本法。\n第二条 本法所称职工，是指\n（一）工人；\n"
    "（二）干部；\n1. 其他；\n① 另有规定的。\n第三条之一 提前三日通知。"
)
FRAGMENTS = "前言部分。\n1、工会是党联系职工的桥梁\n2、和纽带，各级工会应当依法\n3、履行职责。\n一、总体要求。一是要学习，\n二是要落实。"
SCRAPED = "收藏 分享\n关于加强工会工作的通知\n下载 相关 举报\n正文第一句，\n还没有说完。\n上传人：某某\n展开阅读全文"
BROKEN = (
    "各级工会要切实履行维权服务的基本职责，推动\n工会工作创新发展。\n短一点的行，有逗号没有句号\n接着说完。\n\n(一)总则\n"
    "第一条，不是标题。\n甲、乙\n- 项目\n一要学习，\n"
)
WRAPPED = [
    "各级工会组织要认真贯彻落实会议精神，切实加强对职工的服务和",
    "关心，做到件件有着落、事事有回音，不断提高工作的质量和水平",
]
ALIKE = (
    "一、提前五日通知职工，说明理由并听取意见。",
    "一、提前五日通知职工， 说明理由并听取意见。",
    "一、提前三十日通知职工，说明理由并听取意见。",
    "职工之家应当每日开放，开放时间不少于八小时，管理员应当公布活动安排。",
    "职工之家应当每日开放，开放时间不少于八小时，管理员应当公布活动安排！",
)


def digest(value: object) -> str:
    """SHA-256 of a value as JSON."""
    return hashlib.sha256(json.dumps(value, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace")).hexdigest()


@lru_cache(maxsize=1)
def documents() -> tuple[Document, ...]:
    """The seeds, and texts that each rule of cleaning and chunking applies to."""
    texts = {
        "seed": [(path.read_bytes().decode("utf-8"), "text/plain") for path in sorted(SEEDS.glob("*.txt"))],
        "law": [(LAW, "text/plain")],
        "fragments": [(FRAGMENTS, "text/plain")],
        "broken": [(BROKEN, "text/plain")],
        "scraped": [(SCRAPED, "text/plain")],
        "wrapped": [("\n".join(WRAPPED * 6) + "。", "text/plain")],
        "links": [
            ("# 标题\n\n见[办法](https://example.org/a)第三条，另见![图](b.png)。\n\n| 甲 | 乙 |\n", "text/markdown")
        ],
    }
    found = [
        Document(f"{name}-{number}", f"{name} 标题", text, "0" * 64, media_type)
        for name, several in texts.items()
        for number, (text, media_type) in enumerate(several)
    ]
    pages = [f"区总工会文件\n正文第{number}页，内容各不相同{number * 7}。\n第 {number} 页\n" for number in range(1, 6)]
    starts = tuple(Page(sum(map(len, pages[:at])), f"第{at + 1}页") for at in range(len(pages)))
    boxes = tuple(
        LineBox(page.start + at, page.start + at + len(line), number, 0.1, top, 0.9, top + 0.02)
        for number, (page, own) in enumerate(zip(starts, pages, strict=True), 1)
        for line, at, top in zip(own.splitlines(), (0, 8, len(own) - 7), (0.05, 0.15, 0.95), strict=True)
    )
    visual = {"line_breaks": "visual"}
    found.append(Document("pages", "…", "".join(pages), "0" * 64, "application/pdf", visual, starts, boxes))
    return tuple(found)


def _passages() -> list[Passage]:
    headings = ("办法", "一、提前五日通知")
    return [Passage(str(row), "d", row, 0, len(text), text, headings) for row, text in enumerate(ALIKE)]


def loaders() -> dict[str, object]:
    """What each loader makes of the samples; OCR is left out, for its last digits are the processor's."""
    found: dict[str, list[object]] = {one.kind: [] for one in FORMATS if one.kind not in UNPINNED}
    with tempfile.TemporaryDirectory() as scratch:
        for sample in sorted(make_samples.make(Path(scratch)), key=lambda one: one.name):
            if formats.BY_SUFFIX[Path(sample.name).suffix].kind in UNPINNED:
                continue
            loaded = loading.load(loading.Source(sample.name, Path(scratch, sample.name)), ocr=False)
            if sample.name.endswith(".zip"):
                found["zip"].append([[one.doc_id for one in loaded.documents], [f.code for f in loaded.failures]])
            for one in loaded.documents:
                kind = one.loader.rpartition("-")[0]
                if kind not in UNPINNED:
                    boxes = [
                        [b.start, b.end, b.page, *(round(v, 3) for v in (b.x0, b.top, b.x1, b.bottom))]
                        for b in one.boxes
                    ]
                    pages = [[page.start, page.label] for page in one.pages]
                    found[kind].append(
                        [
                            one.doc_id,
                            one.title,
                            one.text,
                            one.media_type,
                            dict(one.metadata),
                            pages,
                            boxes,
                            one.warnings,
                        ]
                    )
    return {kind: value for kind, value in found.items()}


def cleaner() -> object:
    """The spans removed."""
    return [[[r.start, r.end, r.reason, r.joins] for r in cleaning.find_removals(one)] for one in documents()]


def chunker() -> object:
    """Passages and windows, of whole documents and around removals given by hand."""
    found = []
    for one in documents():
        middle = len(one.text) // 2
        for removals in ((), (Removal(middle, middle + 3, "by hand", joins=True),)):
            for passage in chunking.cut(one, removals):
                shown = [passage.start, passage.end, passage.text, passage.headings, passage.cuts, passage.sentences]
                found.append([*shown, chunking.windows(one.text, passage)])
    return found


def tokenizer() -> object:
    """Tokens of every document and question."""
    texts = [*(one.text for one in documents()), *QUESTIONS, "專題學習ＡＢＣ四十次，二〇二三年第三條。"]
    return [tokenizing.tokenize(text) for text in texts]


def context() -> object:
    """What the model and BM25 read of a passage."""
    whole, untitled = documents()[0], documents()[-1]
    return [
        [preparing.contextual(p), preparing.for_words(whole, p), preparing.for_words(untitled, p)] for p in _passages()
    ]


def near_duplicates() -> object:
    """The rows that say the same."""
    return duplicates.to_json(duplicates.near_duplicates(_passages()))


def signals() -> object:
    """What the refusal rests on, for questions about the seeds, with the toy embedder."""
    with tempfile.TemporaryDirectory() as scratch:
        service = Service(Settings(index=Path(scratch), rerank_candidates=0), ToyEmbedder())
        service.ingest([SEEDS])
        found = []
        for question in QUESTIONS:
            asked = query.read_query(
                service.current(), service.embedder, query.request_of(service.settings, question, 5)
            )
            ranking = retrieval.retrieve(service.current(), service.models, asked)
            one = evidence.signals_of(ranking)
            found.append([round(one.best_window, 3), one.addressed])
        service.catalog.close()
        return found


# part → (its version, where that is, what it makes of the inputs)
PARTS: dict[str, tuple[Callable[[], str], str, Callable[[], object]]] = {
    "cleaner": (lambda: cleaning.CLEANER, "CLEANER in rag/ingest/cleaning.py", cleaner),
    "chunker": (lambda: chunking.CHUNKER, "CHUNKER in rag/ingest/chunking.py", chunker),
    "tokenizer": (lambda: tokenizing.TOKENIZER, "TOKENIZER in rag/text/tokenizing.py", tokenizer),
    "context": (lambda: preparing.CONTEXT, "CONTEXT in rag/ingest/preparing.py", context),
    "near-duplicates": (lambda: duplicates.DUPLICATES, "DUPLICATES in rag/index/duplicates.py", near_duplicates),
    "signals": (lambda: evidence.SIGNALS, "SIGNALS in rag/search/evidence.py", signals),
}


def found(part: str) -> tuple[str, str, str]:
    """A part's version, where to raise it, and the digest of what it makes today."""
    version, where, make = PARTS[part]
    return version(), where, digest(make())


def found_loaders() -> dict[str, tuple[str, str, str]]:
    """The same for each loader."""
    made = loaders()
    return {
        f"loader {one.kind}": (
            one.read_by,
            f"version of {one.kind!r} in rag/ingest/loading/formats.py",
            digest(made[one.kind]),
        )
        for one in FORMATS
        if one.kind in made
    }


def main() -> None:
    """Record the digests of versions that are new; refuse to change one."""
    recorded: dict[str, dict[str, str]] = json.loads(VERSIONS.read_text(encoding="utf-8")) if VERSIONS.is_file() else {}
    wrong = []
    for part, (version, where, sha256) in ({part: found(part) for part in PARTS} | found_loaders()).items():
        if recorded.setdefault(part, {}).setdefault(version, sha256) != sha256:
            wrong.append(f"{part}: the output has changed under {version}; raise {where} first")
    if wrong:
        sys.exit("\n".join(wrong))
    VERSIONS.write_text(json.dumps(recorded, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
