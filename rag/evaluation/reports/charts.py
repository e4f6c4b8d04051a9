"""Plots as inline SVG, drawn here: bars, a curve, a reliability diagram, a histogram, win/tie/loss.

Matplotlib would add 60 MB of dependencies and outlines instead of text; these few plots are lines, rectangles and text,
take their colours from the page's style sheet (light, dark, print) and stay readable when the window is narrow.
Every text goes through `escape`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from markupsafe import Markup, escape

from rag.evaluation.measures.comparison import Comparison
from rag.evaluation.measures.honesty import Bin
from rag.evaluation.measures.spans import SpanFigures

WIDTH = 480
LEFT, RIGHT, TOP, BOTTOM = 58, 16, 18, 40  # margins of the plots with axes
HEIGHT = 280
HISTOGRAM_BINS = 24


def by_type(kinds: Iterable[tuple[str, SpanFigures]]) -> Markup:
    """hit@1 over hit@5 for each question type, as two horizontal bars; the number of questions beside the name."""
    rows = [(f"{kind}（{own.questions}）", own.hit[1], own.hit[5]) for kind, own in kinds]
    label, scale = 128, WIDTH - 128 - 52
    parts: list[Markup] = []
    for at, (name, first, fifth) in enumerate(rows):
        y = 10 + at * 30
        parts.append(_text(label - 8, y + 15, name, "end"))
        parts.append(_rect(label, y, fifth * scale, 10, "soft", f"{name} hit@5 {fifth:.3f}"))
        parts.append(_rect(label, y + 11, first * scale, 10, "main", f"{name} hit@1 {first:.3f}"))
        parts.append(_text(label + fifth * scale + 5, y + 9, f"{fifth:.2f}", "start", "small"))
        parts.append(_text(label + first * scale + 5, y + 20, f"{first:.2f}", "start", "small"))
    return _svg(parts, 18 + len(rows) * 30, "各类问题的 hit@1 与 hit@5")


def hit_curve(ours: Sequence[float], baseline: Sequence[float] = (), x_name: str = "前 k 条摘录") -> Markup:
    """hit@k against k; the baseline dashed."""
    parts = [*_axes(x_name, "命中率")]
    count = max(len(ours), len(baseline), 2)

    def point(at: int, value: float) -> tuple[float, float]:
        return LEFT + at * (WIDTH - LEFT - RIGHT - 24) / (count - 1) + 12, _y(value)

    for k in range(1, count + 1):
        parts.append(_text(point(k - 1, 0)[0], HEIGHT - BOTTOM + 16, str(k), "middle", "small"))
    for values, style in ((baseline, "line other"), (ours, "line")):
        if values:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (point(at, value) for at, value in enumerate(values)))
            parts.append(Markup('<polyline class="{}" points="{}"/>').format(style, path))
    for at, value in enumerate(ours):
        x, y = point(at, value)
        parts.append(Markup('<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="3.5"/>').format(x, y))
        parts.append(_text(x, y - 9 if y > TOP + 14 else y + 18, f"{value:.2f}", "middle", "small halo"))
    return _svg(parts, HEIGHT, "hit@k 曲线")


def risk_coverage(curves: Mapping[str, Sequence[tuple[float, float]]]) -> Markup:
    """The share of answers that is wrong against the share of questions answered, a line a curve, named at its end."""
    parts = [*_axes("答了多少题（覆盖率）", "答错的比例（风险）")]
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = LEFT + share * (WIDTH - LEFT - RIGHT)
        parts.append(_text(x, HEIGHT - BOTTOM + 16, f"{share:g}", "middle", "small"))
    for at, (name, curve) in enumerate(curves.items()):
        points = " ".join(f"{LEFT + x * (WIDTH - LEFT - RIGHT):.1f},{_y(y):.1f}" for x, y in curve)
        style = f"line curve{at + 1}"
        parts.append(
            Markup('<polyline class="{}" points="{}"><title>{}</title></polyline>').format(style, points, name)
        )
        parts.append(_line(LEFT + 10, TOP + 12 + at * 16, LEFT + 34, TOP + 12 + at * 16, style))
        parts.append(_text(LEFT + 40, TOP + 16 + at * 16, name, "start", "small halo"))
    return _svg(parts, HEIGHT, "风险与覆盖率")


def reliability(bins: Sequence[Bin]) -> Markup:
    """The share that is answerable in each bin of confidence, against the diagonal of perfect calibration."""
    parts = [*_axes("服务给出的把握", "实际有答案的比例")]
    width = (WIDTH - LEFT - RIGHT) / len(bins)
    for at, own in enumerate(bins):
        x = LEFT + at * width
        parts.append(_text(x, HEIGHT - BOTTOM + 16, f"{own.low:.1f}", "middle", "small"))
        if own.count:
            note = f"把握 {own.confidence:.2f}，实际 {own.answerable:.2f}，{own.count} 题"
            height = own.answerable * (HEIGHT - TOP - BOTTOM)
            parts.append(_rect(x + 2, _y(own.answerable), width - 4, max(height, 1.5), "soft", note))
            y = _y(own.answerable) + 16
            parts.append(_text(x + width / 2, min(y, _y(0) - 4), str(own.count), "middle", "small inside"))
    parts.append(_text(WIDTH - RIGHT, HEIGHT - BOTTOM + 16, "1.0", "middle", "small"))
    parts.append(_line(LEFT, _y(0), WIDTH - RIGHT, _y(1), "other"))
    for own in bins:
        if own.count:
            x = LEFT + own.confidence * (WIDTH - LEFT - RIGHT)
            parts.append(Markup('<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="3.5"/>').format(x, _y(own.answerable)))
    return _svg(parts, HEIGHT, "可靠性图：把握与实际")


def histogram(milliseconds: Sequence[float]) -> Markup:
    """Waiting times; the last bar holds everything beyond the 99th of a hundred."""
    import numpy as np

    values = np.asarray(milliseconds, float)
    top = float(np.percentile(values, 99)) or 1.0
    counts, edges = np.histogram(np.minimum(values, top), bins=HISTOGRAM_BINS, range=(0, top))
    highest = int(counts.max())
    parts = [*_axes("毫秒（最右一条含更慢的）", "题数", highest)]
    width = (WIDTH - LEFT - RIGHT) / HISTOGRAM_BINS
    for at, count in enumerate(map(int, counts)):
        note = f"{edges[at]:.0f}–{edges[at + 1]:.0f} 毫秒：{count} 题"
        y = _y(count / highest)
        parts.append(_rect(LEFT + at * width + 1, y, width - 2, HEIGHT - BOTTOM - y, "soft", note))
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = LEFT + share * (WIDTH - LEFT - RIGHT)
        parts.append(_text(x, HEIGHT - BOTTOM + 16, f"{share * top:.3g}", "middle", "small"))
    for mark in (50, 95):
        x = LEFT + min(1.0, float(np.percentile(values, mark)) / top) * (WIDTH - LEFT - RIGHT)
        parts.append(_line(x, TOP, x, HEIGHT - BOTTOM, "other"))
        side = (x + 3, "start") if x < WIDTH - RIGHT - 30 else (x - 3, "end")
        parts.append(_text(side[0], TOP + (10 if mark == 50 else 24), f"p{mark}", side[1], "small halo"))
    return _svg(parts, HEIGHT, "用时分布")


def win_loss(comparisons: Sequence[Comparison]) -> Markup:
    """Wins, ties and losses of each measure as one bar."""
    label, scale = 84, WIDTH - 84 - 12
    parts: list[Markup] = []
    for at, own in enumerate(comparisons):
        y, x = 8 + at * 34, float(label)
        parts.append(_text(label - 8, y + 15, own.measure, "end"))
        for count, style, name in ((own.wins, "good", "胜"), (own.ties, "tie", "平"), (own.losses, "bad", "负")):
            if not count:
                continue
            width = scale * count / max(1, own.questions)
            parts.append(_rect(x, y, width, 22, style, f"{own.measure} {name} {count}"))
            if width > 26:
                tone = "small" if style == "tie" else "small on"
                parts.append(_text(x + width / 2, y + 15, str(count), "middle", tone))
            x += width
    return _svg(parts, 14 + len(comparisons) * 34, "与基线比较：胜、平、负")


def _axes(x_name: str, y_name: str, top: float = 1.0) -> Iterable[Markup]:
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        yield _line(LEFT, _y(share), WIDTH - RIGHT, _y(share), "grid")
        value = share * top
        yield _text(LEFT - 6, _y(share) + 4, f"{value:g}", "end", "small")
    yield _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, x_name, "middle")
    yield Markup('<text class="label" transform="rotate(-90)" x="{}" y="12" text-anchor="middle">{}</text>').format(
        -(TOP + HEIGHT - BOTTOM) / 2, y_name
    )


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _svg(parts: Iterable[Markup], height: float, name: str) -> Markup:
    head = Markup('<svg viewBox="0 0 {} {:.0f}" role="img" aria-label="{}">').format(WIDTH, height, name)
    return head + Markup("").join(parts) + Markup("</svg>")


def _rect(x: float, y: float, width: float, height: float, style: str, note: str) -> Markup:
    return Markup(
        '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}</title></rect>'
    ).format(style, x, y, max(width, 0.5), height, note)


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> Markup:
    return Markup('<line class="{}" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(style, x1, y1, x2, y2)


def _text(x: float, y: float, text: str, anchor: str, style: str = "") -> Markup:
    return Markup('<text class="label {}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(
        style, x, y, anchor, escape(text)
    )
