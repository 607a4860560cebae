"""Monitors that people have pause, and take part again: committed before it is answered, like every other act."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streamgauge.engines.embedded.ledger import Ledger
from streamgauge.engines.embedded.mishaps import Mishaps
from streamgauge.incidents.actions import Attend, Refusal
from streamgauge.plan import Plan

BY_HAND = "paused by hand"
"""The reason on a monitor that people have pause."""


class Attendance:
    """Who takes part, for one turn: made anew for each, as what it writes to is.

    Args:
        plan: what runs.
        paused: monitors that take no part, and why.
        ledger, mishaps: where it is noted.

    Attributes:
        changed: whether somebody pauses or takes part anew, so that all begins again after the commit.
    """

    def __init__(self, plan: Plan, paused: Mapping[str, str], ledger: Ledger, mishaps: Mishaps) -> None:
        self.changed = False
        self._plan = plan
        self._paused = dict(paused)
        self._ledger = ledger
        self._mishaps = mishaps

    def attend(self, asked: Attend) -> dict[str, Any]:
        """Have a monitor pause, or take part; how it stands then. What it does already is no change.

        Raises:
            Refusal: nobody runs it.
        """
        name = asked.monitor
        if name not in self._plan.monitors:
            raise Refusal(f"there is no monitor {name!r} in what runs", missing=True)
        if asked.verb == "pause" and name not in self._paused:
            self._paused[name] = f"{BY_HAND}: {asked.who}" if asked.who else BY_HAND
            self._ledger.pause(name, self._paused[name])
            self.changed = True
        elif asked.verb == "resume" and name in self._paused:
            del self._paused[name]
            self._ledger.pause(name, None)
            self._mishaps.resumed(name)
            self.changed = True
        return {"monitor": name, "paused": self._paused.get(name)}
