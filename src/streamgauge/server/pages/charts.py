"""Small charts drawn here as SVG: no script, no size in bytes to speak of, readable in light and dark.

Colours stand in the style sheet, by class. Every chart says in its title what it shows, for those who hear pages.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC

from markupsafe import Markup

from streamgauge.clock import to_datetime

WIDTH, HEIGHT = 720, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 12, 26

POINTS = 600
"""More are thinned out: of each stretch its smallest and its largest value are kept."""


@dataclass(frozen=True, slots=True)
class Series:
    """What a chart shows. Moments are microseconds, ascending; NaN is a gap.

    Attributes:
        title: one sentence.
        times, values: the line.
        limit: a level that is expected not to be passed; drawn across.
        lower, upper: a band around the line; empty, or as long as it.
        marks: stretches to be marked (the windows of an incident).
        beside: stretches that are marked on the axis, to be compared with ``marks``.
    """

    title: str
    times: Sequence[int]
    values: Sequence[float]
    limit: float | None = None
    lower: Sequence[float] = ()
    upper: Sequence[float] = ()
    marks: Sequence[tuple[int, int]] = ()
    beside: Sequence[tuple[int, int]] = ()


def line(series: Series) -> Markup:
    """The series as a line with axes; an empty text where there is nothing to draw."""
    kept = thinned(series.values)
    if not kept:
        return Markup("")
    scale = _scale(series)
    path = _path([(scale.x(series.times[i]), scale.y(series.values[i])) for i in kept])
    parts = [_band(series, scale), *(_mark(scale, *mark) for mark in series.marks), _axes(scale)]
    if series.limit is not None:
        parts.append(Markup('<path class="limit" d="M{:.1f} {:.1f}H{:.1f}"/>').format(
            _LEFT, scale.y(series.limit), WIDTH - _RIGHT
        ))  # fmt: skip
    parts.append(Markup('<path class="line" d="{}"/>').format(path))
    parts += [_beside(scale, *stretch) for stretch in series.beside]
    if len(kept) <= 80:
        parts += [_dot(scale, series.times[i], series.values[i]) for i in kept]
    head = Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
        WIDTH, HEIGHT, series.title
    )
    return head + Markup("").join(parts) + Markup("</svg>")


def thinned(values: Sequence[float]) -> list[int]:
    """The places of the values that are drawn: all, or the extremes of each stretch; gaps stay gaps.

    >>> thinned([5.0, 6.0, 7.0])
    [0, 1, 2]
    >>> len(thinned([float(n % 97) for n in range(100_000)])) <= POINTS
    True
    """
    known = len(values)
    if known <= POINTS:
        return list(range(known))
    step = math.ceil(known / (POINTS // 2))
    kept: set[int] = set()
    for start in range(0, known, step):
        stretch = [i for i in range(start, min(start + step, known)) if not math.isnan(values[i])]
        if stretch:
            kept |= {min(stretch, key=lambda i: values[i]), max(stretch, key=lambda i: values[i])}
    return sorted(kept)


@dataclass(frozen=True, slots=True)
class _Scale:
    first: int
    last: int
    low: float
    high: float

    def x(self, at: int) -> float:
        share = (at - self.first) / max(1, self.last - self.first)
        return _LEFT + min(1.0, max(0.0, share)) * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)


def _scale(series: Series) -> _Scale:
    every = [v for part in (series.values, series.lower, series.upper) for v in part if not math.isnan(v)]
    if series.limit is not None:
        every.append(series.limit)
    low, high = min([0.0, *every]), max([0.0, *every])
    room = (high - low) * 0.08 or 1.0
    return _Scale(series.times[0], series.times[-1], low - (room if low < 0 else 0), high + room)


def _path(points: Sequence[tuple[float, float]]) -> str:
    words, pen = [], "M"
    for x, y in points:
        if math.isnan(y):
            pen = "M"
            continue
        words.append(f"{pen}{x:.1f} {y:.1f}")
        pen = "L"
    return "".join(words)


def _band(series: Series, scale: _Scale) -> Markup:
    if len(series.lower) != len(series.times) or len(series.upper) != len(series.times):
        return Markup("")
    known = [
        i
        for i in range(len(series.times))
        if not math.isnan(series.lower[i]) and not math.isnan(series.upper[i])
    ]
    if not known:
        return Markup("")
    over = [(scale.x(series.times[i]), scale.y(series.upper[i])) for i in known]
    under = [(scale.x(series.times[i]), scale.y(series.lower[i])) for i in reversed(known)]
    return Markup('<path class="band" d="{}Z"/>').format(_path([*over, *under]))


def _mark(scale: _Scale, start: int, end: int) -> Markup:
    left, right = scale.x(start), scale.x(end)
    return Markup('<rect class="mark" x="{:.1f}" y="{}" width="{:.1f}" height="{}"/>').format(
        left, _TOP, max(2.0, right - left), HEIGHT - _TOP - _BOTTOM
    )


def _beside(scale: _Scale, start: int, end: int) -> Markup:
    left, right = scale.x(start), scale.x(end)
    return Markup('<rect class="beside" x="{:.1f}" y="{}" width="{:.1f}" height="5"/>').format(
        left, HEIGHT - _BOTTOM - 5, max(2.0, right - left)
    )


def _dot(scale: _Scale, at: int, value: float) -> Markup:
    if math.isnan(value):
        return Markup("")
    moment = f"{to_datetime(at).astimezone(UTC):%H:%M:%S}"
    return Markup(
        '<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="3"><title>{} UTC: {:g}</title></circle>'
    ).format(scale.x(at), scale.y(value), moment, value)


def _axes(scale: _Scale) -> Markup:
    parts = []
    for value in _ticks(scale.low, scale.high):
        y = scale.y(value)
        parts.append(Markup('<path class="grid" d="M{} {:.1f}H{}"/>').format(_LEFT, y, WIDTH - _RIGHT))
        parts.append(
            Markup('<text x="{}" y="{:.1f}" class="left">{:g}</text>').format(_LEFT - 6, y + 4, value)
        )
    for n in range(5):
        at = scale.first + (scale.last - scale.first) * n // 4
        text = f"{to_datetime(at).astimezone(UTC):%H:%M:%S}"
        place = "start" if n == 0 else "end" if n == 4 else "middle"
        parts.append(
            Markup('<text x="{:.1f}" y="{}" text-anchor="{}">{}</text>').format(
                scale.x(at), HEIGHT - 8, place, text
            )
        )
    return Markup("").join(parts)


def _ticks(low: float, high: float) -> list[float]:
    """Three to six round numbers.

    >>> _ticks(0.0, 97.0)
    [0.0, 20.0, 40.0, 60.0, 80.0]
    """
    rough = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = min((m * power for m in (1, 2, 5, 10)), key=lambda s: abs(s - rough))
    first = math.ceil(low / step)
    return [n * step for n in range(first, math.floor(high / step) + 1)]
