"""BM25 libraries at size: indexing, one query, taking in and removing a passage; bm25s (in use) against tantivy.

    python benchmarks/lexical.py ../shared/corpora/laws.tar.xz [--passages 1000000] [--of bm25s tantivy] [--out DIR]

"service" is the service's own index: bm25s and the set of tokens of every passage. Each runs in a process of its own,
so that its peak of memory is its own. Tokens are the service's, made before the clock starts. Passages are windows of the laws' text; where they are too
few they are taken again with one word exchanged, which keeps lengths and the distribution of words. Needs
`pip install tantivy`, which the service does not use.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import statistics
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rag.index.lexical import K1, B, LexicalIndex
from rag.text.tokenizing import tokenize

SIZE = 250  # characters a passage
QUERIES = (
    "工会经费由谁管理", "劳动合同解除的条件", "未成年工保护", "罚款 三万元", "职工代表大会的职权", "集体合同", "工伤认定", "休息日加班工资",
)  # fmt: skip


def main() -> None:
    """Parse, measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=Path)
    parser.add_argument("--passages", type=int, default=1_000_000)
    parser.add_argument("--of", nargs="+", choices=_LIBRARIES, default=["bm25s", "tantivy"])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    found: dict[str, int | dict[str, float]] = {"passages": options.passages}
    for name in options.of:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:
            found[name] = alone.submit(_measure, name, options.archive, options.passages).result()
        print(name, found[name], file=sys.stderr, flush=True)
    print(json.dumps(found, ensure_ascii=False, indent=2))
    if options.out:
        (options.out / "lexical.json").write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n")


def _measure(name: str, archive: Path, count: int) -> dict[str, float]:
    base = [tokenize(text) for text in _passages(archive, 20_000)]
    print(f"{name}: {count} passages, {sum(map(len, base)) / len(base):.0f} tokens each", file=sys.stderr, flush=True)
    tokens = [[*base[at % len(base)], f"w{at}"] for at in range(count)]
    return {"tokens_gb": _peak()} | _LIBRARIES[name](tokens)


def _passages(archive: Path, count: int) -> Iterator[str]:
    with tarfile.open(archive) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.name.endswith(".md") else None
            text = file.read().decode("utf-8") if file else ""
            for at in range(0, len(text) - SIZE, SIZE):
                yield text[at : at + SIZE]
                count -= 1
                if not count:
                    return


def _bm25s(tokens: Sequence[Sequence[str]]) -> dict[str, float]:
    import bm25s

    started = time.perf_counter()
    index = bm25s.BM25(k1=K1, b=B, method="lucene")
    index.index(tokens, show_progress=False)
    built = time.perf_counter() - started
    return _rebuilt(built, lambda asked: index.get_scores([token for token in asked if token in index.vocab_dict]))


def _service(tokens: Sequence[Sequence[str]]) -> dict[str, float]:
    started = time.perf_counter()
    index = LexicalIndex(tokens)
    return _rebuilt(time.perf_counter() - started, index.scores)


def _rebuilt(built: float, scores: Callable[[list[str]], np.ndarray]) -> dict[str, float]:
    times = []
    for query in QUERIES:
        asked = tokenize(query)
        started = time.perf_counter()
        scores(asked).argpartition(-200)[-200:]
        times.append(time.perf_counter() - started)
    # there is no incremental update: a change means indexing again
    return _figures(built, times, built, built)


def _tantivy(tokens: Sequence[Sequence[str]]) -> dict[str, float]:
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_text_field("words", stored=False, tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field("row", stored=True, tokenizer_name="raw")
    with tempfile.TemporaryDirectory() as folder:
        index = tantivy.Index(builder.build(), path=folder)
        writer = index.writer(heap_size=500_000_000, num_threads=1)
        started = time.perf_counter()
        for row, words in enumerate(tokens):
            writer.add_document(tantivy.Document(words=" ".join(words), row=str(row)))
        writer.commit()
        writer.wait_merging_threads()
        built = time.perf_counter() - started
        index.reload()
        searcher, times = index.searcher(), []
        for query in QUERIES:
            terms = [
                (tantivy.Occur.Should, tantivy.Query.term_query(index.schema, "words", token, "freq"))
                for token in tokenize(query)
            ]
            started = time.perf_counter()
            searcher.search(tantivy.Query.boolean_query(terms), 200)
            times.append(time.perf_counter() - started)
        writer = index.writer(heap_size=100_000_000, num_threads=1)
        started = time.perf_counter()
        writer.add_document(tantivy.Document(words=" ".join(tokens[17]), row=str(len(tokens))))
        writer.commit()
        index.reload()
        added = time.perf_counter() - started
        started = time.perf_counter()
        writer.delete_documents_by_term("row", "17")
        writer.commit()
        index.reload()
        return _figures(built, times, added, time.perf_counter() - started)


def _figures(built: float, times: list[float], added: float, removed: float) -> dict[str, float]:
    return {
        "index_s": round(built, 1), "query_ms": round(statistics.median(times) * 1e3, 2),
        "add_s": round(added, 3), "remove_s": round(removed, 3), "peak_gb": _peak(),
    }  # fmt: skip


def _peak() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 1)


_LIBRARIES = {"bm25s": _bm25s, "tantivy": _tantivy, "service": _service}


if __name__ == "__main__":
    main()
