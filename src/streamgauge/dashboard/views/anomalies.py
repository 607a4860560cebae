"""A monitor's series as it was judged, its incidents, and what another rule would have told of the same past."""

from __future__ import annotations

from typing import Any

import streamlit as st
import yaml

from streamgauge.dashboard import draw
from streamgauge.dashboard.answers import History, Incident, Replayed, Rule
from streamgauge.dashboard.api import ClosedError, RefusedError
from streamgauge.dashboard.frame import (
    api,
    chosen_monitor,
    colours,
    head,
    no_data,
    note_of,
    of_chosen_key,
    where,
    words,
)
from streamgauge.dashboard.moments import millis, parsed, utc
from streamgauge.dashboard.span import chosen_span
from streamgauge.dashboard.views.incidents import listed

LASTS = ("5m", "15m", "1h", "6h", "24h")


def show() -> None:
    """The page."""
    head("anomalies")
    first, second, third, fourth = st.columns([3, 3, 2, 2])
    below = st.container()
    with first:
        rule = chosen_monitor((None, "series", "estimated"), "none.series")
    if rule is None:
        return
    with fourth:
        span = chosen_span(below)
    with second:
        history = of_chosen_key(lambda key: api().history(rule.name, key, span))
    if not history.windows:
        no_data(rule.name)
        _try(rule, None)
        return
    with third:
        names = list(history.series.values)
        index = names.index(history.drawn) if history.drawn in names else 0
        value = st.selectbox(words("value"), names, index=index, key=f"value-{rule.name}")
    _series(history, value)
    listed(history.incidents, "incidents")
    _try(rule, value)


def _series(history: History, value: str | None) -> None:
    rows = draw.course_rows(history.series, value)
    name = value or words("value")
    limit = history.limit if value == history.drawn else None
    st.subheader(words("anomalies.series", value=name), anchor=False)
    of = (name, limit, where().pages)
    st.altair_chart(draw.course(rows, history.incidents, colours(), words, of), key="series")
    if any(row["score"] is not None for row in rows):
        st.caption(words("anomalies.scores"))
        st.altair_chart(draw.scores(rows, colours(), words), key="scores")
    note_of(history)


def _try(rule: Rule, value: str | None) -> None:
    """Another rule on this very history."""
    with st.expander(words("anomalies.try"), icon=":material/science:", key="try"):
        st.caption(words("anomalies.try.note"))
        with st.form("draft", border=False):
            text = st.text_area(
                words("anomalies.draft"), value=rule.draft, height=240, key=f"draft-{rule.name}"
            )
            last = st.selectbox(words("anomalies.last"), LASTS, index=2, key="last")
            asked = st.form_submit_button(words("anomalies.run"), icon=":material/replay:")
        if asked:
            st.session_state["replayed"] = _replayed(rule.name, text, last)
        found = st.session_state.get("replayed")
        if isinstance(found, Replayed) and found.monitors == [rule.name]:
            _compare(found, value)


def _replayed(monitor: str, text: str, last: str) -> Replayed | None:
    """What the draft would have told; what goes wrong is said."""
    try:
        draft = yaml.safe_load(text)
    except yaml.YAMLError as error:
        st.error(words("anomalies.bad_yaml", why=str(error)))
        return None
    try:
        return api().replay({"monitor": monitor, "draft": draft, "last": last})
    except ClosedError as closed:
        st.error(words("may_not", why=str(closed)))
    except RefusedError as refused:
        st.error(words("refused", why=str(refused)))
    return None


def _compare(found: Replayed, value: str | None) -> None:
    st.markdown(
        words(
            "anomalies.replayed",
            records=found.records,
            windows=found.windows,
            seconds=found.seconds,
            total=found.incidents_total,
        )
    )
    if found.truncated:
        st.warning(words("anomalies.truncated", why=found.truncated))
    for column, name in zip(st.columns(3), ("same", "only_draft", "only_running"), strict=True):
        column.metric(words(f"anomalies.{name}"), getattr(found.compared, name))
    rows = windows_of(found, value)
    if rows:
        of = (value or "", None, where().pages)
        st.altair_chart(draw.course(rows, found.incidents, colours(), words, of), key="replayed-series")
    told = [
        *(_row(one, words("anomalies.draft.short")) for one in found.incidents),
        *(_row(one, words("anomalies.running.short")) for one in found.fired),
    ]
    if told:
        here = st.context.timezone or "UTC"
        moment = st.column_config.DatetimeColumn(
            words("incident.opened"), timezone=here, format="YYYY-MM-DD HH:mm:ss"
        )
        names: Any = {"who": words("anomalies.who"), "what": words("incident.title"), "opened": moment}
        st.dataframe(
            sorted(told, key=lambda row: str(row["opened"])), hide_index=True, column_config=names, key="told"
        )


def windows_of(found: Replayed, value: str | None) -> list[dict[str, Any]]:
    """The draft's windows as rows of a chart; none where it has several keys, or no such value."""
    keys = {str(line.get("key")) for line in found.windows_lines}
    if len(keys) != 1:
        return []
    rows = []
    for line in found.windows_lines:
        number = line.get("values", {}).get(value)
        if isinstance(number, int | float) and not isinstance(number, bool):
            empty = dict.fromkeys(("lower", "upper", "expected", "score"))
            rows.append(
                {"t": millis(line["end"]), "utc": utc(line["end"]), "value": number, "min": number, "max": number,
                 "severity": "ok", "windows": 1, **empty}
            )  # fmt: skip
    return rows


def _row(one: Incident, who: str) -> dict[str, Any]:
    return {"opened": parsed(one.opened_at), "who": who, "severity": one.severity, "what": one.title}
