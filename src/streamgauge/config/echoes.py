"""Alerts of Prometheus that come back to where they are already."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from streamgauge.config.document import Path
from streamgauge.config.telling import channels_of

if TYPE_CHECKING:
    from streamgauge.config.models import Config

_ALERTS = re.compile(r"\bALERTS\b")


def check_echoes(config: Config, warn: Callable[[Path, str], None]) -> None:
    """Warn of monitors that hear alerts of a Prometheus and tell them an Alertmanager, which has them from there."""
    for name, monitor in config.monitors.items():
        stream = config.streams.get(config.origin_of(name))
        asked = getattr(stream.source, "asked", {}) if stream is not None else {}
        if not any(_ALERTS.search(expression) for expression in asked.values()):
            continue
        told = config.notified(monitor) or channels_of(config.route)
        twice = [
            one for one in told if one in config.channels and config.channels[one].type == "alertmanager"
        ]
        if twice:
            warn(
                ("monitors", name),
                f"what Prometheus alerts of goes to its Alertmanager already; by `{twice[0]}` it comes there twice: let this "
                "monitor `notify` another channel",
            )
