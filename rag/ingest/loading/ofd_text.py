"""Where the text of an OFD page is, and the lines that a reader sees.

A TextObject places its characters one by one: Boundary, CTM, then X and Y of a TextCode and the steps of DeltaX and DeltaY.
Form and values are often drawn apart (an invoice's labels are in its template), so lines are made of what has one
baseline, whatever drew it.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.ingest.loading.safety import local

if TYPE_CHECKING:
    from lxml import etree

Matrix = tuple[float, float, float, float, float, float]
IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
_WIDE_GAP = 0.8  # of the size: a gap that a reader sees as a blank
_SAME_LINE = 0.5  # of the size, between baselines
_POINTS = {"M": 2, "S": 2, "L": 2, "Q": 4, "B": 6, "A": 7, "C": 0}  # numbers after each step of a path
_MOST_PIECES = 3000
_THIN = 0.9  # millimetres; a box this narrow is a line
_DEEPEST = 8  # composite units inside each other
_COLUMN_ROWS, _COLUMN_TEXT = 8, 12
_NO_BLANK_AFTER = frozenset("：:（(“‘《〈【￥¥")


@dataclass(frozen=True, slots=True)
class Run:
    """Text along one baseline, in millimetres on the page, y downwards. bottom: below the baseline where it runs down."""

    text: str
    x: float
    right: float
    baseline: float
    bottom: float
    size: float

    @property
    def top(self) -> float:
        """The upper edge of its characters."""
        return self.baseline - 0.88 * self.size


@dataclass(frozen=True, slots=True)
class Picture:
    """An ImageObject: the resource it shows, and its box in millimetres."""

    resource: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Rule:
    """A level or upright line, in millimetres."""

    box: tuple[float, float, float, float]


def page_objects(
    element: etree._Element, units: Mapping[str, etree._Element], at: Matrix = IDENTITY, depth: int = 0
) -> Iterator[Run | Picture | Rule]:
    """Text, images and ruling lines under an element, composite units included. units: CompositeGraphicUnits by ID."""
    for child in element:
        kind = local(child)
        if child.get("Visible") == "false":
            continue
        if kind == "TextObject":
            yield from _runs(child, _placed(child, at))
        elif kind == "ImageObject":
            x, y, width, height = _box(child)
            left, top = _point(at, x, y)
            right, low = _point(at, x + width, y + height)
            yield Picture(
                child.get("ResourceID", ""), min(left, right), min(top, low), abs(right - left), abs(low - top)
            )
        elif kind == "PathObject":
            yield from _rules(child, _placed(child, at))
        elif kind == "CompositeObject":
            unit = units.get(child.get("ResourceID", ""))
            if unit is not None and depth < _DEEPEST:
                yield from page_objects(unit, units, _placed(child, at), depth + 1)
        elif kind in {"Content", "Layer", "PageBlock"}:
            yield from page_objects(child, units, at, depth)
        elif kind == "Appearance":
            x, y, _, _ = _box(child)
            yield from page_objects(child, units, _times(at, (1.0, 0.0, 0.0, 1.0, x, y)), depth)


def _runs(element: etree._Element, at: Matrix) -> Iterator[Run]:
    size = _first(floats(element.get("Size", "")), 3.0)
    stretch = _first(floats(element.get("HScale", "")), 1.0)
    tall = math.hypot(at[2], at[3]) * size
    x = y = 0.0
    for code in element:
        if local(code) != "TextCode":
            continue
        text = (code.text or "").replace("\n", "").replace("\r", "")
        x = _first(floats(code.get("X", "")), x)
        y = _first(floats(code.get("Y", "")), y)
        across = _steps(code.get("DeltaX", ""), len(text) - 1)
        down = _steps(code.get("DeltaY", ""), len(text) - 1)
        widths = [size * stretch * (0.5 if ord(char) < 0x2E80 else 1.0) for char in text]
        if not across and not down:
            across = widths[:-1]
        xs = [x, *itertools.accumulate(across, initial=x)][1:] if across else [x] * len(text)
        xs += [xs[-1]] * (len(text) - len(xs))
        ending = y + sum(down)
        if text.strip():
            _, base = _point(at, x, y)
            _, last = _point(at, xs[-1] + widths[-1], ending)
            vertical = bool(down) and abs(last - base) > abs(_point(at, xs[-1], ending)[0] - _point(at, x, y)[0])
            for first, stop in [(0, len(text))] if vertical else _apart(text, xs, widths, size):
                left, _ = _point(at, xs[first], y)
                right, _ = _point(at, xs[stop - 1] + widths[stop - 1], ending)
                bottom = max(base, last) if vertical else base
                yield Run(text[first:stop], min(left, right), max(left, right), base, bottom, tall or size)
        x, y = (xs[-1] + widths[-1] if text else x), ending


def _apart(text: str, xs: Sequence[float], widths: Sequence[float], size: float) -> Iterator[tuple[int, int]]:
    """The stretches of `text` between gaps that are wider than its usual one by most of a character."""
    gaps = [after - before - width for before, after, width in zip(xs, xs[1:], widths, strict=False)]
    usual = max(statistics.median(gaps), 0.0) if gaps else 0.0
    start = 0
    for stop, gap in enumerate(gaps, start=1):
        if gap - usual > _WIDE_GAP * size and not text[stop - 1].isspace() and not text[stop].isspace():
            yield start, stop
            start = stop
    yield start, len(text)


def _rules(element: etree._Element, at: Matrix) -> Iterator[Rule]:
    """The level and upright lines of a path: of strokes, and of boxes so narrow that they are lines."""
    data = " ".join((e.text or "") for e in element if local(e) == "AbbreviatedData").split()
    stroked = element.get("Stroke") != "false"
    pieces: list[list[tuple[float, float]]] = []
    place = 0
    while place < len(data) and len(pieces) < _MOST_PIECES:
        step, count = data[place], _POINTS.get(data[place], -1)
        numbers = floats(" ".join(data[place + 1 : place + 1 + max(count, 0)]))
        if count < 0 or len(numbers) != count:
            return
        place += 1 + count
        if step == "C":
            if pieces and pieces[-1]:
                pieces[-1].append(pieces[-1][0])
        elif step == "L" and pieces:
            pieces[-1].append(_point(at, numbers[-2], numbers[-1]))
        else:
            pieces.append([_point(at, numbers[-2], numbers[-1])])
    for piece in pieces:
        xs, ys = [x for x, _ in piece], [y for _, y in piece]
        if min(max(xs) - min(xs), max(ys) - min(ys)) <= _THIN:
            if max(max(xs) - min(xs), max(ys) - min(ys)) > _THIN:
                yield Rule((min(xs), min(ys), max(xs), max(ys)))
        elif stroked:
            for (x0, y0), (x1, y1) in itertools.pairwise(piece):
                if abs(x1 - x0) <= 0.3 or abs(y1 - y0) <= 0.3:
                    yield Rule((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)))


def lines_of(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs by line, from top to bottom, those of a line from left to right; columns of prose one after the other."""
    rows: list[list[Run]] = []
    for run in sorted(runs, key=lambda one: (one.baseline, one.x)):
        if rows:
            first = rows[-1][0]
            if run.baseline - first.baseline <= _SAME_LINE * min(run.size, first.size):
                if not any(_drawn_twice(run, other) for other in rows[-1]):
                    rows[-1].append(run)
                continue
        rows.append([run])
    return list(_in_columns([sorted(row, key=lambda one: one.x) for row in rows]))


