"""Part of the Drift page: a comparison drawn, whoever made it; and two files compared without a server."""

from __future__ import annotations

import streamlit as st

from streamgauge.dashboard import draw_drift
from streamgauge.dashboard.answers import Drift, Feature
from streamgauge.dashboard.frame import colours, words
from streamgauge.dashboard.two_files import ENDINGS, METHODS, Asked, Upload, columns_of, compared, table_of
from streamgauge.errors import StreamgaugeError


def comparison(drift: Drift, name: str) -> None:
    """Features by score, and one of them by its histograms; ``name`` sets widgets apart."""
    look = colours()
    left, right = st.columns([1, 1], gap="large")
    with left:
        st.subheader(words("drift.features", method=drift.method), anchor=False)
        limits = (drift.warning, drift.critical)
        st.altair_chart(draw_drift.by_score(drift.features, limits, look, words), key=f"{name}-features")
        st.caption(words("drift.features.note"))
    with right:
        names = [one.feature for one in drift.features]
        chosen = st.selectbox(words("drift.feature"), names, key=f"{name}-feature")
        feature = next((one for one in drift.features if one.feature == chosen), drift.features[0])
        _feature(feature, name)


def _feature(feature: Feature, name: str) -> None:
    look = colours()
    st.subheader(words("drift.histogram", feature=feature.feature), anchor=False)
    if feature.masked:
        st.info(words("drift.masked", feature=feature.feature))
        return
    if feature.bins:
        moved = [str(one.get("bin", "")) for one in feature.moved]
        st.altair_chart(draw_drift.histogram(feature.bins, moved, look, words), key=f"{name}-histogram")
    for whose, moments in (feature.moments or {}).items():
        mean, deviation = (_number(moments.get(part)) for part in ("mean", "deviation"))
        st.metric(words(f"drift.{whose}"), words("drift.moments", mean=mean, deviation=deviation))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def files() -> None:
    """Two files, chosen and compared; no server is asked."""
    st.caption(words("files.lead"))
    left, right = st.columns(2)
    reference = left.file_uploader(
        words("files.reference"), type=[*ENDINGS, "reference"], key="reference", help=words("files.help")
    )
    current = right.file_uploader(
        words("files.current"), type=list(ENDINGS), key="current", help=words("files.help")
    )
    if reference is None or current is None:
        st.info(words("files.need"), icon=":material/upload_file:")
        return
    try:
        before = _read(Upload(reference.name, reference.getvalue()))
        now = _read(Upload(current.name, current.getvalue()))
        asked = _asked(columns_of(before))
        drift, extra = compared(before, now, asked)
    except StreamgaugeError as error:
        st.error(words("files.bad", why=str(error)))
        return
    status(drift)
    if extra:
        st.caption(words("files.not_compared", names=", ".join(extra)))
    comparison(drift, "files")


def _read(upload: Upload):  # type: ignore[no-untyped-def]  # noqa: ANN202  a frame, or a reference
    table, unreadable = table_of(upload)
    if unreadable:
        st.caption(words("files.unread", name=upload.name, lines=unreadable))
    return table


def _asked(columns: list[str]) -> Asked:
    first, second, third, fourth = st.columns([2, 4, 1, 1])
    return Asked(
        first.selectbox(words("files.method"), METHODS, key="method"),
        second.multiselect(words("files.features"), columns, key="features"),
        third.number_input(
            words("files.warning"),
            value=None,
            min_value=0.0,
            key="warning",
            placeholder=words("files.default"),
        ),
        fourth.number_input(
            words("files.critical"),
            value=None,
            min_value=0.0,
            key="critical",
            placeholder=words("files.default"),
        ),
    )


def status(drift: Drift) -> None:
    """How it stands, in one line of numbers."""
    worst = drift.features[0] if drift.features else None
    first, second, third = st.columns(3)
    first.metric(words("drift.status"), words(f"severity.{drift.severity}"))
    share = "–" if drift.drifted is None else f"{drift.drifted:.0%}"
    second.metric(words("drift.share"), share)
    third.metric(words("drift.worst"), "–" if worst is None else f"{worst.feature}: {_number(worst.value)}")
