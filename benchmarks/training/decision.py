"""Fit the decision on documents that the reader was not trained on: is one of the passages read an answer?

Each held-out question is read with the passages that a search gives it: those of its own excerpt, and the mined hits. The
feature is one that the service has: the highest answer logit of the first passages (the span margin added nothing). A
logistic regression; the cut-off is where one answerable question in twenty is refused. Only written questions count, for
the others have no near misses.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.training.reader import FROZEN, TOKENS, held_out
from rag.models.embedding import TransformerEmbedder
from rag.models.reader import CARD, WEIGHTS, EvidenceReader, Source
from rag.search.stages.reading import DECIDES

REFUSED = 0.05  # share of answerable questions that the cut-off may refuse
FOLDS = 5
FEATURES = ("answer",)


def decide(work: Path, base: Path, target: Path, name: str, revision: str) -> None:
    """Put the trained weights into `target` with their card's file, decision included."""
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(work / WEIGHTS, target / WEIGHTS)
    card = {"name": name, "base": revision, "frozen": FROZEN, "tokens": TOKENS,
            "decision": {"weights": {"answer": 1.0}, "bias": 0.0, "cutoff": 0.5}}  # fmt: skip
    _write(target / CARD, card)
    reader = EvidenceReader(TransformerEmbedder(str(base)), target)
    values, label = _read(reader, work)
    card["decision"] = _fitted(values, label)
    card["fitted on"] = {"questions": len(label), "answerable": int(label.sum()), **_crossed(values, label)}
    _write(target / CARD, card)


def _write(file: Path, card: dict[str, object]) -> None:
    file.write_text(json.dumps(card, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def _read(reader: EvidenceReader, work: Path) -> tuple[np.ndarray, np.ndarray]:
    """(n, features) and (n,) whether answerable, of the held-out questions."""
    from tqdm import tqdm

    pool = json.loads((work / "pool.json").read_text(encoding="utf-8"))
    rows, label = [], []
    groups = [json.loads(line) for line in (work / "groups.jsonl").open(encoding="utf-8")]
    kept = [one for one in groups if one["source"] == "written" and held_out(one["group"])]
    for group in tqdm(kept, desc="decide"):
        texts = [(one[0], one[3]) for one in group["own"]] + [tuple(pool[at]) for at in group["mined"]]
        random.Random(0).shuffle(texts)
        right = [one for one in group["own"] if one[1] >= 0][:1]
        first = [(one[0], one[3]) for one in right]  # a search has it among its first nine times in ten
        texts = [*first, *(one for one in texts if one not in first)][:DECIDES]
        found = reader.read(group["question"], [Source(text[lead:], *_above(text[:lead])) for text, lead in texts])
        rows.append([max(one.answer for one in found)])
        label.append(group["answerable"])
    return np.array(rows), np.array(label)


def _above(lead: str) -> tuple[str, tuple[str, ...]]:
    """Title and headings of a passage's lead."""
    title, *headings = lead.splitlines() or [""]
    return title, tuple(headings)


def _fitted(values: np.ndarray, label: np.ndarray) -> dict[str, object]:
    """Weights, bias and cut-off of a logistic regression."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1.0, class_weight="balanced").fit(values, label)
    sure = model.predict_proba(values)[:, 1]
    return {
        "weights": {name: round(float(weight), 4) for name, weight in zip(FEATURES, model.coef_[0], strict=True)},
        "bias": round(float(model.intercept_[0]), 4),
        "cutoff": round(float(np.quantile(sure[label], REFUSED)), 4),
    }


def _crossed(values: np.ndarray, label: np.ndarray) -> dict[str, float]:
    """AUC, and the share of unanswerable questions answered where one answerable in twenty is refused, cross-validated."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import cross_val_predict

    model = LogisticRegression(C=1.0, class_weight="balanced")
    sure: Sequence[float] = cross_val_predict(model, values, label, cv=FOLDS, method="predict_proba")[:, 1]
    cutoff = np.quantile(np.asarray(sure)[label], REFUSED)
    answered = float((np.asarray(sure)[~label] >= cutoff).mean())
    return {"auc": round(float(roc_auc_score(label, sure)), 3), "answered at 5 % refused": round(answered, 3)}
