"""Groups that teach the reader: a question with passages of its own excerpt, and hits of a hybrid search beside them.

One JSON line a group: `question`, `source`, `answerable`, `group` (its document) and `own`, the passages of the question's
excerpt as `[text, start, end, lead]`: the evidence's span in code points, or -1, -1 where the passage does not answer; and
`mined`, indexes into the pool of the best hits that do not answer. A text is what the reader sees: title, headings and
passage, a line each; `lead` is the length of the first two. The pool is a JSON list of `[text, lead]`.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.training.examples import bigrams
from benchmarks.training.laws import _latest, _short
from rag.datamodels import Document
from rag.ingest.chunking import cut
from rag.ingest.cleaning import find_removals
from rag.models.reader import Source, lead_of
from rag.text.tokenizing import simplify, tokenize

WRITTEN = Path(__file__).with_name("written")  # more of the same make, ours
HITS, DEPTH = 10, 60  # mined passages kept for a question, hits looked at
ALIKE = 0.5  # Jaccard of character bigrams from which two passages say the same
LAWS, STRETCH = 150, 5000  # laws that give the pool other passages, and characters read of each
SHARES = {"written": 1.0, "cmrc2018": 0.6, "drcd": 0.45}  # of each source's questions
LEXICAL = 0.7  # of z(BM25) beside z(cosine) when hits are mined
SHORT = 60  # characters of a sentence that is taken whole around a short answer
_SENTENCE, _CLAUSE = re.compile(r"[。；！？!?;\n]"), re.compile(r"[，。；！？!?;,\n]")


@dataclass(frozen=True, slots=True)
class Text:
    """A passage as the reader sees it. lead: characters of title and headings before it. group: its document."""

    text: str
    lead: int
    group: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a training set. quotes: what answers it; short: they are bare answers, not sentences."""

    question: str
    answerable: bool
    quotes: tuple[str, ...]
    short: bool


@dataclass(slots=True)
class Group:
    """A question with its passages, as in the file."""

    question: str
    source: str
    answerable: bool
    group: str
    own: list[tuple[str, int, int, int]]
    quotes: tuple[str, ...] = field(default=())
    mined: list[int] = field(default_factory=list)


def passages_of(name: str, title: str, text: str) -> list[Text]:
    """The passages of a text by the service's own rules, under title and headings."""
    document = Document(name, title, text, "", "text/plain")
    found = []
    for passage in cut(document, find_removals(document)):
        above = tuple(heading for heading in passage.headings if not passage.text.startswith(heading[:10]))
        lead = simplify(lead_of(Source(passage.text, title, above)))
        found.append(Text(lead + simplify(passage.text), len(lead), name))
    return found


