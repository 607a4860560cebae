"""Charts of the story as SVG: lines over its days, and bins of a feature then and now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

Line = Sequence[tuple[float, float]]
"""Points (day of the story, value)."""

WIDTH, HEIGHT = 520, 190
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 10, 24


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment worth seeing in every chart.

    Attributes:
        day: of the story.
        kind: the class by which it is coloured.
    """

    day: float
    kind: str


def lines(
    series: Mapping[str, Line], days: float, marks: Sequence[Mark] = (), limit: float | None = None
) -> str:
    """Lines from day 0 to ``days``, zero at the bottom; ``limit`` is where they should not come."""
    most = max((value for line in series.values() for _, value in line), default=1.0)
    top = 1.1 * max(most, limit or 0.0, 1e-9)
    across, up = (WIDTH - LEFT - RIGHT) / days, (HEIGHT - TOP - BOTTOM) / top

    def place(day: float, value: float) -> str:
        return f"{LEFT + across * day:.1f},{HEIGHT - BOTTOM - up * value:.1f}"

    parts = [_grid(days, top)]
    parts += [_upright(LEFT + across * mark.day, mark.kind) for mark in marks]
    if limit is not None:
        parts.append(f'<path class="limit" d="M{place(0, limit)} L{place(days, limit)}"/>')
    for number, line in enumerate(series.values()):
        points = " ".join(place(day, value) for day, value in line)
        parts.append(f'<polyline class="line s{number}" points="{points}"/>')
    label = escape(", ".join(series) or "nothing")
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>{_legend(series)}'


def bins(labels: Sequence[str], then: Sequence[float], now: Sequence[float]) -> str:
    """Shares of each bin, in the training and in a window."""
    top, count = 1.1 * max([*then, *now, 1e-9]), max(len(labels), 1)
    step, up = (WIDTH - LEFT - RIGHT) / count, (HEIGHT - TOP - BOTTOM) / top
    parts = [_grid(0, top)]
    for number, shares in enumerate((then, now)):
        for place, share in enumerate(shares):
            left = LEFT + step * place + step * (0.12 + 0.38 * number)
            parts.append(
                f'<rect class="s{number}" x="{left:.1f}" y="{HEIGHT - BOTTOM - up * share:.1f}" '
                f'width="{step * 0.36:.1f}" height="{up * share:.1f}"/>'
            )
    for place, label in enumerate(labels):
        middle = LEFT + step * (place + 0.5)
        parts.append(f'<text class="small" x="{middle:.1f}" y="{HEIGHT - 8}">{escape(label)}</text>')
    shown = {"in the training": then, "in the window": now}
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="bins">{"".join(parts)}</svg>{_legend(shown)}'


def _grid(days: float, top: float) -> str:
    parts = []
    for share in (0.0, 0.5, 1.0):
        y = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share / 1.1
        parts.append(f'<path class="grid" d="M{LEFT},{y:.1f} H{WIDTH - RIGHT}"/>')
        parts.append(f'<text class="scale" x="{LEFT - 6}" y="{y + 4:.1f}">{_short(share * top / 1.1)}</text>')
    for day in range(int(days) + 1 if days else 0):
        x = LEFT + (WIDTH - LEFT - RIGHT) * day / days
        parts.append(f'<text class="scale day" x="{x:.1f}" y="{HEIGHT - 6}">day {day + 1}</text>')
    return "".join(parts)


def _short(value: float) -> str:
    return f"{value / 1000:.3g}k" if value >= 1000 else f"{value:.3g}"


def _upright(x: float, kind: str) -> str:
    return f'<path class="mark {kind}" d="M{x:.1f},{TOP} V{HEIGHT - BOTTOM}"/>'


def _legend(series: Mapping[str, object]) -> str:
    """What the colours mean, where there are several."""
    if len(series) < 2:
        return ""
    names = (f'<span><i class="s{number}"></i>{escape(name)}</span>' for number, name in enumerate(series))
    return f'<p class="legend">{"".join(names)}</p>'
