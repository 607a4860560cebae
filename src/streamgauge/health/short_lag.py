"""What a look can know of a lag when it is shorter than the window that `lag` asks for.

The detector judges from the first answer on, and its word is taken where it does not depend on how long one looked: nothing
is unread; nobody reads; offsets went back; the group is gone; records are lost or about to be. Whether a member that is behind
hangs, falls behind or is catching up shows in several commits only, which may be seconds or minutes apart: then the answer is
that it is not known, with what was seen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from streamgauge.config import Config
from streamgauge.config.models import MonitorConfig
from streamgauge.detectors.lag import Config as Lag

_SENTENCES = re.compile(r"(?:^| )(?=[A-Z]+: )")
_KNOWN_AT_ONCE = frozenset({"STOP", "REWIND", "GONE"})


def judged_at_once(config: Config) -> Config:
    """The configuration with each `lag` judging from the first answer on."""
    monitors = {name: _at_once(monitor) for name, monitor in config.monitors.items()}
    return config.model_copy(update={"monitors": monitors})


def _at_once(monitor: MonitorConfig) -> MonitorConfig:
    if not isinstance(monitor.detect, Lag):
        return monitor
    return monitor.model_copy(update={"detect": monitor.detect.model_copy(update={"minimum": 1})})


def too_short(detect: Lag, answers: int, verdict: Mapping[str, Any]) -> str | None:
    """Why a verdict after so many answers cannot be taken as it is; None where it can.

    Args:
        detect: as it was declared.
        answers: how many the look had.
        verdict: a line of the replay.
    """
    seen, measured = verdict["observed"], verdict["evidence"]
    if answers >= (detect.minimum or detect.intervals) or seen["status"] in _KNOWN_AT_ONCE:
        return None
    if seen["lag"] <= detect.allowed_lag or seen.get("lost"):
        return None
    if _about_to_go(detect, seen.get("lag_seconds"), measured.get("expires_in_seconds")):
        return None
    if answers < 2:
        return "one answer does not show whether it moves"
    read = measured.get("read_per_second") or 0.0
    moved = f"it moved ({read:g} a second)" if read else "it did not move"
    return f"{moved} between {answers} answers; that is too short to tell more"


def _about_to_go(detect: Lag, seconds: float | None, expires: float | None) -> bool:
    """Whether first unread records have used up as much of their retention as `lag` warns of."""
    if seconds is None or expires is None or seconds + expires <= 0:
        return False
    return seconds / (seconds + expires) >= detect.risk


def what_to_do(description: str, observed: Mapping[str, Any]) -> str:
    """Of a description that has a sentence per status those that fit; all of it where none does.

    >>> said = "STOP: start it. STALL: look at its record. LOST: keep more."
    >>> what_to_do(said, {"status": "STALL", "lost": 0}), what_to_do(said, {"status": "WARN", "lost": 3})
    ('STALL: look at its record.', 'LOST: keep more.')
    >>> what_to_do("ask Ann", {"status": "STOP"})
    'ask Ann'
    """
    names = {observed["status"], *(["LOST"] if observed.get("lost") else [])}
    fitting = [one for one in _SENTENCES.split(description) if one.partition(":")[0] in names]
    return " ".join(fitting) or description
