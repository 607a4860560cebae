"""What stands around every page: who asks, what is said while the server is away, which monitor, key and time.

A page asks :func:`api` and lets its errors pass: :func:`framed` says them and goes on by itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import httpx
import msgspec
import streamlit as st

from streamgauge.dashboard import reach, theme
from streamgauge.dashboard.answers import Forecast, History, Key, KeyOf, Quality, Rule
from streamgauge.dashboard.api import PATIENCE, Api, AwayError, ClosedError, RefusedError
from streamgauge.dashboard.memory import Memory
from streamgauge.dashboard.moments import zone_of
from streamgauge.dashboard.words import say

PULSE = 2.0
"""Seconds between two looks whether the server is there."""
NOBODY = ("null", "[]")
"""The texts of the one key of a monitor that tells none apart."""

Told = TypeVar("Told", History, Forecast, Quality)


def words(name: str, /, **values: Any) -> str:
    """The text of ``name`` in the reader's language."""
    return say(name, st.context.locale or "en", **values)


def colours() -> theme.Palette:
    """Of the scheme that the reader sees."""
    return theme.palette(st.context.theme.type)


def series_colours() -> tuple[str, ...]:
    """Likewise, for several series."""
    return theme.series(st.context.theme.type)


def zone() -> Any:
    """The reader's time zone."""
    return zone_of(st.context.timezone)


def where() -> reach.Reach:
    """Where the server is."""
    return reach.from_environment(os.environ)


def api() -> Api:
    """The server, asked as this reader.

    Raises:
        ClosedError: others reach this app, and the reader has not said who they are.
    """
    place = where()
    token = st.session_state.get("token", "") or place.token
    if place.shared and not token:
        raise ClosedError(words("token.needed"), forbidden=False)
    memory: Memory = st.session_state.setdefault("answers", Memory())
    return Api(place.api, token, _client(), memory)


def page_of(incident: str | None) -> str | None:
    """Where the page of an incident is."""
    return None if incident is None else f"{where().pages}/incidents/{incident}"


def framed(show: Callable[[], None], *, pulse: bool = True) -> None:
    """Show a page, or a part of one; say what goes wrong with the server, and go on when it is well again.

    ``pulse``: look by itself whether the server has come or gone; once per page.
    """
    try:
        show()
    except AwayError as away:
        st.session_state["away"] = True
        st.error(words("away", url=where().api), icon=":material/cloud_off:")
        st.markdown(words("away.how"))
        st.caption(words("away.why", why=str(away)))
    except ClosedError as closed:
        _ask_token(closed)
    except RefusedError as refused:
        st.error(words("refused", why=str(refused)))
    else:
        if st.session_state.pop("away", False):
            st.toast(words("back"))
    if pulse:
        _pulse()


@st.fragment(run_every=PULSE)
def _pulse() -> None:
    """Show the page anew when the server has come or gone."""
    there = Api(where().api, "", _client()).is_there()
    if there == bool(st.session_state.get("away", False)):
        st.session_state["away"] = not there
        st.rerun()


@st.cache_resource
def _client() -> httpx.Client:
    """One for all readers: connections, and no token."""
    return httpx.Client(timeout=PATIENCE)


def _ask_token(closed: ClosedError) -> None:
    if closed.forbidden:
        st.warning(words("may_not", why=str(closed)))
    with st.form("who", border=True):
        st.subheader(words("token.title"))
        st.markdown(words("token.why"))
        if not closed.forbidden:
            st.caption(words("token.said", why=str(closed)))
        token = st.text_input(words("token.label"), type="password", autocomplete="off")
        if st.form_submit_button(words("token.use")) and token:
            st.session_state["token"] = token.strip()
            st.session_state.pop("answers", None)
            st.rerun()


def head(name: str) -> None:
    """Title and first line of a page."""
    st.title(words(name), anchor=False)
    st.caption(words(f"{name}.lead"))


def chosen_monitor(families: Sequence[str | None], none: str) -> Rule | None:
    """The monitor that the reader looks at, kept in the address; None: there is none, which is said."""
    rules = [rule for rule in api().offered().monitors if rule.family in families]
    if not rules:
        st.info(words("none.monitors"), icon=":material/info:")
        st.markdown(words(none))
        return None
    names = {rule.name: rule for rule in rules}
    return names[st.selectbox(words("monitor"), list(names), key="monitor", bind="query-params")]


def chosen_key(keys: Sequence[KeyOf], *, together: bool = True) -> str | None:
    """The key that the reader looks at, kept in the address; None: all together."""
    if not keys or (len(keys) == 1 and keys[0].text in NOBODY):
        return None
    labels = {key.text: key.label or key.text for key in keys}
    texts: list[str | None] = [*([None] if together else []), *labels]
    return st.selectbox(
        words("key"),
        texts,
        key="key",
        bind="query-params",
        format_func=lambda text: words("key.all") if text is None else labels[text],
    )


def of_chosen_key(ask: Callable[[str | None], Told], *, together: bool = True) -> Told:
    """What is told of the key that the reader looks at.

    The answer also says which keys there are, so it is asked for first, by the key that was looked at last or that the
    address names; only where there is no such key is it asked for again.
    """
    written: dict[str | None, str | None] = st.session_state.setdefault("keys-as-written", {})
    wanted = st.session_state.get("key", st.query_params.get("key"))
    asked = written.get(wanted, wanted)  # as the address wrote it, so that it is the same question again
    found = ask(asked)
    key = chosen_key(found.keys, together=together)
    if not _same(found.key, key):
        return ask(key)
    if asked is not None:
        written[key] = asked
    return found


def _same(told: Key, text: str | None) -> bool:
    """Whether an answer is about the key of this text."""
    try:
        return told == (None if text is None else msgspec.json.decode(text))
    except msgspec.DecodeError:
        return False


def no_data(monitor: str) -> None:
    """What to do where nothing has come yet."""
    st.info(words("none.data"), icon=":material/hourglass_empty:")
    st.markdown(words("none.data.how", monitor=monitor))


def note_of(history: History) -> None:
    """How many windows a chart stands for, and whose times it shows."""
    from streamgauge.dashboard.moments import parsed, span_text

    if history.bucket_seconds is None or history.start is None or history.end is None:
        text = words("not_thinned", windows=history.windows)
    else:
        points = len(history.series.at)
        each = (parsed(history.end) - parsed(history.start)).total_seconds() / max(1, points)
        # Of many keys' windows that end together a point holds more than its share of the time.
        seconds = span_text(max(history.bucket_seconds, each))
        text = words("thinned", windows=history.windows, points=points, seconds=seconds)
    st.caption(f"{text} {words('zone', zone=st.context.timezone or 'UTC')}")
