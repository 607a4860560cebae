"""Charts of a model's quality: shares with their bounds, and the confusion counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt

from streamgauge.dashboard.axes import HEIGHT, Chart, Rows, Words, t, table, when
from streamgauge.dashboard.theme import Palette


def shares(rows: Rows, colours: Sequence[str], words: Words, behind: Sequence[Chart] = ()) -> Chart:
    """Measures between 0 and 1 with their bounds, estimated ones dashed; ``behind`` them incidents."""
    names = list(dict.fromkeys(row["measure"] for row in rows))
    legend = alt.Legend(orient="top", symbolType="stroke", symbolOpacity=1, symbolStrokeWidth=3)
    whose = alt.Color("measure:N", title=None, legend=legend,
                      scale=alt.Scale(domain=names, range=list(colours)[: max(1, len(names))]))  # fmt: skip
    y = alt.Y("value:Q", title=words("quality.share"), scale=alt.Scale(domain=[0, 1]))
    how = alt.StrokeDash(
        "how:N", title=None, legend=alt.Legend(orient="top"),
        scale=alt.Scale(domain=[words("quality.realised"), words("quality.estimated")], range=[[1, 0], [5, 4]]),
    )  # fmt: skip
    base = alt.Chart(table(rows)).encode(x=t(rows), color=whose)
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
        *when(words),
    ]
    points = base.mark_circle(size=40).encode(y=y, tooltip=tips)
    return alt.layer(*behind, band, line, points).properties(height=HEIGHT)


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
    base = alt.Chart(table(rows)).encode(
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
