"""A draft that was tried, as a part of its monitor's page: what would have fired beside what fired."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from streamgauge.keys import key_from_plain, key_text
from streamgauge.server.history import label, limit_in
from streamgauge.server.pages import charts
from streamgauge.server.pages.rendering import read_moment

LISTED = 50
"""Incidents of each side that are listed, the newest."""


def shown(found: Mapping[str, Any]) -> dict[str, Any]:
    """What the template needs of an answer of :meth:`~streamgauge.server.replay.Trials.tried`."""
    key = _key(found)
    return {
        "found": found,
        "start": read_moment(found["start"]),
        "end": read_moment(found["end"]),
        "would": _listed(found["incidents"]),
        "did": _listed(found["fired"]),
        "most": LISTED,
        "key": label(key) if key is not None else "",
        "picture": Markup("") if key is None else _picture(found, key),
    }


def _listed(incidents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "key": incident["key"],
            "severity": incident["severity"],
            "at": read_moment(incident["opened_at"]),
            "end": read_moment(incident["resolved_at"]),
            "observed": incident["observed"],
        }
        for incident in incidents[-LISTED:][::-1]
    ]


def _key(found: Mapping[str, Any]) -> str | None:
    """The key that is drawn: one that would fire, else one that fired, else any."""
    for part in ("incidents", "fired", "windows_lines"):
        if found[part]:
            return key_text(key_from_plain(found[part][-1]["key"]))
    return None


def _picture(found: Mapping[str, Any], key: str) -> Markup:
    mine = [one for one in found["windows_lines"] if key_text(key_from_plain(one["key"])) == key]
    mine.sort(key=lambda one: str(one["end"]))
    names = [name for one in mine[:1] for name, value in one["values"].items() if _is_number(value)]
    if not names or len(mine) < 2:
        return Markup("")
    sides = [
        [one for one in found[part] if key_text(key_from_plain(one["key"])) == key]
        for part in ("incidents", "fired")
    ]
    newest = next((side[-1] for side in sides if side), None)
    observed = newest["observed"] if newest else {}
    name = next((name for name in observed if name in names), names[0])
    times = [read_moment(one["end"]) or 0 for one in mine]
    values = [float(v) if _is_number(v := one["values"].get(name)) else math.nan for one in mine]
    expected = sides[0][-1]["expected"] if sides[0] else None
    return charts.line(
        charts.Series(
            f"{name} of {label(key)}, per window of the draft",
            times,
            values,
            limit=limit_in(expected, name),
            marks=_stretches(sides[0], times),
            beside=_stretches(sides[1], times),
        )
    )


def _stretches(incidents: Sequence[Mapping[str, Any]], times: Sequence[int]) -> list[tuple[int, int]]:
    found = []
    for incident in incidents:
        start = read_moment(incident["window_start"]) or read_moment(incident["opened_at"]) or times[0]
        end = read_moment(incident["last_window_end"]) or read_moment(incident["window_end"]) or start
        if end > times[0]:
            found.append((max(start, times[0]), end))
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
