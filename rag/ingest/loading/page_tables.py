"""Tables of pages with a fixed layout (PDF, OFD), found by their ruling lines.

pdfplumber's table finder makes cells of the lines; the words come from the reader of the format. Lengths are points or
millimetres, y downwards.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from rag.ingest.loading.tables import headed, labelled_row, one_line, plain_row, tidy_row

Line = TypeVar("Line")
Box = tuple[float, float, float, float]  # left, top, right, bottom
_MOST_LINES = 3000  # of a page; more are drawings
_MOST_CROSSINGS = 4000
_NEAR_EDGE = 2  # lines above or below a table that may be running heads


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: where it is, and its place in the grid. down, across: how many rows and columns it covers."""

    row: int
    column: int
    down: int
    across: int
    box: Box


@dataclass(frozen=True, slots=True)
class Grid:
    """The cells of a table. xs, ys: its column and row boundaries."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    cells: tuple[Cell, ...]

    @property
    def box(self) -> Box:
        """Where the table is."""
        return self.xs[0], self.ys[0], self.xs[-1], self.ys[-1]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its words. rows: cells by column; one that covers several rows is in each of them, one that covers
    several columns in the first. heads: how many rows at the top are the header, by its merged cells; 0 where these do not
    tell. first, last: whether nothing but running heads is above it on its page, or below.
    """

    grid: Grid
    rows: tuple[tuple[str, ...], ...]
    heads: int = 0
    first: bool = False
    last: bool = False


def grids(lines: Sequence[Box], unit: float = 1.0) -> list[Grid]:
    """The tables that ruling lines make, from top to bottom: at least two rows and two columns.

    lines: level or upright, as boxes without width or height. unit: points a unit of length.
    """
    if not 4 <= len(lines) <= _MOST_LINES:
        return []
    from pdfplumber.table import cells_to_tables, edges_to_intersections, intersections_to_cells, merge_edges

    slack = 3 / unit
    edges = merge_edges([_edge(line) for line in lines], slack, slack, slack, slack)
    crossings = edges_to_intersections(edges, slack, slack)
    if not 9 <= len(crossings) <= _MOST_CROSSINGS:
        return []
    found = (_grid(cells, slack) for cells in cells_to_tables(intersections_to_cells(crossings)))
    return [grid for grid in found if len(grid.xs) > 2 and len(grid.ys) > 2]


def _edge(line: Box) -> dict[str, float | str]:
    """A line as pdfplumber describes it."""
    left, top, right, bottom = line
    return {
        "x0": left, "x1": right, "top": top, "bottom": bottom, "width": right - left, "height": bottom - top,
        "orientation": "h" if right - left >= bottom - top else "v",
    }  # fmt: skip


def _grid(cells: Sequence[Box], slack: float) -> Grid:
    xs = _boundaries([x for cell in cells for x in (cell[0], cell[2])], slack)
    ys = _boundaries([y for cell in cells for y in (cell[1], cell[3])], slack)
    placed = []
    for cell in sorted(cells, key=lambda one: (one[1], one[0])):
        left, top, right, bottom = (
            _nearest(xs, cell[0]), _nearest(ys, cell[1]), _nearest(xs, cell[2]), _nearest(ys, cell[3]),
        )  # fmt: skip
        placed.append(Cell(top, left, max(bottom - top, 1), max(right - left, 1), cell))
    return Grid(xs, ys, tuple(placed))


def _boundaries(values: Sequence[float], slack: float) -> tuple[float, ...]:
    found: list[float] = []
    for value in sorted(values):
        if not found or value - found[-1] > slack:
            found.append(value)
    return tuple(found)


def _nearest(values: Sequence[float], value: float) -> int:
    return min(range(len(values)), key=lambda at: abs(values[at] - value))


