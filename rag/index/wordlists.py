"""The administrator's tables of terms and synonyms as the catalog keeps them: text, one entry a line."""

from __future__ import annotations

from rag.index.catalog import Catalog, Reading
from rag.index.vocabulary import read_synonyms, read_terms, shipped_synonyms

TERMS, SYNONYMS = "terms", "synonyms"  # facts of the catalog


def word_tables(now: Reading) -> tuple[str, str]:
    """The tables of terms and of synonyms as they were written; the shipped synonyms where nobody wrote any."""
    synonyms = now.fact(SYNONYMS)
    return now.fact(TERMS) or "", shipped_synonyms() if synonyms is None else synonyms


def set_word_tables(catalog: Catalog, terms: str | None, synonyms: str | None) -> None:
    """Replace the tables given, as one change that a new generation shows. Raises UsageError, changing nothing."""
    facts = {}
    if terms is not None:
        read_terms(terms)
        facts[TERMS] = terms
    if synonyms is not None:
        read_synonyms(synonyms)
        facts[SYNONYMS] = synonyms
    catalog.set_facts(facts, advance=True)