def located(passage: Text, quotes: Sequence[str]) -> tuple[int, int]:
    """The span of the first quote of which the passage holds three fifths, from either end; (-1, -1) without one."""
    for quote in map(simplify, quotes):
        at = passage.text.find(quote, passage.lead)
        if at >= 0:
            return at, at + len(quote)
        size = max(8, len(quote) * 3 // 5)
        for length in range(len(quote) - 1, size - 1, -1):
            for piece in (quote[:length], quote[-length:]):
                at = passage.text.find(piece, passage.lead)
                if at >= 0:
                    return at, at + length
    return -1, -1


def clause_around(text: str, start: int, end: int, lead: int) -> tuple[int, int]:
    """The sentence that holds a short answer, or the clause where the sentence is long."""
    whole = _between(text, start, end, lead, _SENTENCE)
    return whole if whole[1] - whole[0] <= SHORT else _between(text, start, end, lead, _CLAUSE)


def without(text: str, lead: int, start: int, end: int) -> str | None:
    """The text with the sentences around a span cut out and the gap closed; None when too little is left."""
    a, b = _between(text, start, end, lead, _SENTENCE)
    left = text[:a] + text[b:]
    return left if len(left) - lead >= 40 else None


def _between(text: str, start: int, end: int, lead: int, stops: re.Pattern[str]) -> tuple[int, int]:
    marks = [lead, *(match.end() for match in stops.finditer(text) if match.end() > lead), len(text)]
    return max(mark for mark in marks if mark <= start), min(mark for mark in marks if mark >= end)


def written(folder: Path) -> Iterator[tuple[Asked, list[Text]]]:
    """The written questions, each with the passages of its excerpt."""
    texts = {}
    for line in (folder / "passages.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        texts[row["passage_id"]] = passages_of(row["title"], row["title"], row["text"])
    for line in (folder / "questions.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        asked = Asked(row["question"], row["answerable"], tuple(row["evidence"]), short=False)
        yield asked, texts[row["passage_id"]]


def extractive(path: Path) -> Iterator[tuple[Asked, list[Text]]]:
    """The same of a file of (query, positive, answers)."""
    texts: dict[str, list[Text]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["positive"] not in texts:
            texts[row["positive"]] = passages_of(f"{path.stem}/{row['title']}", row["title"], row["positive"])
        yield Asked(row["query"], True, tuple(row["answers"]), short=True), texts[row["positive"]]


def _group(asked: Asked, source: str, passages: Sequence[Text]) -> Group | None:
    """The group of a question; None where no passage holds its evidence."""
    own = []
    for passage in passages:
        span = (-1, -1)
        if asked.answerable and asked.short:
            held = next((q for q in map(simplify, asked.quotes) if passage.text.find(q, passage.lead) >= 0), None)
            if held is not None:
                at = passage.text.find(held, passage.lead)
                span = clause_around(passage.text, at, at + len(held), passage.lead)
        elif asked.answerable:
            span = located(passage, asked.quotes)
        own.append((passage.text, *span, passage.lead))
    right = [one for one in own if one[1] >= 0]
    if asked.answerable and not right:
        return None
    question = simplify(asked.question)
    if asked.short and len(right) > 1:  # of several passages with the answer's words, the one that shares most is sure
        pairs = bigrams(question)
        best = max(right, key=lambda one: len(pairs & bigrams(one[0])))
        own = [one for one in own if one[1] < 0 or one is best]
    return Group(question, source, asked.answerable, passages[0].group, own, tuple(map(simplify, asked.quotes)))


def build(shared: Path, base: Path, out: Path, seed: int = 7) -> None:
    """Write `groups.jsonl` and `pool.json` into a folder. shared: the training data. base: the model that mines."""
    rng = random.Random(seed)
    pool: dict[str, Text] = {}
    groups = []
    sources = [("written", written(folder)) for folder in (shared / "train" / "written", WRITTEN)]
    sources += [(name, extractive(shared / "train" / f"{name}.jsonl")) for name in ("cmrc2018", "drcd")]
    for name, rows in sources:
        for asked, passages in rows:
            if rng.random() > SHARES[name]:
                continue
            pool |= {passage.text: passage for passage in passages}
            found = _group(asked, name, passages)
            if found is not None:
                groups.append(found)
    for title, text in rng.sample(list(_latest(shared / "corpora" / "laws.tar.xz")), LAWS):
        start = text.find("\n", rng.randrange(max(len(text) - STRETCH, 0) + 1)) + 1
        others = passages_of(f"law/{title}", _short(title), text[start : start + STRETCH])
        pool |= {passage.text: passage for passage in others if len(passage.text) >= 40}
    texts = list(pool.values())
    mine(groups, texts, base)
    out.mkdir(parents=True, exist_ok=True)
    with (out / "groups.jsonl").open("w", encoding="utf-8") as file:
        for group in groups:
            row = {name: getattr(group, name) for name in ("question", "source", "answerable", "group", "own", "mined")}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    (out / "pool.json").write_text(json.dumps([[text.text, text.lead] for text in texts], ensure_ascii=False))


def mine(groups: Sequence[Group], pool: Sequence[Text], base: Path) -> None:
    """Put into each group the best hits of z(cosine) + z(BM25) that do not answer.

    Left out: what holds a quote, what says nearly the same as a passage that answers and, for a question without an
    answer, all of a law of the same title, for it holds only for its excerpt.
    """
    import bm25s
    import torch
    from sentence_transformers import SentenceTransformer
    from tqdm import tqdm

    model = SentenceTransformer(str(base), model_kwargs={"dtype": torch.bfloat16})
    model.max_seq_length = 128

    def encoded(texts: list[str], name: str) -> np.ndarray:
        found = model.encode(texts, prompt_name=name, batch_size=64, show_progress_bar=True).astype(np.float32)
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    passages = encoded([text.text for text in pool], "document")
    queries = encoded([group.question for group in groups], "query")
    ranker = bm25s.BM25(method="lucene")
    ranker.index([tokenize(text.text) or ["∅"] for text in tqdm(pool, desc="tokenize")], show_progress=False)
    grams = [bigrams(text.text[text.lead :]) for text in pool]
    for row, group in enumerate(tqdm(groups, desc="mine")):
        cosine = passages @ queries[row]
        tokens = [token for token in tokenize(group.question) if token in ranker.vocab_dict]
        lexical = ranker.get_scores(tokens) if tokens else np.zeros(len(pool), np.float32)
        score = (cosine - cosine.mean()) / cosine.std() + LEXICAL * (lexical - lexical.mean()) / (lexical.std() + 1e-6)
        top = np.argpartition(-score, DEPTH)[:DEPTH]
        group.mined = _kept(group, top[np.argsort(-score[top], kind="stable")].tolist(), pool, grams)


def _kept(group: Group, ranked: Sequence[int], pool: Sequence[Text], grams: Sequence[frozenset[str]]) -> list[int]:
    own = {text for text, *_ in group.own}
    title = title_of(group.own[0][0])
    right = [bigrams(text[lead:]) for text, start, _, lead in group.own if start >= 0]
    kept = []
    for index in ranked:
        text = pool[index].text
        if text in own or (not group.answerable and title_of(text) == title):
            continue
        if any(len(quote) >= 2 and quote in text for quote in group.quotes):
            continue
        if any(len(one & grams[index]) > ALIKE * len(one | grams[index]) for one in right):
            continue
        kept.append(index)
    return kept[:HITS]


def title_of(text: str) -> str:
    """The title that a text begins with, without the state's name and the version."""
    title = re.sub(r"[（(][\d\-]+[）)]$", "", text.split("\n", 1)[0])
    return title.replace("中华人民共和国", "").strip("《》 ")
