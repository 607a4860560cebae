"""Charts: from the records of an answer to Altair, pure; colours from the theme, words from the caller.

Each takes plain rows. ``t`` is milliseconds since 1970, so that axes are in the reader's own time zone; ``utc`` is what
is read on hover. At most a few thousand rows: the server has made series small before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import altair as alt

from streamgauge.dashboard.answers import Bin, Course, Feature, Incident
from streamgauge.dashboard.moments import millis, utc
from streamgauge.dashboard.theme import Palette

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
    data, layers = _data(_with_told(rows)), []
    if any(row["lower"] is not None for row in rows):
        layers.append(
            alt.Chart(data)
            .mark_area(color=look.line, opacity=0.18)
            .encode(x=_t(rows), y=_y("lower", name), y2="upper:Q")
        )
        layers.append(
            alt.Chart(data)
            .mark_line(color=look.quiet, strokeDash=[4, 3], strokeWidth=1)
            .encode(x=_t(rows), y=_y("expected", name))
        )
    elif any(row["min"] != row["max"] for row in rows):
        layers.append(
            alt.Chart(data)
            .mark_area(color=look.line, opacity=0.18)
            .encode(x=_t(rows), y=_y("min", name), y2="max:Q")
        )
    layers += marks(incidents, look, words, pages)
    layers.append(
        alt.Chart(data).mark_line(color=look.line, strokeWidth=1.8).encode(x=_t(rows), y=_y("value", name))
    )
    layers.append(_told((rows, data), look, words, name))
    if limit is not None:
        layers.append(_rule(limit, look.bad))
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
    data = _data(_with_told(rows))
    line = (
        alt.Chart(data)
        .mark_area(color=look.line, opacity=0.35, line={"color": look.line})
        .encode(x=_t(rows), y=alt.Y("score:Q", title=words("score"), scale=alt.Scale(domain=[0, 1])))
    )
    return alt.layer(line, _told((rows, data), look, words, words("score"), "score")).properties(height=LOW)


def marks(incidents: Sequence[Incident], look: Palette, words: Words, pages: str) -> list[Chart]:
    """Incidents as bands behind a series; a click leads to the page."""
    rows = []
    for one in incidents:
        start = millis(one.window_start) or millis(one.opened_at) or 0
        end = millis(one.resolved_at or one.last_window_end or one.window_end) or start
        rows.append(
            {
                "t": start,
                "end": max(end, start + 1),
                "utc": utc(one.opened_at),
                "title": one.title,
                "state": one.state,
                "href": f"{pages}/incidents/{one.id}" if one.id else "",
            }
        )
    if not rows:
        return []
    tips = [
        alt.Tooltip("title:N", title=words("incident.title")),
        alt.Tooltip("t:T", title=words("at"), format="%d %b %H:%M:%S"),
        alt.Tooltip("utc:N", title=words("utc")),
        alt.Tooltip("state:N", title=words("incident.state")),
    ]
    chart = alt.Chart(_data(rows)).mark_rect(color=look.bad, opacity=0.16, stroke=look.bad, strokeWidth=1)
    linked = {"href": "href:N"} if any(row["href"] for row in rows) else {}
    return [chart.encode(x=alt.X("t:T", title=None), x2="end:T", tooltip=tips, **linked)]


def lines(rows: Rows, colours: Sequence[str], words: Words, name: str) -> Chart:
    """Several series of one value, told apart by ``who``."""
    whose = alt.Color(
        "who:N",
        title=None,
        scale=alt.Scale(range=list(colours)),
        legend=alt.Legend(orient="top") if _several(rows) else None,
    )
    base = alt.Chart(_data(rows)).encode(x=_t(rows), color=whose)
    tips = [
        alt.Tooltip("who:N", title=words("key")),
        alt.Tooltip("value:Q", title=name),
        *_when(words),
        alt.Tooltip("severity:N", title=words("severity")),
    ]
    line = base.mark_line(strokeWidth=1.6).encode(y=_y("value", name))
    points = base.mark_point(size=60, opacity=0).encode(y=_y("value", name), tooltip=tips)
    return alt.layer(line, points).properties(height=HEIGHT)


def by_score(
    features: Sequence[Feature], limits: tuple[float | None, float | None], look: Palette, words: Words
) -> Chart:
    """Features as bars, the furthest on top, each with its floor; the limits as lines."""
    colour_of = {"ok": look.good, "warning": look.warn, "critical": look.bad}
    rows: Rows = [
        {
            "feature": one.feature,
            "value": one.value,
            "floor": one.floor,
            "state": words(f"state.{one.state}"),
            "colour": colour_of.get(one.severity, look.quiet),
        }
        for one in features
    ]
    order = [one.feature for one in features]
    y = alt.Y("feature:N", sort=order, title=None)
    tips = [
        alt.Tooltip("feature:N", title=words("drift.feature")),
        alt.Tooltip("value:Q", title=words("score"), format=".4f"),
        alt.Tooltip("floor:Q", title=words("drift.floor"), format=".4f"),
        alt.Tooltip("state:N", title=words("drift.status")),
    ]
    data = _data(rows)
    bars = alt.Chart(data).mark_bar(height={"band": 0.6}).encode(
        y=y, x=alt.X("value:Q", title=None), color=alt.Color("colour:N", scale=None), tooltip=tips
    )  # fmt: skip
    floors = (
        alt.Chart(data)
        .mark_tick(color=look.text, thickness=2, height={"band": 0.9})
        .encode(y=y, x="floor:Q", tooltip=tips)
    )
    levels = [
        alt.Chart(_data([{"x": limit}])).mark_rule(color=colour, strokeDash=[5, 4]).encode(x="x:Q")
        for limit, colour in zip(limits, (look.warn, look.bad), strict=True)
        if limit is not None
    ]
    return alt.layer(bars, floors, *levels).properties(height=max(130, 44 * len(rows) + 30))


def histogram(bins: Sequence[Bin], moved: Sequence[str], look: Palette, words: Words) -> Chart:
    """Shares of rows by bin, the reference beside what is current; bins that moved are marked."""
    reference, current = words("drift.reference"), words("drift.current")
    rows: Rows = []
    for one in bins:
        text = words("drift.moved") if one.bin in moved else ""
        shared = {"bin": one.bin, "moved": text, "reference": one.reference, "current": one.current}
        rows.append({**shared, "whose": reference, "share": one.reference})
        rows.append({**shared, "whose": current, "share": one.current})
    order = [one.bin for one in bins]
    x = alt.X(
        "bin:N",
        sort=order,
        title=None,
        axis=alt.Axis(labelAngle=-35 if len(order) > 6 else 0, labelLimit=120),
    )
    tips = [
        alt.Tooltip("bin:N", title=words("drift.feature")),
        alt.Tooltip("reference:Q", title=reference, format=".1%"),
        alt.Tooltip("current:Q", title=current, format=".1%"),
        alt.Tooltip("moved:N", title=words("drift.moved")),
    ]
    bars = alt.Chart(_data(rows)).mark_bar().encode(
        x=x,
        xOffset=alt.XOffset("whose:N", sort=[reference, current]),
        y=alt.Y("share:Q", title=words("drift.share_of_rows"), axis=alt.Axis(format="%")),
        color=alt.Color("whose:N", title=None, legend=alt.Legend(orient="top"),
                        scale=alt.Scale(domain=[reference, current], range=[look.quiet, look.line])),
        tooltip=tips,
    )  # fmt: skip
    told = [
        {
            "bin": one.bin,
            "top": max(one.reference, one.current),
            "sign": "▲" if one.current > one.reference else "▼",
        }
        for one in bins
        if one.bin in moved
    ]
    signs = alt.Chart(_data(told or [{"bin": order[0], "top": None, "sign": ""}])).mark_text(
        color=look.bad, dy=-9, fontSize=13
    ).encode(x=x, y="top:Q", text="sign:N")  # fmt: skip
    return alt.layer(bars, signs).properties(height=HEIGHT)


def levels(
    rows: Rows, limits: tuple[float | None, float | None], look: Palette, words: Words, name: str
) -> Chart:
    """Drift over time with its limits."""
    data = _data(rows)
    line = alt.Chart(data).mark_line(color=look.line, strokeWidth=1.8).encode(x=_t(rows), y=_y("value", name))
    floor = (
        alt.Chart(data)
        .mark_line(color=look.quiet, strokeDash=[2, 3], strokeWidth=1)
        .encode(x=_t(rows), y=_y("floor", name))
    )
    points = alt.Chart(data).mark_circle(size=46).encode(
        x=_t(rows), y=_y("value", name), color=alt.Color("colour:N", scale=None),
        tooltip=[alt.Tooltip("value:Q", title=name, format=".4f"), alt.Tooltip("feature:N", title=words("drift.feature")),
                 alt.Tooltip("floor:Q", title=words("drift.floor"), format=".4f"), *_when(words)],
    )  # fmt: skip
    rules = [
        _rule(limit, colour)
        for limit, colour in zip(limits, (look.warn, look.bad), strict=True)
        if limit is not None
    ]
    floors = [floor] if any(row["floor"] is not None for row in rows) else []
    return alt.layer(*floors, line, points, *rules).properties(height=220)


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
            data = _data(rows)
            layers.append(
                alt.Chart(data)
                .mark_area(color=foretold, opacity=0.2)
                .encode(x=_t(past), y=_y("lower", name), y2="upper:Q")
            )
            layers.append(
                alt.Chart(data)
                .mark_line(color=foretold, strokeWidth=1.6, strokeDash=[5, 3])
                .encode(x=_t(past), y=_y("expected", name))
            )
            tips = [
                alt.Tooltip("expected:Q", title=words("expected")),
                alt.Tooltip("lower:Q"),
                alt.Tooltip("upper:Q"),
            ]
            layers.append(
                alt.Chart(data)
                .mark_point(opacity=0, size=60)
                .encode(x=_t(past), y="expected:Q", tooltip=[*tips, *_when(words)])
            )
    layers += marks(incidents, palette, words, pages)
    came = _data(_with_told(past))
    layers.append(
        alt.Chart(came).mark_line(color=palette.line, strokeWidth=1.8).encode(x=_t(past), y=_y("value", name))
    )
    layers.append(_told((past, came), palette, words, name))
    return alt.layer(*layers).properties(height=HEIGHT + 40)


def shares(rows: Rows, colours: Sequence[str], words: Words) -> Chart:
    """Measures between 0 and 1 with their bounds; those that are estimated are dashed."""
    names = list(dict.fromkeys(row["measure"] for row in rows))
    legend = alt.Legend(orient="top", symbolType="stroke", symbolOpacity=1, symbolStrokeWidth=3)
    whose = alt.Color("measure:N", title=None, legend=legend,
                      scale=alt.Scale(domain=names, range=list(colours)[: max(1, len(names))]))  # fmt: skip
    y = alt.Y("value:Q", title=words("quality.share"), scale=alt.Scale(domain=[0, 1]))
    how = alt.StrokeDash(
        "how:N", title=None, legend=alt.Legend(orient="top"),
        scale=alt.Scale(domain=[words("quality.realised"), words("quality.estimated")], range=[[1, 0], [5, 4]]),
    )  # fmt: skip
    base = alt.Chart(_data(rows)).encode(x=_t(rows), color=whose)
    band = base.mark_area(opacity=0.14).encode(
        y=alt.Y("lower:Q", scale=alt.Scale(domain=[0, 1])), y2="upper:Q", detail="how:N"
    )
    line = base.mark_line(strokeWidth=1.8).encode(y=y, strokeDash=how)
    tips = [
        alt.Tooltip("measure:N", title=words("quality.measures")),
        alt.Tooltip("value:Q", format=".3f", title=words("value")),
        alt.Tooltip("lower:Q", format=".3f"),
        alt.Tooltip("upper:Q", format=".3f"),
        alt.Tooltip("how:N", title=words("forecast.what")),
        *_when(words),
    ]
    points = base.mark_circle(size=40).encode(y=y, tooltip=tips)
    return alt.layer(band, line, points).properties(height=HEIGHT)


def confusion(counts: Mapping[str, int], look: Palette, words: Words) -> Chart:
    """The four counts as a square."""
    yes, no = words("quality.yes"), words("quality.no")
    cells = (("tp", yes, yes), ("fp", yes, no), ("fn", no, yes), ("tn", no, no))
    total = max(1, sum(counts.values()))
    rows: Rows = [
        {
            "said": said,
            "true": true,
            "count": counts.get(name, 0),
            "share": counts.get(name, 0) / total,
            "right": said == true,
        }
        for name, said, true in cells
    ]
    base = alt.Chart(_data(rows)).encode(
        x=alt.X(
            "true:N", sort=[yes, no], title=words("quality.truth"), axis=alt.Axis(labelAngle=0, orient="top")
        ),
        y=alt.Y("said:N", sort=[yes, no], title=words("quality.predicted")),
    )
    boxes = base.mark_rect(stroke=look.rule).encode(
        color=alt.Color(
            "right:N",
            scale=alt.Scale(domain=[True, False], range=[look.good_ground, look.bad_ground]),
            legend=None,
        ),
        tooltip=[alt.Tooltip("count:Q", format=","), alt.Tooltip("share:Q", format=".1%")],
    )
    text = base.mark_text(fontSize=18, color=look.text).encode(text=alt.Text("count:Q", format=","))
    return alt.layer(boxes, text).properties(height=220)


def bars(rows: Rows, chosen: str, look: Palette) -> Chart:
    """Names and numbers as bars; ``chosen`` stands out."""
    return (
        alt.Chart(
            _data([{**row, "colour": look.line if row["name"] == chosen else look.quiet} for row in rows])
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
        *_when(words),
    ]
    return (
        alt.Chart(data)
        .mark_circle(size=50)
        .encode(
            x=_t(rows),
            y=alt.Y(f"{field}:Q"),
            color=colour,
            opacity=alt.condition(seen, alt.value(1.0), alt.value(few)),
            tooltip=tips,
        )
    )


def _with_told(rows: Rows) -> Rows:
    """As whom :func:`_told` draws each."""
    return [{**row, "told": row["severity"] if row["severity"] in _TOLD else "ok"} for row in rows]


def _t(rows: Rows) -> alt.X:
    """Time in the reader's zone; how it is written goes by how much of it there is."""
    moments = [row["t"] for row in rows if row["t"] is not None] or [0]
    span = max(moments) - min(moments)
    how = next((text for limit, text in _SPANS if span <= limit), "%d %b")
    axis = alt.Axis(format=how, tickCount=8, labelOverlap=True, grid=False)
    return alt.X("t:T", title=None, axis=axis)


def _when(words: Words) -> list[alt.Tooltip]:
    """The moment in the reader's zone, and in UTC."""
    return [
        alt.Tooltip("t:T", title=words("at"), format="%d %b %Y %H:%M:%S"),
        alt.Tooltip("utc:N", title=words("utc")),
    ]


def _rule(at: float, colour: str) -> Chart:
    return alt.Chart(_data([{"y": at}])).mark_rule(color=colour, strokeDash=[5, 4]).encode(y="y:Q")


def _y(field: str, title: str) -> alt.Y:
    return alt.Y(f"{field}:Q", title=title, scale=alt.Scale(zero=False))


def _data(rows: Rows) -> Data:
    """As columns, which Altair neither copies nor checks; layers that are given the same share it."""
    import polars as pl

    return pl.DataFrame(rows, infer_schema_length=None)


def _nth(numbers: Sequence[float | None], n: int) -> float | None:
    return numbers[n] if n < len(numbers) else None


def _several(rows: Rows) -> bool:
    return len({row["who"] for row in rows}) > 1
