"""The way from an incident to the analysis app: its page for such a monitor, with monitor, key and time chosen.

What an address of the app may name is written down in ``docs/analysis-app.md``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlencode

from streamgauge.channels.posting import is_http_url
from streamgauge.clock import SECOND, iso
from streamgauge.config.models import Config
from streamgauge.incident import Incident
from streamgauge.server.offered import family_of
from streamgauge.server.pages.rendering import key_words

ADDRESS = "STREAMGAUGE_UI_URL"
"""The environment's name for where people reach the app; without it there are no links to it."""
BEFORE, AFTER = 20, 10
"""Windows that are shown before and after an incident, at least a minute each."""
MINUTE = 60 * SECOND
_PAGES = {"drift": "", "quality": "quality"}
"""By family; the app's first page has no name of its own."""


def link(config: Config, incident: Incident, environment: Mapping[str, str] = os.environ) -> str | None:
    """Where the app shows what an incident is about; None where it shows nothing of it, or nobody said where it is."""
    address = environment.get(ADDRESS, "").strip().rstrip("/")
    monitor = config.monitors.get(incident.monitor)
    if monitor is None or not is_http_url(address):
        return None
    family = family_of(None if monitor.detect is None else monitor.detect.type)
    if family not in _PAGES and monitor.window is None:
        return None  # it judges single records or gaps: there are no windows to look at
    page = _PAGES.get(family or "", "anomalies")
    start, end = _span(incident, one_window=family == "drift")
    asked = {
        "monitor": incident.monitor,
        "key": key_words(incident.key),
        "from": iso(start),
        "to": iso(end),
    }
    return f"{address}/{page}?{urlencode({name: text for name, text in asked.items() if text})}"


def _span(incident: Incident, *, one_window: bool) -> tuple[int, int | None]:
    """From a while before it began to a while after it ended; while it goes on, to the present.

    ``one_window``: to the end of the last window that fired, which is the one that the page shows.
    """
    opened = incident.opened_at
    start, end = incident.window_start or opened, incident.last_end or incident.window_end or opened
    width = (incident.window_end or opened) - start
    first, over = start - max(BEFORE * width, MINUTE), incident.resolved_at
    if over is None:
        return first, None
    return first, end + 1_000 if one_window else max(over, end) + max(AFTER * width, MINUTE)
