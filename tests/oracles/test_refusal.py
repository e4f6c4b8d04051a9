"""Confidence, the bounds it is measured by, and the error rates that the service publishes about itself."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rag.datamodels import Passage
from rag.service import Service
from tests.conftest import ToyEmbedder
from tests.oracles import plain
from tests.oracles.codes import collection, scattered

SYNONYMS = {"b2m": ("d7q",), "h5q": ("f3r", "g2n")}


def logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


def passages_of(service: Service) -> list[Passage]:
    return [entry.passage for entry in service.catalog.entries()]


def words_by_passage(service: Service) -> dict[str, set[str]]:
    titles = {record.document.doc_id: record.document.title for record in service.documents()}
    return {
        passage.passage_id: set(plain.code_words(titles[passage.doc_id] + "\n" + plain.under_headings(passage)))
        for passage in passages_of(service)
    }


def expected_confidence(service: Service, question: str) -> float:
    """From the best window of all passages."""
    query = plain.centred(ToyEmbedder(), question)
    best_window = max(plain.dense(ToyEmbedder(), query, passage)[1] for passage in passages_of(service))
    bounds = service.calibration()
    return plain.confidence(best_window, bounds.near, bounds.spread)


@pytest.mark.parametrize(
    "question",
    ["b2m k7r", "h5q d3n f2p", "b3p z9z k2m", "w4w y8y x6x", "d3m h7n g5q f7p", "g3n f7q g2p", "g3q f3p g2r"],
)
def test_confidence_is_the_formula(coded: Service, question: str) -> None:
    expected, answer = expected_confidence(coded, question), coded.ask(question)
    assert logit(answer.confidence) == pytest.approx(logit(expected), abs=0.02)  # 0.9999 and 0.99999 are far apart here
    assert answer.answerable == (expected >= 0.5)


def test_the_questions_above_are_told_apart(coded: Service) -> None:
    assert coded.ask("h5q d3n f2p").answerable and not coded.ask("w4w y8y x6x").answerable


def test_the_bounds_are_what_foreign_questions_score(coded: Service) -> None:
    """What one in twenty of their best cosines exceeds, and the deviation of all their cosines."""
    toy = ToyEmbedder()
    spans = [(passage, span) for passage in passages_of(coded) for span in plain.window_spans(passage)]
    texts = [plain.read_without_cuts(passage, *span) for passage, span in spans]
    windows = toy.encode_passages(texts)
    common = np.mean(toy.encode_queries(plain.foreign()), axis=0)
    cosines = (toy.encode_queries(plain.foreign()) - 0.7 * common) @ windows.T
    best = np.sort(cosines.max(axis=1))
    at = 0.95 * (len(best) - 1)
    low = int(at)
    found = coded.calibration()
    assert found.near == pytest.approx(best[low] + (at - low) * (best[low + 1] - best[low]), abs=1e-4)
    assert found.spread == pytest.approx(cosines.std(), abs=1e-4)
    assert found.decision.cutoff == 0.5


def own_questions(service: Service) -> list[str]:
    """Of the first 120 characters of every passage, or of 120 passages evenly drawn: the four rarest words, in order."""
    words = words_by_passage(service)
    passages = passages_of(service)
    frequency = {word: sum(word in own for own in words.values()) for own in words.values() for word in own}
    asked = []
    for passage in passages[:: max(1, len(passages) // 120)]:
        listed = list(dict.fromkeys(plain.code_words(passage.text[:120])))
        rarest = sorted(listed, key=lambda word: frequency[word])[:4]
        if len(rarest) == 4:
            asked.append(" ".join(word for word in listed if word in rarest))
    return asked[:120]


def test_the_published_error_rates_are_those_of_questions_really_asked(make_service) -> None:
    """Shares of all foreign questions that are answered, and of the collection's own that are refused."""
    service = make_service()
    service.ingest_documents([*collection(25), *scattered(20)])
    service.set_word_tables(synonyms="# none")
    foreign, own = plain.foreign(), own_questions(service)
    answered = sum(service.ask(question).answerable for question in foreign)
    refused = sum(not service.ask(question).answerable for question in own)
    assert 0 < answered < len(foreign) / 2 and 0 < refused < len(own) and 2 * refused != len(own)
    found = service.calibration()
    assert found.false_answer == pytest.approx(answered / len(foreign))
    assert found.false_refusal == pytest.approx(refused / len(own))
