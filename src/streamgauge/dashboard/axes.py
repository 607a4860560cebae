"""What all charts are made with: their data, axes, hovering, and the incidents behind a series. Pure.

``t`` is milliseconds since 1970, so that axes are in the reader's own time zone; ``utc`` is what is read on hover.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any, TypeAlias

import altair as alt

from streamgauge.dashboard.answers import Incident
from streamgauge.dashboard.moments import millis, utc
from streamgauge.dashboard.theme import Palette

for _name in ("pandas", "polars", "pyarrow"):
    import_module(
        _name
    )  # Altair asks about them while it draws: whole, not half loaded by another reader's thread

Chart: TypeAlias = Any
"""One of Altair's; which, is its own affair."""
Rows: TypeAlias = list[dict[str, Any]]
Data: TypeAlias = Any
"""Of a chart: a data frame."""
Words: TypeAlias = Any
"""``words(name, **values)``: a text in the reader's language."""

HEIGHT = 300
LOW = 120
"""Pixels of a chart, and of one that stands below another."""
_SPANS = ((600_000, "%H:%M:%S"), (2 * 86_400_000, "%H:%M"))
"""Milliseconds up to which axes are labelled so."""


def table(rows: Rows) -> Data:
    """As columns, which Altair neither copies nor checks; layers that are given the same share it."""
    import polars as pl

    return pl.DataFrame(rows, infer_schema_length=None)


def t(rows: Rows) -> alt.X:
    """Time in the reader's zone; how it is written goes by how much of it there is."""
    moments = [row["t"] for row in rows if row["t"] is not None] or [0]
    span = max(moments) - min(moments)
    how = next((text for limit, text in _SPANS if span <= limit), "%d %b")
    axis = alt.Axis(format=how, tickCount=8, labelOverlap=True, grid=False)
    return alt.X("t:T", title=None, axis=axis)


def y(field: str, title: str) -> alt.Y:
    """A value, whose axis need not begin at zero."""
    return alt.Y(f"{field}:Q", title=title, scale=alt.Scale(zero=False))


def when(words: Words) -> list[alt.Tooltip]:
    """The moment in the reader's zone, and in UTC."""
    return [
        alt.Tooltip("t:T", title=words("at"), format="%d %b %Y %H:%M:%S"),
        alt.Tooltip("utc:N", title=words("utc")),
    ]


def rule(at: float, colour: str) -> Chart:
    """A limit."""
    return alt.Chart(table([{"y": at}])).mark_rule(color=colour, strokeDash=[5, 4]).encode(y="y:Q")


def marks(
    incidents: Sequence[Incident], look: Palette, words: Words, pages: str, within: Rows
) -> list[Chart]:
    """Incidents as bands behind a series, as far as it goes; a click leads to the page, and Back to here. ``within``: its rows."""
    moments = [row["t"] for row in within if row["t"] is not None]
    if not moments:
        return []
    first, last = min(moments), max(moments)
    rows = [_mark(one, pages) for one in incidents]
    rows = [
        {**row, "t": max(row["t"], first), "end": min(max(row["end"], first), last) + 1}
        for row in rows
        if row["end"] >= first and row["t"] <= last
    ]
    if not rows:
        return []
    tips = [
        alt.Tooltip("title:N", title=words("incident.title")),
        alt.Tooltip("t:T", title=words("at"), format="%d %b %H:%M:%S"),
        alt.Tooltip("utc:N", title=words("utc")),
        alt.Tooltip("state:N", title=words("incident.state")),
    ]
    chart = alt.Chart(table(rows)).mark_rect(color=look.bad, opacity=0.16, stroke=look.bad, strokeWidth=1)
    linked = {"href": "href:N"} if any(row["href"] for row in rows) else {}
    return [chart.encode(x=alt.X("t:T", title=None), x2="end:T", tooltip=tips, **linked)]


def _mark(one: Incident, pages: str) -> dict[str, Any]:
    start = millis(one.window_start) or millis(one.opened_at) or 0
    end = millis(one.resolved_at or one.last_window_end or one.window_end) or start
    return {
        "t": start,
        "end": end,
        "utc": utc(one.opened_at),
        "title": one.title,
        "state": one.state,
        "href": f"{pages}/incidents/{one.id}" if one.id else "",
    }