def filled(grid: Grid, text_in: Callable[[Box], str]) -> Table:
    """The table with its words. text_in: what is written in a box, its lines parted by newlines."""
    rows = [[""] * (len(grid.xs) - 1) for _ in grid.ys[1:]]
    for cell in grid.cells:
        text = one_line(text_in(cell.box))  # lines of a page are broken by the width of the cell
        for row in range(cell.row, min(cell.row + cell.down, len(rows))):
            rows[row][cell.column] = text
    above = [cell for cell in grid.cells if cell.row == 0]
    deep = max((cell.down for cell in above), default=1)
    heads = deep if deep > 1 and any(cell.across > 1 and cell.down < deep for cell in above) else 0
    return Table(grid, tuple(tuple(row) for row in rows), heads if heads < len(rows) else 0)


def cell_finder(found: Sequence[Grid]) -> Callable[[float, float], tuple[int, int]]:
    """A function that tells the table and the cell at a point, as their places; (-1, -1) for none."""
    places = [
        {
            (row, column): number
            for number, cell in enumerate(grid.cells)
            for row in range(cell.row, cell.row + cell.down)
            for column in range(cell.column, cell.column + cell.across)
        }
        for grid in found
    ]

    def find(x: float, y: float) -> tuple[int, int]:
        for number, grid in enumerate(found):
            at = bisect_right(grid.ys, y) - 1, bisect_right(grid.xs, x) - 1
            if at in places[number]:
                return number, places[number][at]
        return -1, -1

    return find


def with_edges(parts: Sequence[Line | Table]) -> list[Line | Table]:
    """The parts of a page, its tables told which is the first and which is the last thing on it."""
    told = list(parts)
    places = [at for at, part in enumerate(parts) if isinstance(part, Table)]
    for at, part in enumerate(parts):
        if isinstance(part, Table):
            first = at == places[0] and at <= _NEAR_EDGE
            told[at] = replace(part, first=first, last=at == places[-1] and len(parts) - 1 - at <= _NEAR_EDGE)
    return told


class TableWriter:
    """Writes tables as lines, a row a line; a table that goes on over a page break keeps its header."""

    def __init__(self) -> None:
        """Begin before the first page."""
        self._head: tuple[str, ...] = ()
        self._xs: tuple[float, ...] = ()

    def lines(self, table: Table) -> Iterator[tuple[int, str]]:
        """(row, line) of the rows that hold something."""
        rows = [tidy_row(row) for row in table.rows]
        goes_on = table.first and bool(self._head) and self._same_columns(table.grid.xs)
        filled_in = [at for at, row in enumerate(rows) if any(row)]
        head, skip = self._header(table, [rows[at] for at in filled_in], goes_on)
        for number, at in enumerate(filled_in):
            row = rows[at]
            yield at, plain_row(row) if not head or number < skip else labelled_row(head, row)
        self._head, self._xs = (tuple(head), table.grid.xs) if table.last else ((), ())

    def page_without(self) -> None:
        """A page passed that ends without a table."""
        self._head = ()

    def _header(self, table: Table, rows: list[list[str]], goes_on: bool) -> tuple[Sequence[str], int]:
        """The header, and how many rows at the top it is."""
        if not rows:
            return (), 0
        own: tuple[Sequence[str], int] = (rows[0], 1) if headed(rows) else ((), 0)
        if table.heads and len(rows) > table.heads:
            own = _joined_heads(rows[: table.heads]), table.heads
        if goes_on and not table.heads:
            return self._head, 1 if rows[0] == list(self._head) else 0
        return own

    def _same_columns(self, xs: tuple[float, ...]) -> bool:
        if len(xs) != len(self._xs):
            return False
        wide = max(xs[-1] - xs[0], 0.1)
        return all(abs(a - b) < 0.02 * wide for a, b in zip(xs, self._xs, strict=True))


def _joined_heads(rows: Sequence[Sequence[str]]) -> list[str]:
    """One name a column of a header of several rows: 人数 over 男 and 女 gives 人数 男, 人数 女."""
    names: list[list[str]] = [[] for _ in rows[0]]
    for number, row in enumerate(rows):
        over = ""
        for column, cell in enumerate(row):
            over = cell or (over if number + 1 < len(rows) else "")  # a name above several columns is that of each
            if over and over not in names[column]:
                names[column].append(over)
    return [" ".join(parts) for parts in names]
