"""Window results of any monitor by key and time: filtered, grouped, drawn, taken along as CSV or Parquet."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import streamlit as st

from streamgauge.dashboard import draw
from streamgauge.dashboard.answers import History
from streamgauge.dashboard.axes import Rows, marks
from streamgauge.dashboard.frame import (
    NOBODY,
    api,
    chosen_monitor,
    colours,
    head,
    no_data,
    note_of,
    series_colours,
    where,
    words,
)
from streamgauge.dashboard.moments import parsed
from streamgauge.dashboard.span import Span, chosen_span

if TYPE_CHECKING:
    import polars as pl

KEYS = 8
"""Keys side by side."""


def show() -> None:
    """The page."""
    head("explore")
    first, second, third = st.columns([2, 3, 2])
    below = st.container()
    with first:
        rule = chosen_monitor((None, "series", "drift", "estimated"), "none.series")
    if rule is None:
        return
    with third:
        span = chosen_span(below)
    points = int(st.session_state.get("points", 500))
    whole = api().history(rule.name, None, span, points)
    if not whole.windows:
        no_data(rule.name)
        return
    with second:
        found = _of_keys(whole, span, points)
    frame = table(found)
    frame = _filtered(frame, [*whole.series.values])
    note_of(whole)
    if not frame.height:
        st.info(words("explore.none"))
        return
    _draw(frame, found)
    _list(frame, rule.name)


def _of_keys(whole: History, span: Span, points: int) -> list[tuple[str, History]]:
    """The chosen keys with their windows; all together where none is chosen."""
    labels = {key.text: key.label or key.text for key in whole.keys if key.text not in NOBODY}
    texts = st.multiselect(
        words("explore.keys"),
        list(labels),
        key="keys",
        bind="query-params",
        max_selections=KEYS,
        placeholder=words("explore.keys.none"),
        format_func=lambda text: labels.get(text, text),
    )
    if not texts:
        return [(words("key.all"), whole)]
    return [(labels[text], api().history(whole.monitor, text, span, points)) for text in texts]


def table(found: list[tuple[str, History]]) -> pl.DataFrame:
    """One row per key and point: moments in UTC, how many windows, what was judged, and the values.

    Of a point that stands for several windows a value is their mean; ``…_min`` and ``…_max`` are its extremes.
    """
    import polars as pl

    frames = []
    for label, history in found:
        series = history.series
        columns: dict[str, Any] = {
            "key": [label] * len(series.at),
            "start": [None if text is None else parsed(text) for text in series.start],
            "end": [parsed(text) for text in series.at],
            "windows": series.windows,
            "severity": series.severity,
            "score": series.score,
            "expected": series.expected,
            "lower": series.lower,
            "upper": series.upper,
        }
        thinned = history.bucket_seconds is not None
        for name, spread in series.values.items():
            columns[name] = spread.mean
            if thinned:
                columns |= {f"{name}_min": spread.min, f"{name}_max": spread.max}
        moment = pl.Datetime("ms", "UTC")
        kinds: Any = {
            "key": pl.String,
            "start": moment,
            "end": moment,
            "windows": pl.Int64,
            "severity": pl.String,
        }
        frames.append(pl.DataFrame({**columns}, schema_overrides=kinds, strict=False))
    whole = pl.concat(frames, how="diagonal_relaxed")
    empty = [
        name for name in ("score", "expected", "lower", "upper") if whole[name].null_count() == whole.height
    ]
    return whole.drop(empty)


def _filtered(frame: pl.DataFrame, values: list[str]) -> pl.DataFrame:
    """What the reader wants to see of it, grouped as they want."""
    import polars as pl

    first, second, third, fourth, fifth = st.columns(5)
    with first:
        value = st.selectbox(words("value"), values, key="value")
    with second:
        severities = st.multiselect(
            words("explore.severity"),
            sorted(frame["severity"].unique().to_list()),
            key="severities",
            placeholder=words("explore.severity.any"),
        )
    with third:
        least = st.number_input(words("explore.at_least"), value=None, key="least")
    with fourth:
        group = st.selectbox(
            words("explore.group"),
            ["none", "key", "severity"],
            key="group",
            format_func=lambda name: words(f"explore.group.{name}"),
        )
    with fifth:
        st.selectbox(words("explore.points"), [500, 1_000, 2_000, 5_000], key="points")
    if severities:
        frame = frame.filter(pl.col("severity").is_in(severities))
    if least is not None and value in frame.columns:
        frame = frame.filter(pl.col(value) >= least)
    return frame if group == "none" else grouped(frame, group)


def grouped(frame: pl.DataFrame, by: str) -> pl.DataFrame:
    """One row per key, or per what was judged: how many windows, from when to when, and the values' means."""
    import polars as pl

    values = [
        name
        for name, kind in frame.schema.items()
        if kind.is_numeric() and name != "windows" and not name.endswith(("_min", "_max"))
    ]
    weights = pl.col("windows")
    means = [
        ((pl.col(name) * weights).sum() / weights.filter(pl.col(name).is_not_null()).sum()).alias(name)
        for name in values
    ]
    return (
        frame.group_by(by)
        .agg(pl.col("start").min(), pl.col("end").max(), weights.sum().alias("windows"), *means)
        .sort(by)
    )