def _drawn_twice(run: Run, other: Run) -> bool:
    """Whether two runs are one, drawn twice to look bold."""
    return run.text == other.text and abs(run.x - other.x) < 0.3 * run.size


def _in_columns(rows: Sequence[list[Run]]) -> Iterator[list[Run]]:
    """Rows as they are, but where many in a row are two halves of prose with one gutter, the left ones come first."""
    at = 0
    while at < len(rows):
        stop, gutter = at, (0.0, math.inf)
        while stop < len(rows) and (halves := _halves(rows[stop])):
            left, right = max(gutter[0], halves[0][-1].right), min(gutter[1], halves[1][0].x)
            if left >= right:
                break
            gutter, stop = (left, right), stop + 1
        if stop - at >= _COLUMN_ROWS:
            both = [_halves(row) for row in rows[at:stop]]
            yield from (pair[0] for pair in both if pair)
            yield from (pair[1] for pair in both if pair)
            at = stop
        else:
            yield rows[at]
            at += 1


def _halves(row: Sequence[Run]) -> tuple[list[Run], list[Run]] | None:
    """A row parted at its only wide gap, where both sides are prose."""
    gaps = [n for n, (a, b) in enumerate(itertools.pairwise(row), 1) if b.x - a.right > _WIDE_GAP * a.size]
    if len(gaps) != 1:
        return None
    left, right = list(row[: gaps[0]]), list(row[gaps[0] :])
    long = all(sum(len(run.text) for run in half) >= _COLUMN_TEXT for half in (left, right))
    return (left, right) if long else None


