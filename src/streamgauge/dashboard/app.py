"""What Streamlit runs: the pages, one look, one place where troubles are said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from streamgauge.dashboard.frame import framed, where, words
from streamgauge.dashboard.views import anomalies, drift, explore, forecast, quality

SIGN = Path(__file__).parent.parent / "server" / "pages" / "static" / "gauge.svg"
FIRST = "drift"
PAGES: dict[str, tuple[Callable[[], None], str]] = {
    "drift": (drift.show, ":material/compare_arrows:"),
    "forecast": (forecast.show, ":material/trending_up:"),
    "anomalies": (anomalies.show, ":material/monitor_heart:"),
    "quality": (quality.show, ":material/fact_check:"),
    "explore": (explore.show, ":material/table_view:"),
}  # by the name that stands in the address: what shows it, and its sign


def main() -> None:
    """One run of the script: one page, for one reader."""
    st.set_page_config(page_title=words("app"), page_icon=str(SIGN), layout="wide")
    st.logo(str(SIGN), link=where().pages, size="large")
    pages = [
        st.Page(show, title=words(name), icon=icon, url_path=name, default=name == FIRST)
        for name, (show, icon) in PAGES.items()
    ]
    page = st.navigation(pages, position="top")
    framed(page.run)
    st.caption(f"[{words('pages.link')}]({where().pages})")


main()