def _draw(frame: pl.DataFrame, found: list[tuple[str, History]]) -> None:
    value = st.session_state.get("value") or found[0][1].drawn
    if value is None or value not in frame.columns:
        return
    st.subheader(words("explore.chart", value=value), anchor=False)
    rows = points_of(frame, value)
    incidents = [one for _, history in found for one in history.incidents]
    behind = marks(incidents, colours(), words, where().pages, rows)
    st.altair_chart(draw.lines(rows, series_colours(), words, value, behind), key="chart")


def points_of(frame: pl.DataFrame, value: str) -> Rows:
    """One row per point of the chart; ``who``: the key, or what was judged where it is grouped by that."""
    import polars as pl

    by = "key" if "key" in frame.columns else "severity"
    judged = pl.col("severity") if "severity" in frame.columns else pl.lit("")
    utc = pl.col("end").dt.strftime("%Y-%m-%d %H:%M:%S%.3f UTC").str.replace(".000 UTC", " UTC", literal=True)
    return frame.select(
        pl.col("end").dt.epoch("ms").alias("t"),
        utc.alias("utc"),
        pl.col(value).alias("value"),
        pl.col(by).alias("who"),
        judged.alias("severity"),
    ).to_dicts()


def _list(frame: pl.DataFrame, monitor: str) -> None:
    here = st.context.timezone or "UTC"
    times = {
        name: st.column_config.DatetimeColumn(name, timezone=here, format="YYYY-MM-DD HH:mm:ss")
        for name in ("start", "end")
    }
    shown = frame.with_columns(frame["end"].dt.strftime("%Y-%m-%d %H:%M:%S").alias(words("utc")))
    st.dataframe(shown, column_config=times, hide_index=True, placeholder="", height=320, key="table")
    count, csv, parquet = st.columns([6, 1, 1])
    count.caption(words("explore.count", rows=frame.height))
    csv.download_button(
        words("explore.csv"), as_csv(frame), f"{monitor}.csv", "text/csv", on_click="ignore", key="csv"
    )
    parquet.download_button(
        words("explore.parquet"), as_parquet(frame), f"{monitor}.parquet", "application/vnd.apache.parquet",
        on_click="ignore", key="parquet",
    )  # fmt: skip


def as_csv(frame: pl.DataFrame) -> bytes:
    """With moments of UTC; a text that a spreadsheet would take for a formula is disarmed."""
    import polars as pl

    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    risky = [
        pl.when(pl.col(name).str.contains(r"^[=+\-@\t\r]"))
        .then(pl.lit("'") + pl.col(name))
        .otherwise(pl.col(name))
        .alias(name)
        for name in texts
    ]
    return frame.with_columns(risky).write_csv(datetime_format="%Y-%m-%dT%H:%M:%S%.3fZ").encode()


def as_parquet(frame: pl.DataFrame) -> bytes:
    """The same, typed."""
    file = io.BytesIO()
    frame.write_parquet(file)
    return file.getvalue()
