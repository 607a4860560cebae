"""Which channels hear of an incident."""

from __future__ import annotations

from collections.abc import Sequence

from streamgauge.incident import Incident, Notice


def route(incident: Incident, channels: Sequence[str]) -> list[Notice]:
    """One notice per channel; ``incident.notices`` says which notice of the incident this is."""
    return [Notice(incident, incident.notices, channel) for channel in channels]
