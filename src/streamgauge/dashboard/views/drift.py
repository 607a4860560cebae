"""How far features lie from their reference: a stream as it comes, or two files."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from streamgauge.dashboard import draw_drift
from streamgauge.dashboard.answers import Drift, Incident, Inlet, Rule
from streamgauge.dashboard.api import ClosedError, RefusedError
from streamgauge.dashboard.axes import marks
from streamgauge.dashboard.frame import (
    api,
    chosen_key,
    chosen_monitor,
    colours,
    framed,
    head,
    no_data,
    where,
    words,
)
from streamgauge.dashboard.moments import local, millis, utc, zone_of
from streamgauge.dashboard.span import forget, named
from streamgauge.dashboard.views.compare import comparison, files, status
from streamgauge.dashboard.views.incidents import listed

LIVE = 2.0
"""Seconds between two looks at a live stream."""


def show() -> None:
    """The page; two files need no server, so they are there while it is away."""
    head("drift")
    stream, two = st.tabs([words("drift.stream"), words("drift.files")], key="tab")
    with two:
        files()
    with stream:
        _stream()


def _stream() -> None:
    first, second, third = st.columns([3, 3, 1], vertical_alignment="bottom")
    with first:
        rule = chosen_monitor(("drift",), "none.drift")
    if rule is None:
        return
    then = named()[1]
    with second:
        key = chosen_key(api().drift(rule.name, at=then).keys, together=False)
    with third:
        live = st.toggle(words("drift.live"), value=then is None, help=words("drift.live.help"), key="live")
    _control(rule)
    if live and then is not None:
        forget()
        then = None
    st.fragment(_now, run_every=LIVE if live else None)(rule.name, key, then)


def _now(monitor: str, key: str | None, then: str | None) -> None:
    """What is asked again while the stream is live; ``then``: how it stood at that moment."""
    framed(lambda: _picture(monitor, key, then), pulse=False)


def _picture(monitor: str, key: str | None, then: str | None) -> None:
    server = api()
    drift = server.drift(monitor, key, then)
    standing = next((one for one in server.monitors() if one.name == monitor), None)
    if standing is not None and standing.paused:
        st.warning(words("drift.paused", monitor=monitor, why=standing.paused))
    if drift.window is None:
        no_data(monitor)
        return
    status(drift)
    here = zone_of(st.context.timezone)
    st.caption(
        f"{words('drift.window')}: {local(drift.window.start, here)} – {local(drift.window.end, here)}, "
        f"{drift.window.rows:,} {words('rows')}. {words('zone', zone=st.context.timezone or 'UTC')}"
    )
    incidents = server.incidents(monitor, 50)
    if drift.features:
        comparison(drift, "live")
        _history(drift, key, incidents)
    listed(incidents, "incidents")


def _history(drift: Drift, key: str | None, incidents: Sequence[Incident]) -> None:
    """The chosen feature over the newest windows, and the furthest of each."""
    look, series = colours(), drift.series
    if not series.at:
        return
    colour_of = {"ok": look.good, "warning": look.warn, "critical": look.bad}
    rows = [
        {
            "t": millis(at),
            "utc": utc(at),
            "value": series.value[n],
            "feature": series.feature[n],
            "floor": series.floor[n],
            "colour": colour_of.get(series.severity[n], look.quiet),
        }
        for n, at in enumerate(series.at)
    ]
    limits = (drift.warning, drift.critical)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader(words("drift.history"), anchor=False)
        mine = [one for one in incidents if one.key == (None if drift.key == [] else drift.key)]
        behind = marks(mine, look, words, where().pages, rows)
        chart = draw_drift.levels(rows, limits, look, words, drift.method, behind)
        st.altair_chart(chart, key="live-history")
    with right:
        _one_feature(drift, key)


def _one_feature(drift: Drift, key: str | None) -> None:
    look = colours()
    names = [one.feature for one in drift.features]
    asked = st.session_state.get("live-feature")
    chosen = asked if asked in names else names[0]
    course = api().drift_features(drift.monitor, key)
    if chosen not in course.values:
        return
    colour_of = {"no_drift": look.good, "possible_drift": look.warn, "drift": look.bad}
    states = course.states[chosen]
    rows = [
        {
            "t": millis(at),
            "utc": utc(at),
            "value": course.values[chosen][n],
            "feature": chosen,
            "floor": None,
            "colour": colour_of.get(states[n], look.quiet),
        }
        for n, at in enumerate(course.at)
    ]
    st.subheader(words("drift.history.one", feature=chosen), anchor=False)
    chart = draw_drift.levels(rows, (drift.warning, drift.critical), look, words, drift.method)
    st.altair_chart(chart, key="live-history-one")


def _control(rule: Rule) -> None:
    """Start and stop, and made-up points."""
    offered = api().offered()
    inlet = next((one for one in offered.streams if one.name == rule.stream), None)
    start, stop, points = st.columns([1, 1, 6], vertical_alignment="bottom")
    if start.button(
        words("drift.start"), icon=":material/play_arrow:", help=words("drift.start.help"), key="start"
    ):
        _ask(rule.name, "resume")
    if stop.button(words("drift.stop"), icon=":material/pause:", help=words("drift.stop.help"), key="stop"):
        _ask(rule.name, "pause")
    with points.popover(words("drift.made_up"), icon=":material/science:"):
        _made_up(rule.stream, inlet)


def _ask(monitor: str, verb: str) -> None:
    try:
        api().ask_monitor(monitor, verb)
    except ClosedError as closed:
        st.error(words("may_not", why=str(closed)))
    else:
        st.toast(words("drift.asked", verb=verb, monitor=monitor))


def _made_up(stream: str, inlet: Inlet | None) -> None:
    if inlet is None or not inlet.synthetic:
        st.caption(words("drift.made_up.closed", stream=stream))
        return
    count = st.number_input(
        words("drift.made_up.count"), min_value=1, max_value=100_000, value=1000, step=500, key="made-up"
    )
    for name, moved in (("usual", False), ("moved", True)):
        if st.button(words(f"drift.made_up.{name}"), key=f"send-{name}"):
            _send(stream, int(count), drift=moved)


def _send(stream: str, count: int, *, drift: bool) -> None:
    try:
        sent = api().synthetic(stream, {"points": count, "drift": drift})
    except (ClosedError, RefusedError) as error:
        st.error(words("may_not", why=str(error)))
        return
    kind = words("drift.made_up.with" if drift else "drift.made_up.without")
    st.success(words("drift.made_up.sent", sent=sent.sent, kind=kind, to=sent.to))
