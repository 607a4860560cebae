"""The picture of a detector's page: a small run through the real path, drawn as SVG; ``make docs`` writes them.

A detector's module offers ``PICTURE`` (:class:`streamgauge.detectors.contract.Picture`). Where a number is observed it
is drawn over time, with what was expected as a band; else each key is a line of dots. Red and orange say when it spoke.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any

from streamgauge.clock import SECOND, format_duration, to_micros
from streamgauge.config import plugins
from streamgauge.detectors.contract import Picture
from streamgauge.lessons import Shown, answers
from tests.docs.pages import ROOT

FOLDER = ROOT / "docs/images/detectors"
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 250, 64, 12, 34, 30
_LOUD = {"warning": "#e08a00", "critical": "#cc2233"}
_QUIET = {"learning": "#9aa5b1", "not_enough_data": "#9aa5b1", "no_data": "#9aa5b1"}
_KEYS = ("#2f6db5", "#3d8f5f", "#8a5fb0", "#7a6a3d")

Line = Mapping[str, Any]


def drawn() -> list[str]:
    """The detectors that offer a picture."""
    return [
        name
        for name in plugins.names("detectors")
        if plugins.module("detectors", name).__name__.startswith("streamgauge.")
        if hasattr(plugins.module("detectors", name), "PICTURE")
    ]


def place(name: str) -> Path:
    """Where a detector's picture stands."""
    return FOLDER / f"{name}.svg"


def picture(name: str) -> str:
    """The SVG of a detector's ``PICTURE``."""
    asked: Picture = plugins.module("detectors", name).PICTURE
    times, values, keys = asked.run()
    lines: Sequence[Line] = answers(
        name, asked.config, Shown(asked.compute, asked.size), times, (values, keys)
    )
    assert any(line["severity"] in _LOUD for line in lines), (
        f"{name}: the picture shows no moment at which it speaks"
    )
    lines = [line for line in _settled(lines) if not line["early"] or asked.by]
    chosen = None if asked.by else asked.value or _first_number(lines)
    if chosen is None:
        rows = _records(asked, times, values, keys)
        return _framed(asked.title, _strips(lines, rows), (min(times), max(times)), None)
    return _framed(asked.title, _curves(lines, chosen), _scale(lines), chosen)


def _records(
    asked: Picture, times: Sequence[float], values: Any, keys: Sequence[str] | None
) -> list[tuple[float, str]]:
    """The moment and the row of each record."""
    rows = values[asked.by] if asked.by and asked.by != "key" else keys or [""] * len(times)
    return list(zip(times, map(str, rows), strict=True))


def _settled(lines: Sequence[Line]) -> list[Line]:
    """Without what was only said until labels came: the same window is answered later."""
    last = {(str(line["key"]), line["window_start"], line["window_end"]): line for line in lines}
    waits = ("not_enough_data",)
    return [
        line
        for line in lines
        if line["severity"] not in waits
        or last[str(line["key"]), line["window_start"], line["window_end"]] is line
    ]


def _first_number(lines: Sequence[Line]) -> str | None:
    for line in lines:
        for name, value in line["observed"].items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return str(name)
    return None


def _seconds(line: Line) -> float:
    return to_micros(datetime.fromisoformat(line["at"])) / SECOND


def _scale(lines: Sequence[Line]) -> tuple[float, float]:
    moments = [_seconds(line) for line in lines]
    first, last = min(moments), max(moments)
    return first, last if last > first else first + 1


def _curves(lines: Sequence[Line], value: str) -> list[str]:
    first, last = _scale(lines)
    span = WIDTH - LEFT - RIGHT
    x = [LEFT + (_seconds(line) - first) / (last - first) * span for line in lines]
    seen = [_number(line["observed"].get(value)) for line in lines]
    bounds = [number for line in lines for number in (_number(line["lower"]), _number(line["upper"]))]
    low, high = _limits([number for number in seen if number is not None], bounds)
    y = [None if number is None else _down(number, low, high) for number in seen]
    parts = [*_grid(low, high), *_band(lines, x, low, high)]
    for i, key in enumerate(dict.fromkeys(str(line["key"]) for line in lines)):
        mine = [(x[k], y[k]) for k, line in enumerate(lines) if str(line["key"]) == key]
        parts.append(_path(mine, _KEYS[i % len(_KEYS)]))
    parts += [_learning(lines, x)]
    parts += [
        f'<circle cx="{x[k]:.1f}" cy="{y[k]:.1f}" r="4.5" fill="{_LOUD[line["severity"]]}"/>'
        for k, line in enumerate(lines)
        if line["severity"] in _LOUD and y[k] is not None
    ]
    return parts