def line_text(line: Sequence[Run]) -> str:
    """Runs of a line side by side, with a blank where they are well apart; none after a label's colon."""
    text = line[0].text
    for before, run in itertools.pairwise(line):
        apart = run.x - before.right > _WIDE_GAP * min(before.size, run.size)
        text += (" " if apart and text[-1:] not in _NO_BLANK_AFTER else "") + run.text
    return text


def floats(text: str) -> list[float]:
    """Numbers parted by blanks; none where one of the first eight is no number."""
    values = []
    for word in text.split()[:8]:
        try:
            value = float(word)
        except ValueError:
            return []
        if not math.isfinite(value):
            return []
        values.append(value)
    return values


def _steps(text: str, most: int) -> list[float]:
    """DeltaX or DeltaY: numbers, and `g N V` for N times V; at most `most` of them."""
    words = text.split()
    values: list[float] = []
    at = 0
    while at < len(words) and len(values) < most:
        try:
            if words[at] == "g":
                values.extend([float(words[at + 2])] * min(int(words[at + 1]), most))
                at += 3
            else:
                values.append(float(words[at]))
                at += 1
        except (ValueError, IndexError):
            break
    return [value if math.isfinite(value) else 0.0 for value in values[: max(most, 0)]]


def _first(values: Sequence[float], otherwise: float) -> float:
    return values[0] if values else otherwise


def _box(element: etree._Element) -> tuple[float, float, float, float]:
    values = floats(element.get("Boundary", ""))
    return (values[0], values[1], values[2], values[3]) if len(values) >= 4 else (0.0, 0.0, 0.0, 0.0)


def _placed(element: etree._Element, at: Matrix) -> Matrix:
    """From an object's own space to the page: its CTM, then its Boundary, then what it lies in."""
    x, y, _, _ = _box(element)
    values = floats(element.get("CTM", ""))
    own: Matrix = (values[0], values[1], values[2], values[3], values[4], values[5]) if len(values) >= 6 else IDENTITY
    return _times(at, _times((1.0, 0.0, 0.0, 1.0, x, y), own))


def _times(outer: Matrix, inner: Matrix) -> Matrix:
    a, b, c, d, e, f = inner
    (left, top), (right, low) = _point(outer, 0.0, 0.0), (outer[0], outer[1])
    return (
        a * right + b * outer[2], a * low + b * outer[3], c * right + d * outer[2], c * low + d * outer[3],
        e * right + f * outer[2] + left, e * low + f * outer[3] + top,
    )  # fmt: skip


def _point(at: Matrix, x: float, y: float) -> tuple[float, float]:
    return at[0] * x + at[2] * y + at[4], at[1] * x + at[3] * y + at[5]
