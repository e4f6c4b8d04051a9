"""BM25 libraries at size: indexing, one query, taking in and removing documents; bm25s (in use) against tantivy.

    python benchmarks/lexical.py ../shared/corpora/laws.tar.xz [--passages 1000000] [--out DIR]

Tokens are the service's own, made once and given to both. Passages are windows of the laws' text; where they are too
few they are taken again with one word exchanged, which keeps lengths and the distribution of words. Needs
`pip install tantivy`, which the service does not use.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rag.lexical import K1, B
from rag.tokenizing import tokenize

SIZE = 250  # characters a passage
QUERIES = (
    "工会经费由谁管理", "劳动合同解除的条件", "未成年工保护", "罚款 三万元", "职工代表大会的职权", "集体合同", "工伤认定", "休息日加班工资",
)  # fmt: skip


def main() -> None:
    """Parse, measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=Path)
    parser.add_argument("--passages", type=int, default=1_000_000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    base = [tokenize(text) for text in _passages(options.archive, 20_000)]
    tokens = [[*base[at % len(base)], f"w{at}"] for at in range(options.passages)]
    print(f"{len(tokens)} passages, {sum(map(len, base)) / len(base):.0f} tokens each", file=sys.stderr)
    found = {"passages": len(tokens), "bm25s": _bm25s(tokens), "tantivy": _tantivy(tokens)}
    print(json.dumps(found, ensure_ascii=False, indent=2))
    if options.out:
        (options.out / "lexical.json").write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n")


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


def _bm25s(tokens: list[list[str]]) -> dict[str, float]:
    import bm25s

    started = time.perf_counter()
    index = bm25s.BM25(k1=K1, b=B, method="lucene")
    index.index(tokens, show_progress=False)
    built = time.perf_counter() - started
    times = []
    for query in QUERIES:
        asked = [token for token in tokenize(query) if token in index.vocab_dict]
        started = time.perf_counter()
        scores = index.get_scores(asked)
        scores.argpartition(-200)[-200:]
        times.append(time.perf_counter() - started)
    # there is no incremental update: a change means indexing again
    return _figures(built, times, built)


def _tantivy(tokens: list[list[str]]) -> dict[str, float]:
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
        writer.delete_documents_by_term("row", "17")
        writer.add_document(tantivy.Document(words=" ".join(tokens[17]), row="17"))
        writer.commit()
        return _figures(built, times, time.perf_counter() - started)


def _figures(built: float, times: list[float], change: float) -> dict[str, float]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {
        "index_s": round(built, 1), "query_ms": round(statistics.median(times) * 1e3, 2),
        "change_s": round(change, 3), "peak_gb_so_far": round(peak, 1),
    }  # fmt: skip


if __name__ == "__main__":
    main()
