"""Exact matches: what a question names (《title》第三条, 〔2023〕12号, 八个对标) goes before all that is searched for."""

from __future__ import annotations

from rag.index.outlines import MAX_ITEMS, asked_rows
from rag.index.snapshot import Snapshot
from rag.search.addressing import read_address, resolve
from rag.search.query import Query
from rag.search.stages.stage import Stage

STAGE = Stage("点名 / exact match", "问题点名的条款、文号、整张清单或其中一点，排在最前")


def named_rows(snapshot: Snapshot, query: Query) -> tuple[int, ...]:
    """Rows of the passages that the question names, in order, among those searched."""
    text = query.request.text
    found = resolve(read_address(text), text, snapshot.passages, snapshot.titles)
    if not found:
        found = asked_rows(text, snapshot.outlines, snapshot.lexical.idf)
    searched = None if query.rows is None else set(query.rows.tolist())
    return tuple(row for row in dict.fromkeys(found) if searched is None or row in searched)[:MAX_ITEMS]
