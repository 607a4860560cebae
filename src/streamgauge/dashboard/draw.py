"""Charts: from the records of an answer to Altair, pure; colours from the theme, words from the caller.

Each takes plain rows, see :mod:`streamgauge.dashboard.axes`; at most a few thousand: the server has made series small
before. Charts of drift and of models stand in files of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from streamgauge.dashboard.answers import Course, Incident
from streamgauge.dashboard.axes import (
    HEIGHT,
    LOW,
    Chart,
    Data,
    Rows,
    Words,
    marks,
    rule,
    t,
    table,
    when,
    y,
)
from streamgauge.dashboard.moments import millis, utc
from streamgauge.dashboard.theme import Palette

_TOLD = ("critical", "warning", "ok")


def course(
    rows: Rows, incidents: Sequence[Incident], look: Palette, words: Words, of: tuple[str, float | None, str]
) -> Chart:
    """A series with the band of what was expected, its limit, and the incidents on it, which lead to their pages.

    Args:
        rows: of :func:`course_rows`.
        incidents: to be marked.
        look: colours.
        words: texts.
        of: the value's name, its limit, and where pages of incidents are.
    """
    name, limit, pages = of
    data, layers = table(_with_told(rows)), []
    if any(row["lower"] is not None for row in rows):
        layers.append(
            alt.Chart(data)
            .mark_area(color=look.line, opacity=0.18)
            .encode(x=t(rows), y=y("lower", name), y2="upper:Q")
        )
        layers.append(
            alt.Chart(data)
            .mark_line(color=look.quiet, strokeDash=[4, 3], strokeWidth=1)
            .encode(x=t(rows), y=y("expected", name))
        )
    elif any(row["min"] != row["max"] for row in rows):
        layers.append(
            alt.Chart(data)
            .mark_area(color=look.line, opacity=0.18)
            .encode(x=t(rows), y=y("min", name), y2="max:Q")
        )
    layers += marks(incidents, look, words, pages, rows)
    layers.append(
        alt.Chart(data).mark_line(color=look.line, strokeWidth=1.8).encode(x=t(rows), y=y("value", name))
    )
    layers.append(_told((rows, data), look, words, name))
    if limit is not None:
        layers.append(rule(limit, look.bad))
    return alt.layer(*layers).properties(height=HEIGHT)


def course_rows(series: Course, value: str | None) -> Rows:
    """One row per point of a series."""
    spread = None if value is None else series.values.get(value)
    rows: Rows = []
    for n, at in enumerate(series.at):
        rows.append(
            {
                "t": millis(at),
                "utc": utc(at),
                "value": None if spread is None else spread.mean[n],
                "min": None if spread is None else spread.min[n],
                "max": None if spread is None else spread.max[n],
                "expected": _nth(series.expected, n),
                "lower": _nth(series.lower, n),
                "upper": _nth(series.upper, n),
                "score": _nth(series.score, n),
                "severity": series.severity[n] if n < len(series.severity) else "ok",
                "windows": series.windows[n] if n < len(series.windows) else 1,
            }
        )
    return rows


def scores(rows: Rows, look: Palette, words: Words) -> Chart:
    """How far out of the ordinary each point was: 0 to 1, one half at the edge."""
    data = table(_with_told(rows))
    line = (
        alt.Chart(data)
        .mark_area(color=look.line, opacity=0.35, line={"color": look.line})
        .encode(x=t(rows), y=alt.Y("score:Q", title=words("score"), scale=alt.Scale(domain=[0, 1])))
    )
    return alt.layer(line, _told((rows, data), look, words, words("score"), "score")).properties(height=LOW)


def lines(rows: Rows, colours: Sequence[str], words: Words, name: str, behind: Sequence[Chart] = ()) -> Chart:
    """Several series of one value, told apart by ``who``; ``behind`` them: :func:`marks`."""
    whose = alt.Color(
        "who:N",
        title=None,
        scale=alt.Scale(range=list(colours)),
        legend=alt.Legend(orient="top") if _several(rows) else None,
    )
    base = alt.Chart(table(rows)).encode(x=t(rows), color=whose)
    tips = [
        alt.Tooltip("who:N", title=words("key")),
        alt.Tooltip("value:Q", title=name),
        *when(words),
        alt.Tooltip("severity:N", title=words("severity")),
    ]
    line = base.mark_line(strokeWidth=1.6).encode(y=y("value", name))
    points = base.mark_point(size=60, opacity=0).encode(y=y("value", name), tooltip=tips)
    return alt.layer(*behind, line, points).properties(height=HEIGHT)


def ahead(
    past: Rows, foretold_of: tuple[Rows, Rows], incidents: Sequence[Incident], look: tuple[Palette, Sequence[str]], words: Words,
    of: tuple[str, str],
) -> Chart:  # fmt: skip
    """What came, what was foretold of it, and what is foretold of what comes."""
    (name, pages), (palette, colours) = of, look
    foretold = colours[1]
    layers: list[Any] = []
    for rows in foretold_of:
        if rows:
            data = table(rows)
            layers.append(
                alt.Chart(data)
                .mark_area(color=foretold, opacity=0.2)
                .encode(x=t(past), y=y("lower", name), y2="upper:Q")
            )
            layers.append(
                alt.Chart(data)
                .mark_line(color=foretold, strokeWidth=1.6, strokeDash=[5, 3])
                .encode(x=t(past), y=y("expected", name))
            )
            tips = [
                alt.Tooltip("expected:Q", title=words("expected")),
                alt.Tooltip("lower:Q"),
                alt.Tooltip("upper:Q"),
            ]
            layers.append(
                alt.Chart(data)
                .mark_point(opacity=0, size=60)
                .encode(x=t(past), y="expected:Q", tooltip=[*tips, *when(words)])
            )
    layers += marks(incidents, palette, words, pages, past)
    came = table(_with_told(past))
    layers.append(
        alt.Chart(came).mark_line(color=palette.line, strokeWidth=1.8).encode(x=t(past), y=y("value", name))
    )
    layers.append(_told((past, came), palette, words, name))
    return alt.layer(*layers).properties(height=HEIGHT + 40)


def bars(rows: Rows, chosen: str, look: Palette) -> Chart:
    """Names and numbers as bars; ``chosen`` stands out."""
    return (
        alt.Chart(
            table([{**row, "colour": look.line if row["name"] == chosen else look.quiet} for row in rows])
        )
        .mark_bar(height={"band": 0.6})
        .encode(
            y=alt.Y("name:N", sort="x", title=None, axis=alt.Axis(labelLimit=200)),
            x=alt.X("value:Q", title=None),
            color=alt.Color("colour:N", scale=None),
            tooltip=[alt.Tooltip("name:N"), alt.Tooltip("value:Q", format=".4~g")],
        )
        .properties(height=max(120, 30 * len(rows) + 30))
    )


def _told(
    rows_and_data: tuple[Rows, Data], look: Palette, words: Words, name: str, field: str = "value"
) -> Chart:
    """Points: those that were told stand out, the others are there to be hovered over."""
    rows, data = rows_and_data
    colour = alt.Color(
        "told:N", legend=None, scale=alt.Scale(domain=list(_TOLD), range=[look.bad, look.warn, look.line])
    )
    seen = "datum.severity == 'critical' || datum.severity == 'warning'"
    few = 1.0 if len(rows) <= 60 else 0.0
    tips = [
        alt.Tooltip(f"{field}:Q", title=name),
        alt.Tooltip("expected:Q", title=words("expected")),
        alt.Tooltip("score:Q", title=words("score"), format=".3f"),
        alt.Tooltip("severity:N", title=words("severity")),
        alt.Tooltip("windows:Q", title=words("windows")),
        *when(words),
    ]
    return (
        alt.Chart(data)
        .mark_circle(size=50)
        .encode(
            x=t(rows),
            y=alt.Y(f"{field}:Q"),
            color=colour,
            opacity=alt.condition(seen, alt.value(1.0), alt.value(few)),
            tooltip=tips,
        )
    )


def _with_told(rows: Rows) -> Rows:
    """As whom :func:`_told` draws each."""
    return [{**row, "told": row["severity"] if row["severity"] in _TOLD else "ok"} for row in rows]


def _nth(numbers: Sequence[float | None], n: int) -> float | None:
    return numbers[n] if n < len(numbers) else None


def _several(rows: Rows) -> bool:
    return len({row["who"] for row in rows}) > 1
