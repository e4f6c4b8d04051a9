"""Carry out one evaluation as it was ordered: what to ask or read, over which index, against which earlier run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from rag.config import load_settings
from rag.errors import EvaluationError, IndexUnusable, NotFoundError, UsageError
from rag.evaluation.measures.evaluate import (
    Evaluation,
    IndexState,
    evaluate_beir,
    evaluate_gold,
    index_state,
    limited,
    score_beir,
    score_gold,
)
from rag.evaluation.measures.indexing import collection_service
from rag.evaluation.measures.runner import ANSWERS, Progress, StoredLine
from rag.evaluation.reports import saved
from rag.evaluation.sets.beir import documents, has_corpus, read_collection
from rag.evaluation.sets.library import library_of
from rag.evaluation.sets.records import Problem, Run
from rag.service import Service

Bar = Callable[[str], AbstractContextManager[Progress]]
TextOf = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Order:
    """dataset: a folder, a test set, or TREC topics, which need qrels. report: folder that keeps the answers.

    run: score this stored result and ask nothing. baseline: an earlier run to compare with. index: instead of the
    settings' one; for a folder with a corpus, where that corpus is indexed. top_k: excerpts a question.
    limit: questions at most.
    """

    dataset: Path
    qrels: Path | None = None
    report: Path | None = None
    run: Path | None = None
    baseline: Path | None = None
    index: Path | None = None
    top_k: int | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """ours: the scored run. theirs: the baseline's; beside: what is wrong with rows of the baseline's file.

    text_of: texts of the documents ranked, for the report.
    """

    ours: Evaluation
    theirs: Evaluation | None
    text_of: TextOf
    beside: Sequence[Problem] = ()


def carry_out(order: Order, bar: Bar, live: Service | None = None) -> Done:
    """Ask or read, and score. bar: shows a named piece of work. live: a service that runs already. Raises YuanwenError."""
    if not order.dataset.exists():
        raise EvaluationError(f"没有 {order.dataset}。/ No such file.")
    if order.qrels is not None or order.dataset.is_dir():
        return _ranked(order, bar, live)
    if order.dataset.suffix.lower() in {".trec", ".tsv", ".txt"}:
        raise UsageError("TREC 题目要与 --qrels 一起给出。/ TREC topics need --qrels.")
    return _quoted(order, bar, live)


def serving(index: Path | None) -> Service:
    """The service over an index that is there. Raises IndexUnusable."""
    settings = load_settings(index=index.resolve() if index else None)
    if not (settings.index / "catalog.sqlite3").is_file():
        raise IndexUnusable(f"还没有索引：{settings.index}。请先运行 yuanwen index。/ No index yet: run yuanwen index.")
    return Service(settings)


def corpus_texts(folder: Path) -> TextOf:
    """Texts of a folder's own documents."""
    texts = {document.doc_id: document.text for document in documents(folder)}
    return lambda doc_id: texts.get(doc_id, "")


def indexed_texts(service: Service) -> TextOf:
    """Texts of indexed documents; empty for one that is not there."""

    def text_of(doc_id: str) -> str:
        try:
            return service.document(doc_id).document.text
        except NotFoundError:
            return ""

    return text_of


def _quoted(order: Order, bar: Bar, live: Service | None) -> Done:
    """A test set with quotes, over the served index."""
    service = live or serving(order.index)
    library = library_of(service)
    test_set = saved.read_test_set(order.dataset, library, order.limit)
    theirs: Evaluation | None = None
    beside: list[Problem] = []
    if order.baseline is not None and saved.is_kept(order.baseline):
        theirs = saved.read_report(order.baseline)
    elif order.baseline is not None:
        theirs = score_gold(test_set, saved.answers(order.baseline, library, beside), index_state(service))
    if order.run is not None:
        problems: list[Problem] = []
        answers = saved.answers(order.run, library, problems)
        ours = score_gold(test_set.noting(problems), answers, index_state(service))
        return Done(ours, theirs, lambda doc_id: "", beside)
    store = order.report / ANSWERS if order.report else None
    with bar("提问 / asking") as update:
        ours = evaluate_gold(service, test_set, store, order.top_k, update)
    return Done(ours, theirs, lambda doc_id: "", beside)


def _ranked(order: Order, bar: Bar, live: Service | None) -> Done:
    """Queries with judged documents, over a corpus of their own or over the served index."""
    own = has_corpus(order.dataset)
    service = None if own else live or serving(order.index)
    titles = service.current().titles if service else ()
    collection = limited(read_collection(order.dataset, order.qrels, titles), order.limit)
    text_of = corpus_texts(order.dataset) if service is None else indexed_texts(service)
    theirs: Evaluation | None = None
    beside: list[Problem] = []
    if order.baseline is not None and saved.is_kept(order.baseline):
        theirs = saved.read_report(order.baseline)
    elif order.baseline is not None:
        run, index_searched, lines, beside = _stored(order.baseline)
        theirs = score_beir(collection, run, index_searched, lines)
    if order.run is not None:
        return Done(score_beir(collection, *_stored(order.run)), theirs, text_of, beside)
    if service is None:
        index = order.index.resolve() if order.index else None
        with bar("编码 / encoding") as update:
            settings, embedder = (live.settings, live.embedder) if live else (load_settings(), None)
            service = collection_service(settings, order.dataset, index, embedder, update)
    store = order.report / ANSWERS if order.report else None
    with bar("检索 / searching") as update:
        return Done(evaluate_beir(service, collection, store, update), theirs, text_of, beside)


def _stored(path: Path) -> tuple[Run, IndexState, list[StoredLine], list[Problem]]:
    """A stored ranking, as `score_beir` takes it."""
    problems: list[Problem] = []
    run, lines = saved.ranked(path, problems)
    return run, IndexState(0, 0, 0, ""), lines, problems
