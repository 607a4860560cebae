"""Charts of drift: features by their distance, one of them bin by bin, and the distance over time."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from streamgauge.dashboard.answers import Bin, Feature
from streamgauge.dashboard.axes import HEIGHT, Chart, Rows, Words, rule, t, table, when, y
from streamgauge.dashboard.theme import Palette


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
    data = table(rows)
    bars = alt.Chart(data).mark_bar(height={"band": 0.6}).encode(
        y=y, x=alt.X("value:Q", title=None), color=alt.Color("colour:N", scale=None), tooltip=tips
    )  # fmt: skip
    floors = (
        alt.Chart(data)
        .mark_tick(color=look.text, thickness=2, height={"band": 0.9})
        .encode(y=y, x="floor:Q", tooltip=tips)
    )
    levels = [
        alt.Chart(table([{"x": limit}])).mark_rule(color=colour, strokeDash=[5, 4]).encode(x="x:Q")
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
    bars = alt.Chart(table(rows)).mark_bar().encode(
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
    signs = alt.Chart(table(told or [{"bin": order[0], "top": None, "sign": ""}])).mark_text(
        color=look.bad, dy=-9, fontSize=13
    ).encode(x=x, y="top:Q", text="sign:N")  # fmt: skip
    return alt.layer(bars, signs).properties(height=HEIGHT)


def levels(
    rows: Rows, limits: tuple[float | None, float | None], look: Palette, words: Words, name: str,
    behind: Sequence[Chart] = (),
) -> Chart:  # fmt: skip
    """Drift over time with its limits; ``behind`` it: :func:`~streamgauge.dashboard.axes.marks`."""
    data = table(rows)
    line = alt.Chart(data).mark_line(color=look.line, strokeWidth=1.8).encode(x=t(rows), y=y("value", name))
    floor = (
        alt.Chart(data)
        .mark_line(color=look.quiet, strokeDash=[2, 3], strokeWidth=1)
        .encode(x=t(rows), y=y("floor", name))
    )
    points = alt.Chart(data).mark_circle(size=46).encode(
        x=t(rows), y=y("value", name), color=alt.Color("colour:N", scale=None),
        tooltip=[alt.Tooltip("value:Q", title=name, format=".4f"), alt.Tooltip("feature:N", title=words("drift.feature")),
                 alt.Tooltip("floor:Q", title=words("drift.floor"), format=".4f"), *when(words)],
    )  # fmt: skip
    rules = [
        rule(limit, colour)
        for limit, colour in zip(limits, (look.warn, look.bad), strict=True)
        if limit is not None
    ]
    floors = [floor] if any(row["floor"] is not None for row in rows) else []
    return alt.layer(*behind, *floors, line, points, *rules).properties(height=220)
