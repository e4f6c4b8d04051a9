"""Ask many questions on the served path, keeping each answer at once, so that an interrupted run goes on.

Answers are appended to a JSON Lines file, one a line, under a key of question, index generation, documents, model and
settings: what is still true is taken from the file, the rest is asked. Figures are always computed from the lines, so a
resumed run gives the very same ones.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from rag.config import ANSWER_SETTINGS, Settings
from rag.errors import EvaluationError, UsageError
from rag.evaluation.measures.ranking import strictly_falling
from rag.evaluation.sets.records import Problem, Response, Run, Shown
from rag.search.answering import to_json
from rag.service import Service
from rag.text.spans import Span

StoredLine = Mapping[str, object]
Progress = Callable[[int, int], None]  # done, total
ANSWERS = "answers.jsonl"
DEPTH = 100  # documents a query
PLACES = 10  # of them with their passage


@dataclass(frozen=True, slots=True)
class Task:
    """A question to ask: `source` and `row` say where it was read, for messages."""

    question_id: str
    text: str
    source: str = ""
    row: int = 0


def shaping(settings: Settings) -> dict[str, object]:
    """The settings that answers may depend on."""
    return settings.model_dump(mode="json", include=set(ANSWER_SETTINGS))


def state_of(service: Service, mode: str) -> str:
    """What the answers depend on beside the question: generation, documents, model, settings and kind of call."""
    current = service.current()
    sources = sorted(service.catalog.sources().items())
    parts = [mode, current.generation, service.catalog.fact("make"), sources, shaping(service.settings)]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def ask_lines(
    service: Service,
    tasks: Sequence[Task],
    store: Path | None = None,
    top_k: int | None = None,
    progress: Progress | None = None,
) -> tuple[list[StoredLine], list[Problem]]:
    """One line of the contracted answer a question, in order; a question that cannot be asked is a problem."""

    def produce(task: Task) -> StoredLine:
        answer = to_json(service.ask(task.text, top_k))
        _refuse_change(service, generation)
        return answer

    service.calibration()  # before the first question is timed
    generation = service.current().generation
    return _lines(tasks, produce, state_of(service, f"ask {top_k}"), generation, store, progress)


def search_lines(
    service: Service,
    tasks: Sequence[Task],
    store: Path | None = None,
    top_k: int = DEPTH,
    progress: Progress | None = None,
) -> tuple[list[StoredLine], list[Problem]]:
    """One line {"id", "documents": [[doc_id, score], …], "passages": [[doc_id, start, end], …]} a query, in order.

    Nothing is refused. passages: of the first documents, for the report.
    """

    def produce(task: Task) -> StoredLine:
        started = time.perf_counter()
        found = service.search(task.text, top_k)
        ranked = strictly_falling([(document.doc_id, document.score) for document in found])
        spent = (time.perf_counter() - started) * 1e3
        _refuse_change(service, generation)
        places = [[one.doc_id, one.passage.start, one.passage.end] for one in found[:PLACES]]
        documents = list(map(list, ranked.items()))
        return {"question": task.text, "documents": documents, "passages": places, "timings_ms": {"total": spent}}

    generation = service.current().generation
    return _lines(tasks, produce, state_of(service, f"search {top_k}"), generation, store, progress)


def passage_lines(
    service: Service,
    tasks: Sequence[Task],
    store: Path | None = None,
    top_k: int = DEPTH,
    progress: Progress | None = None,
) -> tuple[list[StoredLine], list[Problem]]:
    """One line {"id", "passages": [[doc_id, start, end, score], …], "best": {stage: score}} a query, in order.

    Nothing is refused. best: the highest score that each stage gave to any of the passages.
    """

    def produce(task: Task) -> StoredLine:
        hits = service.search_passages(task.text, top_k)
        _refuse_change(service, generation)
        passages = [[hit.passage.doc_id, hit.passage.start, hit.passage.end, hit.score] for hit in hits]
        stages = {name for hit in hits for name in hit.stages}
        best = {name: max(hit.stages[name] for hit in hits if name in hit.stages) for name in sorted(stages)}
        return {"question": task.text, "passages": passages, "best": best}

    generation = service.current().generation
    return _lines(tasks, produce, state_of(service, f"passages {top_k}"), generation, store, progress)


def _refuse_change(service: Service, generation: int) -> None:
    """Raise EvaluationError when documents changed under the run: half its answers would be of another index."""
    if service.catalog.generation != generation:
        raise EvaluationError(
            "评测期间文档有了变动，已停下；接着做会在新的索引上把受影响的题重新问过。/ The index changed during the run."
        )


def _lines(
    tasks: Sequence[Task],
    produce: Callable[[Task], StoredLine],
    state: str,
    generation: int,
    store: Path | None,
    progress: Progress | None,
) -> tuple[list[StoredLine], list[Problem]]:
    lines: list[StoredLine] = []
    problems: list[Problem] = []
    done, file = ({}, None) if store is None else _opened(store)
    try:
        for number, task in enumerate(tasks, 1):
            key = _key(state, task)
            text = done.get(key)
            if text is None:
                head = {"id": task.question_id, "key": key, "generation": generation}
                try:
                    text = dump(head | dict(produce(task)))
                except UsageError as error:
                    problems.append(Problem(task.source, task.row, "question", str(error)))
                    continue
                if file is not None:
                    file.write(f"{text}\n")
                    file.flush()
            done[key] = text
            lines.append(json.loads(text))
            if progress is not None:
                progress(number, len(tasks))
    finally:
        if file is not None:
            file.close()
    if store is not None:
        write_atomically(store, "".join(f"{done[str(line['key'])]}\n" for line in lines))
    return lines, problems


def _key(state: str, task: Task) -> str:
    parts = f"{state}\0{task.question_id}\0{task.text}"
    return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def dump(value: object) -> str:
    """JSON on one line, readable; escaped where a lone surrogate could not be written as UTF-8."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value)
    return text


