"""Add a question that a person accepted or corrected to a test set of the page's own, checked as every other row is."""

from __future__ import annotations

import hashlib
import json

from rag.errors import UsageError
from rag.evaluation.desk import desk
from rag.evaluation.sets.excel import evidence_of
from rag.evaluation.sets.library import library_of
from rag.evaluation.sets.records import NEAR
from rag.evaluation.sets.testset import Lookups, RowError
from rag.search.query import check_question
from rag.service import Service

CODE = "question-row"


def accept(
    service: Service, test_set: str, question: str, document: str, quotes: str, answerable: bool, kind: str = NEAR
) -> str:
    """Append a question; returns its id.

    test_set: a .jsonl of the desk, made when there is none. document: a name or title, or nothing where only one
    document holds the quotes. quotes: one a line; all are needed. answerable: false for a question that the documents
    do not answer; kind says why, one of KINDS. Raises UsageError that says what is wrong with which field.
    """
    index = service.settings.index
    if not test_set.endswith(".jsonl"):
        raise UsageError("逐题收入的题集应为 .jsonl。/ Only a .jsonl can be added to.", code=CODE)
    path = desk.new_set_path(index, test_set)
    text = check_question(question, service.settings.question_max)
    identifier = f"p{hashlib.sha256(text.encode()).hexdigest()[:10]}"
    if path.is_file() and f'"id": "{identifier}"' in path.read_text(encoding="utf-8"):
        raise UsageError(f"题集“{test_set}”里已有这道题。/ That question is there already.", code=CODE)
    row: dict[str, object] = {
        "id": identifier,
        "question": text,
        "type": "核对",
        "answerable": answerable,
    }
    if answerable:
        row["evidence"] = _evidence(service, document, quotes)
    else:
        row["kind"] = kind
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return identifier


def _evidence(service: Service, document: str, quotes: str) -> list[dict[str, str]]:
    """The quotes as the documents have them, to the character."""
    if not quotes.strip():
        raise UsageError("期望原文：请填上应当找到的原文，或选“资料里没有答案”。/ The quote is missing.", code=CODE)
    names = [document.strip()] if document.strip() else []
    try:
        found = evidence_of(names, quotes.strip(), library_of(service), Lookups())
    except RowError as error:
        raise UsageError(f"{error.column}：{error}。/ Not in the documents.", code=CODE) from error
    return [{"doc": one.doc_id, "quote": service.text(one.doc_id, *one.spans[0])} for one in found]
