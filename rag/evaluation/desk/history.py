"""How the runs kept with an index went: figures by generation, what had changed, and whether it got better or worse."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rag.errors import EvaluationError
from rag.evaluation.desk import desk
from rag.evaluation.desk.desk import RunNote
from rag.evaluation.measures.comparison import PRIMARY, Comparison

SURE = 0.05  # p below which a difference is called one
BETTER, WORSE, EVEN = "变好", "变差", "没有可靠的差别"
_NAMES = {
    "model": "模型", "dim": "维数", "chunker": "切分", "size": "段落长度", "tokenizer": "分词", "context": "标题上下文",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """A run. questions: asked; bad_rows: could not be. figures: the main ones by name, empty until it is done. change: against the run before it, if any.

    differs: what is not as it was then (documents, model, a setting), in words.
    """

    folder: str
    note: RunNote
    done: bool
    generation: int
    documents: int
    make: str
    settings: Mapping[str, object]
    questions: int
    bad_rows: int
    figures: Mapping[str, float]
    change: Comparison | None
    differs: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """Better, worse, or no difference that can be relied on; empty without a run to compare with."""
        if self.change is None:
            return ""
        if self.change.p >= SURE:
            return EVEN
        return BETTER if self.change.difference > 0 else WORSE


def history(index: Path) -> tuple[Entry, ...]:
    """Every run that can be read, the latest first."""
    folder = desk.home(index) / "runs"
    entries: dict[str, Entry] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            own = _entry(path)
        except (EvaluationError, OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # another program's folder, or one that a full disk cut short: nothing to show of it
        entries[path.name] = _against(own, entries.get(own.note.previous))
    return tuple(reversed(entries.values()))


def _entry(folder: Path) -> Entry:
    note = desk.note_of(folder)
    if not desk.is_done(folder):
        return Entry(folder.name, note, False, 0, 0, "", {}, 0, 0, {}, None)
    own = json.loads((folder / "figures.json").read_text(encoding="utf-8"))
    spans, honest, index = own.get("spans", {}), own.get("refusal", {}), own["index"]
    values = {name: spans.get(name) for name in ("hit@1", "hit@5", "MRR", "full@5")}
    values |= {name: honest.get(name) for name in ("false_answer", "false_refusal", "ece")}
    values |= {"nDCG@10": own["documents"]["nDCG@10"] if own["documents"]["queries"] else None}
    kept = {name: float(value) for name, value in values.items() if value is not None}
    return Entry(
        folder.name, note, True, index["generation"], index["documents"], index["make"], note.settings,
        own["questions"]["asked"], own["questions"]["bad_rows"], kept, _change(folder),
    )  # fmt: skip


def _change(folder: Path) -> Comparison | None:
    """The comparison with the run before on the finest measure."""
    path = folder / "comparison.json"
    rows = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    found = next((row for name in PRIMARY for row in rows if row["measure"] == name), None)
    return Comparison(**{key: value for key, value in found.items() if key != "difference"}) if found else None


def _against(own: Entry, before: Entry | None) -> Entry:
    """The entry with what differs from the run it was compared with."""
    if before is None or not before.done or not own.done:
        return own
    found = []
    if own.documents != before.documents:
        found.append(f"文档 {before.documents} → {own.documents}")
    elif own.note.documents != before.note.documents:
        found.append("文档有增删改")
    elif own.generation != before.generation:
        found.append("文档没变，词表或著录有改动")
    old, new = json.loads(before.make or "{}"), json.loads(own.make or "{}")
    found += [f"{_NAMES.get(key, key)} {old.get(key)} → {new[key]}" for key in new if old.get(key) != new[key]]
    found += [
        f"{name} {before.settings.get(name)} → {value}"
        for name, value in own.settings.items()
        if name in before.settings and before.settings[name] != value
    ]
    return replace(own, differs=tuple(found))
