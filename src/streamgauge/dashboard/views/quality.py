"""How good a model is, window by window, as its labels come; beside it what was estimated without any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from streamgauge.dashboard import draw_quality
from streamgauge.dashboard.answers import Quality
from streamgauge.dashboard.axes import Rows, marks
from streamgauge.dashboard.frame import (
    api,
    chosen_monitor,
    colours,
    head,
    no_data,
    of_chosen_key,
    series_colours,
    where,
    words,
)
from streamgauge.dashboard.moments import local, millis, parsed, utc, zone_of
from streamgauge.dashboard.views.incidents import listed

SHARES = ("precision", "recall", "accuracy", "f1", "roc_auc")
"""Measures between 0 and 1."""
FIRST = ("precision", "recall", "accuracy")
COUNTS = ("tp", "fp", "fn", "tn")


def show() -> None:
    """The page."""
    head("quality")
    first, second, third = st.columns([3, 2, 4])
    with first:
        rule = chosen_monitor(("quality",), "none.quality")
    if rule is None:
        return
    with second:
        found = of_chosen_key(lambda key: api().quality(rule.name, key), together=False)
    if not found.series.get("at"):
        no_data(rule.name)
        return
    with third:
        known = [name for name in found.measures if name in SHARES] or found.measures
        default = [name for name in FIRST if name in known] or known[:1]
        chosen = st.multiselect(words("quality.measures"), known, default=default, key="measures")
    _labels(found.series)
    _chart(found, chosen)
    left, right = st.columns(2, gap="large")
    with left:
        _confusion(found.series)
    with right:
        _revisions(found.revisions)
    listed(found.incidents, "incidents")


def _labels(series: Mapping[str, Sequence[Any]]) -> None:
    first, second, third = st.columns(3)
    labels = sum(number or 0 for number in series.get("labels", ()))
    awaited = sum(number or 0 for number in series.get("unlabelled", ()))
    first.metric(words("quality.labels"), f"{labels:,}")
    second.metric(words("quality.awaited"), f"{awaited:,}", help=words("quality.awaited.help"))
    revisions = [number for number in series.get("revision", ()) if number is not None]
    third.metric(words("quality.revision"), revisions[-1] if revisions else "–")


def _chart(found: Quality, chosen: Sequence[str]) -> None:
    st.subheader(words("quality.chart"), anchor=False)
    rows = measured(found.series, chosen, words("quality.realised"))
    for columns in found.estimated.values():
        rows += measured(columns, chosen, words("quality.estimated"))
    if rows:
        behind = marks(found.incidents, colours(), words, where().pages, rows)
        st.altair_chart(draw_quality.shares(rows, series_colours(), words, behind), key="shares")
    st.caption(words("zone", zone=st.context.timezone or "UTC"))


def measured(series: Mapping[str, Sequence[Any]], names: Sequence[str], how: str) -> Rows:
    """One row per window and measure; where a measure cannot be said there is none."""
    rows: Rows = []
    for name in names:
        none = [None] * len(series["at"])
        lower, upper = (series.get(f"{name}_{bound}", none) for bound in ("lower", "upper"))
        for n, at in enumerate(series["at"]):
            value = series.get(name, none)[n]
            if value is not None:
                shared = {"measure": name, "how": how, "t": millis(at), "utc": utc(at)}
                rows.append({**shared, "value": value, "lower": lower[n], "upper": upper[n]})
    return rows


def _confusion(series: Mapping[str, Sequence[Any]]) -> None:
    known = [n for n, value in enumerate(series.get("tp", ())) if value is not None]
    if not known:
        return
    newest = known[-1]
    counts = {name: int(series[name][newest]) for name in COUNTS}
    here = zone_of(st.context.timezone)
    st.subheader(words("quality.confusion", at=local(series["at"][newest], here)), anchor=False)
    st.altair_chart(draw_quality.confusion(counts, colours(), words), key="confusion")


def _revisions(revisions: Mapping[str, Sequence[Any]]) -> None:
    if not revisions.get("told"):
        return
    st.subheader(words("quality.revisions"), anchor=False)
    here = st.context.timezone or "UTC"
    moment: Any = {"timezone": here, "format": "YYYY-MM-DD HH:mm:ss"}
    names = ["told", "at", "revision", "labels", "unlabelled", *(name for name in FIRST if name in revisions)]
    rows = [
        {name: parsed(revisions[name][n]) if name in ("told", "at") else revisions[name][n] for name in names}
        for n in reversed(range(len(revisions["told"])))
    ]
    st.dataframe(
        rows,
        hide_index=True,
        placeholder="",
        height=260,
        key="revisions",
        column_config={
            "told": st.column_config.DatetimeColumn(words("quality.told"), **moment),
            "at": st.column_config.DatetimeColumn(words("quality.window"), **moment),
            "unlabelled": st.column_config.NumberColumn(words("quality.awaited")),
        },
    )