def _opened(store: Path) -> tuple[dict[str, str], IO[str]]:
    """What an earlier run kept, and the file to add to. Raises EvaluationError when it cannot be written."""
    try:
        return _stored(store), store.open("a", encoding="utf-8")
    except OSError as error:
        raise EvaluationError(f"写不了 {store}：{error.strerror}。/ Cannot write the report.") from error


def _stored(store: Path) -> dict[str, str]:
    """Answers kept by an earlier run, by key, as written; a last line cut short is dropped from the file."""
    store.parent.mkdir(parents=True, exist_ok=True)
    if not store.is_file():
        return {}
    found: dict[str, str] = {}
    kept = 0
    raw = store.read_bytes()
    for line in raw.splitlines(keepends=True):
        try:
            text = line.decode("utf-8")
            key = json.loads(text)["key"]
        except (ValueError, KeyError, TypeError):
            if line.endswith(b"\n"):
                kept += len(line)
                continue  # not ours, but whole: left alone until the run is complete
            break
        if not line.endswith(b"\n"):
            break
        found[key] = text.rstrip("\n")
        kept += len(line)
    if kept < len(raw):
        with store.open("r+b") as file:
            file.truncate(kept)
    return found


def responses(lines: Sequence[StoredLine]) -> dict[str, Response]:
    """Answers by question id."""
    return {str(line["id"]): response_of(line) for line in lines}


def response_of(line: StoredLine, resolve: Callable[[str], str | None] = lambda name: name) -> Response:
    """An answer as it was kept. resolve: the indexed document of a name, for lines that came from elsewhere.

    Raises EvaluationError when the line is no answer.
    """
    given: Any = line  # JSON of any shape: what does not fit is reported below
    try:
        excerpts = given.get("excerpts", []) if given.get("answerable", True) else []
        return Response(
            str(given["id"]), bool(excerpts), float(given.get("confidence", 0.0)),
            tuple(
                Shown(
                    resolve(entry["doc"]) or entry["doc"], int(entry["start"]), int(entry["end"]),
                    entry.get("text", ""), entry.get("title", ""), tuple(entry.get("headings", ())),
                    float(entry.get("score", 0.0)), tuple((a, b) for a, b in entry.get("highlights", ())),
                )
                for entry in excerpts
            ),
            {name: float(value) for name, value in dict(given.get("timings_ms", {})).items()},
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EvaluationError(
            f"编号 {line.get('id')} 的回答格式不对（{str(error)[:60]}）。/ A saved answer is malformed."
        ) from error


def run_of(lines: Sequence[StoredLine]) -> Run:
    """The ranked documents of `search_lines`, by query."""
    return {str(line["id"]): ranked_of(line) for line in lines}


def ranked_of(line: StoredLine) -> dict[str, float]:
    """The scores of a line of `search_lines` by document. Raises EvaluationError when it is none."""
    given: Any = line  # JSON of any shape, as above
    try:
        return {str(doc_id): float(score) for doc_id, score in given["documents"]}
    except (KeyError, TypeError, ValueError) as error:
        raise EvaluationError(
            f"编号 {line.get('id')} 的一行不是文档排序（{str(error)[:60]}）。/ Not ranked documents."
        ) from error


def spans_of(lines: Sequence[StoredLine]) -> dict[str, dict[str, Span]]:
    """The best passage's span by query and document, where `search_lines` kept it."""
    return {str(line["id"]): _places(line) for line in lines}


def totals_of(lines: Sequence[StoredLine]) -> list[float]:
    """How long each query of `search_lines` took, in milliseconds, where that was kept."""
    given: Sequence[Mapping[str, Any]] = lines
    return [float(line["timings_ms"]["total"]) for line in given if "timings_ms" in line]


def _places(line: Mapping[str, Any]) -> dict[str, Span]:
    return {str(doc_id): (int(start), int(end)) for doc_id, start, end in line.get("passages", ())}


def write_atomically(path: Path, text: str) -> None:
    """Write a file whole or not at all. Raises EvaluationError when the folder cannot be written."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_text(text, encoding="utf-8", errors="replace", newline="")
        scratch.replace(path)
    except OSError as error:
        raise EvaluationError(f"写不了 {path}：{error.strerror}。/ Cannot write it.") from error
