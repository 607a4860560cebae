"""The list of incidents below a chart, each with a link to its page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from streamgauge.dashboard.answers import Incident
from streamgauge.dashboard.frame import page_of, words
from streamgauge.dashboard.moments import parsed

MOST = 50


def listed(incidents: Sequence[Incident], name: str) -> None:
    """Newest first; ``name`` is the list's own."""
    st.subheader(words("incidents"), anchor=False)
    if not incidents:
        st.caption(words("incidents.none"))
        return
    here = st.context.timezone or "UTC"
    rows: list[dict[str, Any]] = [
        {
            "page": page_of(one.id),
            "opened": parsed(one.opened_at),
            "severity": one.severity,
            "what": one.title,
            "state": one.state,
            "resolved": None if one.resolved_at is None else parsed(one.resolved_at),
        }
        for one in sorted(incidents, key=lambda one: one.opened_at, reverse=True)[:MOST]
    ]
    moment: Any = {"timezone": here, "format": "YYYY-MM-DD HH:mm:ss"}
    st.dataframe(
        rows,
        hide_index=True,
        placeholder="",
        key=name,
        column_config={
            "page": st.column_config.LinkColumn(words("incident.open"), display_text="↗", width="small"),
            "opened": st.column_config.DatetimeColumn(words("incident.opened"), **moment),
            "severity": st.column_config.TextColumn(words("severity"), width="small"),
            "what": st.column_config.TextColumn(words("incident.title"), width="large"),
            "state": st.column_config.TextColumn(words("incident.state"), width="small"),
            "resolved": st.column_config.DatetimeColumn(words("incident.lasted"), **moment),
        },
    )
