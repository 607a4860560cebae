"""How many notices a channel gets: beyond the limit a storm becomes one incident with a summary per period.

Nothing is dropped silently: what is held back is counted and told in the summary, and stands in the list of incidents.
Ends of what was told by itself are never held back, and neither are the notices of groups, which are few.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from streamgauge.incident import Incident, IncidentState
from streamgauge.incidents.group import SHOWN, brief, counted


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``notices`` in each ``per`` microseconds, for each channel."""

    notices: int
    per: int


@dataclass(frozen=True, slots=True)
class Tally:
    """What one channel got in the present period. Moments are wall clock, microseconds.

    Attributes:
        channel: its name.
        since: when the period began.
        sent: notices that left.
        began, ended: how many were held back.
        shown: the first few of them.
        storm: when the storm began that is going on; None: there is none.
        n: how many notices told of the storm.
    """

    channel: str
    since: int
    sent: int = 0
    began: int = 0
    ended: int = 0
    shown: tuple[Mapping[str, Any], ...] = ()
    storm: int | None = None
    n: int = 0

    @property
    def name(self) -> str:
        """What the store calls it."""
        return limit_name(self.channel)


def limit_name(channel: str) -> str:
    """What the store, and incidents told there, call the summary of a channel."""
    return f"limit:{channel}"


def admitted(tally: Tally, limit: Limit, now: int) -> Tally | None:
    """The tally with one more notice sent; None: it is to be held back."""
    if now >= tally.since + limit.per and tally.storm is None and not held(tally):
        return Tally(tally.channel, now, 1)
    return replace(tally, sent=tally.sent + 1) if tally.sent < limit.notices else None


def held(tally: Tally) -> int:
    """How many were held back in this period."""
    return tally.began + tally.ended


def held_back(tally: Tally, incident: Incident) -> Tally:
    """With one more held back."""
    over = incident.state is IncidentState.RESOLVED
    shown = tally.shown if len(tally.shown) >= SHOWN else (*tally.shown, brief(incident))
    return replace(tally, began=tally.began + (not over), ended=tally.ended + over, shown=shown)


def due(tally: Tally, limit: Limit) -> int | None:
    """When its summary is told, or its storm is over; None: nothing was held back."""
    return tally.since + limit.per if held(tally) or tally.storm is not None else None


def closed(tally: Tally, now: int) -> tuple[Tally, Incident]:
    """The next period's tally, and the incident that tells of this one: the storm goes on, or is over."""
    storm = tally.since if tally.storm is None else tally.storm
    goes_on = held(tally) > 0
    incident = Incident(
        monitor=f"channel {tally.channel}",
        key=None,
        kind="storm",
        episode=storm,
        state=IncidentState.FIRING if goes_on else IncidentState.RESOLVED,
        severity="critical",
        opened_at=storm,
        title=_title(tally, goes_on=goes_on),
        evidence={"began": tally.began, "ended": tally.ended, "not_shown": held(tally) - len(tally.shown)},
        samples=tally.shown,
        resolved_at=None if goes_on else now,
        reason=None if goes_on else "recovered",
        notices=tally.n + 1,
    )
    after = Tally(tally.channel, now, storm=storm if goes_on else None, n=tally.n + 1 if goes_on else 0)
    return after, incident


def _title(tally: Tally, *, goes_on: bool) -> str:
    if not goes_on:
        return f"{tally.channel}: the storm is over; incidents are told one by one again"
    return (
        f"{tally.channel}: more notices than its limit; beside those told, {counted(tally.began, tally.ended)}; "
        "`streamgauge incidents` lists them all"
    )


def read_tally(plain: Mapping[str, Any]) -> Tally:
    """What the store kept of it."""
    return Tally(**{**plain, "shown": tuple(plain["shown"])})
