"""What came beside what was expected, per key, and what is expected next; the model chosen, and why."""

from __future__ import annotations

import streamlit as st

from streamgauge.dashboard import draw
from streamgauge.dashboard.answers import Ahead, Forecast
from streamgauge.dashboard.axes import Rows
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
from streamgauge.dashboard.moments import millis, span_text, utc
from streamgauge.dashboard.views.incidents import listed

MODELS = ("auto", "seasonal_median", "holt_winters", "theta", "seasonal_naive", "fourier", "level", "median")
INTERVALS = (0.5, 0.8, 0.9, 0.95, 0.99)


def show() -> None:
    """The page."""
    head("forecast")
    first, second, third = st.columns([3, 3, 2])
    with first:
        rule = chosen_monitor((None, "series", "estimated"), "none.series")
    if rule is None:
        return
    value, asked = _other_value(rule.name), _asked()
    with second:
        found = of_chosen_key(
            lambda key: api().forecast(rule.name, key, value=value, **asked), together=False
        )
    if not found.values or not found.past.at:
        no_data(rule.name)
        return
    if value is None:
        st.session_state[f"drawn-{rule.name}"] = found.value
    with third:
        index = found.values.index(found.value) if found.value in found.values else 0
        st.selectbox(words("value"), found.values, index=index, key=f"value-{rule.name}")
    if found.ahead is None:
        st.info(words("none.known", known=found.known, least=found.least), icon=":material/hourglass_empty:")
    else:
        _summary(found)
    _chart(found)
    _tests(found)
    listed(found.incidents, "incidents")


def _other_value(monitor: str) -> str | None:
    """The value that the reader chose; None for the one that the server takes by itself."""
    chosen: str | None = st.session_state.get(f"value-{monitor}")
    return None if chosen == st.session_state.get(f"drawn-{monitor}") else chosen


def _asked() -> dict[str, object]:
    first, second, third = st.columns(3)
    return {
        "model": first.selectbox(
            words("forecast.model"),
            MODELS,
            key="model",
            format_func=lambda name: words("forecast.auto") if name == "auto" else name.replace("_", " "),
        ),
        "steps": int(
            second.number_input(words("forecast.steps"), min_value=1, max_value=1000, value=24, key="steps")
        ),
        "interval": third.selectbox(
            words("forecast.interval"),
            INTERVALS,
            index=2,
            key="interval",
            format_func=lambda one: f"{one:.0%}",
        ),
    }


def _summary(found: Forecast) -> None:
    first, second, third = st.columns([4, 3, 3])
    first.metric(words("forecast.chosen"), (found.model or "–").replace("_", " "))
    error = found.errors.get(found.model or "")
    second.metric(words("forecast.error"), "–" if error is None else f"{error:.4g}")
    if found.ahead is not None and found.step_seconds:
        third.metric(
            words("forecast.steps"),
            words("forecast.ahead", steps=len(found.ahead.at), step=span_text(found.step_seconds)),
        )
    _came_out(found)


def _came_out(found: Forecast) -> None:
    """How the newest values came out against what was foretold of them."""
    score = found.coverage
    if not score or score.get("share") is None:
        return
    told = words("forecast.coverage.help", inside=score["inside"], of=score["of"], interval=found.interval)
    first, second, third = st.columns([4, 3, 3])
    first.metric(words("forecast.coverage"), f"{score['share']:.0%}", help=told)
    for place, name in ((second, "mae"), (third, "rmse")):
        number = score.get(name)
        place.metric(
            words(f"forecast.{name}"),
            "–" if number is None else f"{number:.4g}",
            help=words(f"forecast.{name}.help", of=score["of"]),
        )


def _chart(found: Forecast) -> None:
    past = draw.course_rows(found.past, found.value)
    look = (colours(), series_colours())
    of = (found.value or "", where().pages)
    chart = draw.ahead(past, (_rows(found.back), _rows(found.ahead)), found.incidents, look, words, of)
    st.altair_chart(chart, key="forecast")
    st.caption(words("zone", zone=st.context.timezone or "UTC"))


def _rows(part: Ahead | None) -> Rows:
    if part is None:
        return []
    columns = zip(part.at, part.expected, part.lower, part.upper, strict=True)
    return [
        {"t": millis(at), "utc": utc(at), "expected": expected, "lower": lower, "upper": upper}
        for at, expected, lower, upper in columns
    ]


def _tests(found: Forecast) -> None:
    if found.ahead is None:
        return
    if not found.errors:
        st.caption(words("forecast.tests.none"))
        return
    st.subheader(words("forecast.tests", cuts=found.cuts), anchor=False)
    rows = [{"name": name.replace("_", " "), "value": error} for name, error in found.errors.items()]
    st.altair_chart(draw.bars(rows, (found.model or "").replace("_", " "), colours()), key="tests")
