"""From when to when a page looks: chosen by the reader, or named by the address as ``from`` and ``to``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import streamlit as st

from streamgauge.dashboard.frame import words, zone
from streamgauge.dashboard.memory import FRESH
from streamgauge.dashboard.moments import iso, parsed

Span: TypeAlias = tuple[str | None, str | None]
"""As the API takes it: ISO moments, None where it has no end."""

FROM, TO = "from", "to"
"""Names in the address."""
ALL, OWN = "all", "own"
LASTS: dict[str, timedelta] = {
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "24h": timedelta(hours=24),
}
_FIRST, _LAST, _WHICH, _TAKEN = "span-from", "span-to", "span", "span-taken"
"""What the session keeps: the widgets' values, and the address whose span was taken over already."""
_MINUTE = timedelta(minutes=1)


def chosen_span(place: Any) -> Span:
    """From when to when; the reader's own bounds stand in the address, so that a link leads to them.

    ``place``: the container in which they are asked for.
    """
    _take_over(named())
    name = st.selectbox(
        words("span"), [ALL, *LASTS, OWN], format_func=lambda one: words(f"span.{one}"), key=_WHICH
    )
    if name != OWN:
        _put_down(None)
        return (None, None) if name == ALL else (_since(LASTS[name], datetime.now(UTC)), None)
    here = zone()
    local = datetime.now(UTC).astimezone(here).replace(tzinfo=None, second=0, microsecond=0)
    st.session_state.setdefault(_FIRST, local - timedelta(hours=1))
    st.session_state.setdefault(_LAST, local + _MINUTE)
    _, first, last = place.columns([6, 2, 2])
    start = first.datetime_input(words("span.from"), key=_FIRST, step=_MINUTE)
    end = last.datetime_input(words("span.to"), key=_LAST, step=_MINUTE)
    span = (iso(start.replace(tzinfo=here)), iso(end.replace(tzinfo=here)))
    _put_down(span)
    return span


def named() -> Span:
    """The bounds that the address names; what is no moment counts as not named."""
    return _moment(st.query_params.get(FROM)), _moment(st.query_params.get(TO))


def forget() -> None:
    """Take the bounds out of the address."""
    _put_down(None)


def _moment(text: str | None) -> str | None:
    try:
        return None if text is None else iso(parsed(text))
    except (ValueError, OverflowError):
        return None


def _since(last: timedelta, now: datetime) -> str:
    """The beginning, in steps: the same question a moment later is the same."""
    return iso(datetime.fromtimestamp((now - last).timestamp() // FRESH * FRESH, UTC))


def _take_over(span: Span) -> None:
    """What the address names becomes what is chosen, once: the reader may choose something else afterwards."""
    if span == (None, None) or st.session_state.get(_TAKEN) == span:
        return
    here = zone()
    start, end = (None if text is None else parsed(text) for text in span)
    end = end or datetime.now(UTC)
    start = start or end - timedelta(hours=1)
    st.session_state[_WHICH] = OWN
    first, last = (moment.astimezone(here).replace(tzinfo=None) for moment in (start, end))
    st.session_state[_FIRST] = first.replace(second=0, microsecond=0)
    st.session_state[_LAST] = last.replace(second=0, microsecond=0) + _MINUTE
    st.session_state[_TAKEN] = span


def _put_down(span: Span | None) -> None:
    """Into the address, or out of it."""
    st.session_state[_TAKEN] = span
    for name, text in zip((FROM, TO), span or (None, None), strict=True):
        if text is None and name in st.query_params:
            del st.query_params[name]
        elif text is not None and st.query_params.get(name) != text:
            st.query_params[name] = text