def _strips(lines: Sequence[Line], records: Sequence[tuple[float, str]]) -> list[str]:
    first, last = min(moment for moment, _ in records), max(moment for moment, _ in records)
    names = list(dict.fromkeys(name for _, name in records))
    step = (HEIGHT - TOP - BOTTOM) / len(names)
    middle = {name: TOP + step * (i + 0.5) for i, name in enumerate(names)}

    def dot(moment: float, name: str, size: float, colour: str) -> str:
        x = LEFT + (moment - first) / max(last - first, 1e-9) * (WIDTH - LEFT - RIGHT)
        return (
            f'<circle cx="{x:.1f}" cy="{middle.get(name, middle[names[0]]):.1f}" r="{size}" fill="{colour}"/>'
        )

    parts = [
        f'<text x="{LEFT - 8}" y="{middle[name] + 4:.1f}" text-anchor="end">{escape(name[:9])}</text>'
        for name in names
    ]
    parts += [dot(moment, name, 2.2, _KEYS[0]) for moment, name in records]
    for line in lines:
        if line["severity"] in _LOUD:
            parts.append(dot(_seconds(line), _row(line), 5.5, _LOUD[line["severity"]]))
    return parts


def _row(line: Line) -> str:
    """The row that a verdict belongs to."""
    key = line["key"]
    return " ".join(map(str, key)) if isinstance(key, list) else str(key or "")


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _limits(seen: Sequence[float], bounds: Sequence[float | None]) -> tuple[float, float]:
    """From the least to the greatest; a band may widen that by half, not more."""
    low, high = min(seen), max(seen)
    room = (high - low) * 0.5 or 1.0
    known = [bound for bound in bounds if bound is not None]
    lowest = max(low - room, min([low, *known]))
    floor = lowest - 0.05 * room
    return 0.0 if floor < 0 <= lowest else floor, min(high + room, max([high, *known])) + 0.05 * room


def _down(number: float, low: float, high: float) -> float:
    inside = min(max(number, low), high)
    return TOP + (high - inside) / (high - low) * (HEIGHT - TOP - BOTTOM)


def _grid(low: float, high: float) -> list[str]:
    parts = []
    for share in (0.0, 0.5, 1.0):
        number = low + share * (high - low)
        y = _down(number, low, high)
        parts += [
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dde3e9"/>',
            f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{number:.4g}</text>',
        ]
    return parts


def _band(lines: Sequence[Line], x: Sequence[float], low: float, high: float) -> list[str]:
    """What was expected, where there is one series; each run of rows that have a band is one shape."""
    if len({str(line["key"]) for line in lines}) > 1:
        return []
    runs: list[list[tuple[float, float, float]]] = [[]]
    for k, line in enumerate(lines):
        lower, upper = _number(line["lower"]), _number(line["upper"])
        if lower is None and upper is None:
            runs.append([])
            continue
        edges = (
            _down(high if upper is None else upper, low, high),
            _down(low if lower is None else lower, low, high),
        )
        runs[-1].append((x[k], *edges))
    shapes = [
        [(a, b) for a, b, _ in run] + [(a, c) for a, _, c in reversed(run)] for run in runs if len(run) > 1
    ]
    return [
        f'<polygon points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in shape)}" fill="#2f6db5" fill-opacity="0.13"/>'
        for shape in shapes
    ]


def _path(points: Sequence[tuple[float, float | None]], colour: str) -> str:
    text, pen = [], "M"
    for a, b in points:
        if b is None:
            pen = "M"
            continue
        text.append(f"{pen}{a:.1f} {b:.1f}")
        pen = "L"
    return f'<path d="{" ".join(text)}" fill="none" stroke="{colour}" stroke-width="1.3"/>'


def _learning(lines: Sequence[Line], x: Sequence[float]) -> str:
    """A grey bar at the bottom for as long as it cannot know."""
    cannot = [k for k, line in enumerate(lines) if line["severity"] in ("learning", "not_enough_data")]
    if not cannot or cannot[0] == cannot[-1]:
        return ""
    left, right = x[cannot[0]], x[cannot[-1]]
    bar = f'<rect x="{left:.1f}" y="{HEIGHT - BOTTOM + 2}" width="{right - left:.1f}" height="4" fill="#9aa5b1"/>'
    return f'{bar}<text x="{left:.1f}" y="{HEIGHT - 6}" fill="#6b7783">learning</text>'


def _framed(title: str, body: Sequence[str], span: tuple[float, float], value: str | None) -> str:
    long = format_duration(timedelta(seconds=round(span[1] - span[0])))
    unit = f"{value}, {long}" if value else long
    frame = (
        f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="sans-serif" font-size="11" fill="#3a4550"'
    )
    foot = f'x="{WIDTH - RIGHT}" y="{HEIGHT - 6}" text-anchor="end" fill="#6b7783"'
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" {frame}>',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="18" font-size="13">{escape(title)}</text>',
        *[part for part in body if part],
        f"<text {foot}>{escape(unit)}</text>",
        "</svg>\n",
    ])  # fmt: skip


def write() -> list[Path]:
    """Draw all pictures anew; those that changed."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    changed = []
    for name in drawn():
        text = picture(name)
        if not place(name).exists() or place(name).read_text("utf-8") != text:
            place(name).write_text(text, "utf-8")
            changed.append(place(name))
    return changed
