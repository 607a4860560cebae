"""From what happened to notices: the stages after an incident is settled, in their order.

These stages run on the wall clock, which is an argument. All that they remember lies on incidents and in rows of the
board, so it is committed together with what it follows from: after a kill the same is decided again, under the same ids.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from streamgauge.incident import Incident, IncidentState, changed
from streamgauge.incidents import group as groups
from streamgauge.incidents import limit as limits
from streamgauge.incidents.around import Openings
from streamgauge.incidents.board import Board, Cause, Event
from streamgauge.incidents.group import Group
from streamgauge.incidents.inhibit import SAME_KEY, InhibitRule
from streamgauge.incidents.limit import Limit, Tally
from streamgauge.incidents.muting import SILENCE_ENDS, Muting, Reason
from streamgauge.incidents.repeat import next_repeat
from streamgauge.incidents.route import Route, Way, route, ways
from streamgauge.incidents.silence import Silence

CONSOLE = Route("route", (), ("console",))
"""Where nothing is said about routes."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a configuration says about telling.

    Attributes:
        root: the tree of routes.
        inhibit: what mutes what.
        limit: of notices per channel.
        maintenance: silences that the file declares.
        repeats: whether what goes on is told again (not in a replay).
        streams: which stream each monitor watches.
        causes: by stream, others whose incidents may be the cause of its own.
    """

    root: Route = CONSOLE
    inhibit: tuple[InhibitRule, ...] = (SAME_KEY,)
    limit: Limit | None = None
    maintenance: tuple[Silence, ...] = ()
    repeats: bool = True
    streams: Mapping[str, str] = field(default_factory=dict)
    causes: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Telling:
    """Decides what is told, when, through which channels.

    Args:
        board: events come from there, notices go there.
        rules: of the configuration.
        rows: what was remembered at the last commit, by name.
        silences: made by people.

    Attributes:
        groups: by name, those that have something open or something to tell.
    """

    def __init__(
        self,
        board: Board,
        rules: Rules | None = None,
        *,
        rows: Mapping[str, Mapping[str, Any]] | None = None,
        silences: Sequence[Silence] = (),
    ) -> None:
        self.board = board
        self.rules = rules or Rules()
        self.muting = Muting(self.rules.inhibit, board, (*self.rules.maintenance, *silences))
        self.groups: dict[str, Group] = {}
        self._tallies: dict[str, Tally] = {}
        self._openings = Openings(self.rules.streams, rows or {}, self.rules.causes)
        self._agenda: list[tuple[int, str, str]] = []
        self._planned: set[tuple[int, str, str]] = set()
        self._read(rows or {})
        self._looked_at: int | None = None
        for incident in board.all():
            if incident.told:
                self._plan_repeat(incident)

    def step(self, now: int) -> None:
        """Decide about all that happened, and about what came with time; say with it what else began."""
        told = len(self.board.notices)
        self._decide(now)
        self._openings.explain(self.board.notices, told)

    def _decide(self, now: int) -> None:
        if self._looked_at is None:
            self._first_look(now)
        if not self.board.events and (not self._agenda or self._agenda[0][0] > now):
            return
        self._tell_all(now)  # first: what has ended is not repeated
        self._time(now)
        while self.board.events:
            self._tell_all(now)
            self._time(now)

    def _tell_all(self, now: int) -> None:
        events, self.board.events = self.board.events, []
        for event in events:
            self.tell(event, now)

    def tell(self, event: Event, now: int) -> None:
        """Take one event through the stages.

        settle (before) → deduplicate → inhibit → silence → route → group → (repeat, with time) → limit → outbox
        """
        if event.cause is Cause.BEGAN:
            self._openings.note(event.incident, self.board.rows)
        incident = told_so_far(self.board, event.incident)
        concerned = self.muting.note(incident)
        self._tell_one(incident, event, now)
        for other in concerned:
            self._look_again(other, now)

    def _tell_one(self, incident: Incident, event: Event, now: int) -> None:
        if event.cause is Cause.ENDED:
            self._end(incident, event, now)
            return
        if not incident.open or event.cause is Cause.EASED:
            return
        reason = self.muting.reason(incident, now)
        if reason is not None:
            self._mute(incident, reason)
            return
        if incident.state is IncidentState.ACKNOWLEDGED:
            return
        cause = event.cause if incident.muted_by is None else _after_mute(incident)
        incident = self._unmuted(incident)
        alone: list[str] = []
        for way in self._ways(incident, event.channels):
            if way.manner.group_by:
                incident = self._gather(incident, way, now)
            else:
                alone += [channel for channel in way.channels if channel not in alone]
        self._outbox(incident, alone, cause, now)

    @property
    def next_due(self) -> int | None:
        """The next moment at which time alone may change something; None: it never will."""
        return self._agenda[0][0] if self._agenda else None

    def pending(self) -> int | None:
        """The earliest moment at which a group or a summary tells what it holds; None: none holds anything."""
        whens = [groups.due(group) for group in self.groups.values() if group.news]
        if self.rules.limit is not None:
            whens += [limits.due(t, self.rules.limit) for t in self._tallies.values() if limits.held(t)]
        return min((when for when in whens if when is not None), default=None)

    # what people did

    def silence(self, silence: Silence, now: int) -> None:
        """A silence is new, or was changed or taken back."""
        self.muting.silences.put(silence)
        self.board.rows[silence.row] = silence
        self._silence_changes(silence, now)
        if silence.active(now):
            self._mute_all(now)

    def quieter(self, incident: Incident, change: int) -> None:
        """An incident was acknowledged (-1), or speaks again (+1): its groups count it so."""
        for name in incident.groups:
            if name in self.groups:
                self._put_group(groups.with_quiet(self.groups[name], change))

    # stages

    def _keep(self, incident: Incident) -> None:
        """Note what became of the telling; the incident itself may have moved on meanwhile."""
        newest = self.board.newest(incident.id)
        if newest is None or newest.state is IncidentState.RESOLVED or newest.state is incident.state:
            state = incident.state if newest is None else newest.state
        else:
            state = incident.state
        self.board.amend(changed(newest or incident, state=state, **_told(incident)))

    def _mute(self, incident: Incident, reason: Reason) -> None:
        self.muting.mute(incident, reason)
        state = incident.state
        if state is IncidentState.FIRING:
            state = IncidentState.SUPPRESSED
            self.quieter(incident, -1)
        self._keep(changed(incident, state=state, muted_by=reason.by, muted=reason.words))

    def _unmuted(self, incident: Incident) -> Incident:
        if incident.muted_by is None:
            return incident
        self.muting.unmute(incident)
        self.quieter(incident, 1)
        free = changed(incident, state=IncidentState.FIRING, muted_by=None, muted=None)
        self._keep(free)
        return free

    def _look_again(self, incident: Incident, now: int) -> None:
        """What muted it, or did not, has changed."""
        reason = self.muting.reason(incident, now)
        if reason is not None and reason.by != incident.muted_by:
            self._mute(incident, reason)
        elif reason is None and incident.muted_by is not None:
            self._free(incident)

    def _free(self, incident: Incident) -> None:
        """Nothing mutes it any more, and it fires still: people hear of it now."""
        if incident.state is IncidentState.ACKNOWLEDGED:
            self.muting.unmute(incident)
            self._keep(changed(incident, muted_by=None, muted=None))
        else:
            self.board.events.append(Event(incident, _after_mute(incident), incident.notify))

    def _ways(self, incident: Incident, channels: Sequence[str] = ()) -> list[Way]:
        return ways(incident.labels, incident.notify or channels, self.rules.root)

    def _gather(self, incident: Incident, way: Way, now: int) -> Incident:
        """Count it in its group, once."""
        name = groups.group_name(way.path, groups.group_labels(way, incident.labels))
        if name in incident.groups:
            if name in self.groups:
                self._put_group(groups.with_again(self.groups[name], incident))
            return incident
        group = self.groups.get(name) or groups.new_group(way, incident.labels, now)
        self._put_group(groups.with_began(group, incident, way))
        counted = changed(incident, groups=(*incident.groups, name))
        self._keep(counted)
        return counted

    def _end(self, incident: Incident, event: Event, now: int) -> None:
        """Who heard of the beginning hears of the end; where nobody did, nobody does."""
        if incident.muted_by is not None:
            self.muting.unmute(incident)
        for name in incident.groups:
            if name in self.groups:
                quiet = incident.muted_by is not None or incident.acknowledged_at is not None
                self._put_group(groups.with_ended(self.groups[name], incident, spoke=not quiet))
            elif name in self._tallies:
                self._put_tally(limits.held_back(self._tallies[name], incident))
        heard = incident.told
        if not heard and incident.notices and not incident.groups:  # told by an earlier version
            heard = event.channels
        self._outbox(incident, list(heard), Cause.ENDED, now)

    def _outbox(self, incident: Incident, channels: list[str], cause: Cause, now: int) -> None:
        """Put one notice per channel into the outbox; beyond the limit it is told in a summary."""
        held = [channel for channel in channels if cause is not Cause.ENDED and not self._admit(channel, now)]
        for channel in held:
            name = limits.limit_name(channel)
            self._put_tally(limits.held_back(self._tallies[name], incident))
            if name not in incident.groups:
                incident = changed(incident, groups=(*incident.groups, name))
                self._keep(incident)
        sent = [channel for channel in channels if channel not in held]
        if not sent:
            return
        repeats = incident.repeats + 1 if cause is Cause.REPEAT else 0
        told = tuple(dict.fromkeys((*incident.told, *sent)))
        after = changed(incident, notices=incident.notices + 1, told=told, told_at=now, repeats=repeats)
        self.board.notices.extend(route(after, sent, cause=str(cause)))
        self._keep(after)
        if cause is not Cause.ENDED:
            self._plan_repeat(after)

    def _admit(self, channel: str, now: int) -> bool:
        if self.rules.limit is None:
            return True
        tally = self._tallies.get(limits.limit_name(channel)) or Tally(channel, now)
        after = limits.admitted(tally, self.rules.limit, now)
        if after is None:
            self._tallies.setdefault(tally.name, tally)
            return False
        self._put_tally(after)
        return True

    # what comes with time

    def _first_look(self, now: int) -> None:
        """What silences did while nobody looked."""
        self._looked_at = now
        for silence in list(self.muting.silences.known.values()):
            self._silence_changes(silence, now)
        for reminder in [i for i in self.board.all() if i.kind == SILENCE_ENDS]:
            if reminder.monitor.removeprefix("silence ") not in self.muting.silences.known:
                self._reminded(reminder, now)
        muted = [incident for incident in self.board.all() if incident.muted_by is not None]
        for incident in muted:
            self._look_again(incident, now)
        if self.muting.silences.known:
            self._mute_all(now)

    def _time(self, now: int) -> None:
        """Everything whose moment has come, in order."""
        began = False
        while self._agenda and self._agenda[0][0] <= now:
            at, kind, name = heapq.heappop(self._agenda)
            self._planned.discard((at, kind, name))
            if kind == "repeat":
                self._repeat(name, now)
            elif kind == "group":
                self._flush(name, now)
            elif kind == "limit":
                self._summarise(name, now)
            else:
                began |= self._silence_due(name, now)
        if began:
            self._mute_all(now)

    def _plan(self, when: int | None, kind: str, name: str) -> None:
        if when is not None and (when, kind, name) not in self._planned:
            self._planned.add((when, kind, name))
            heapq.heappush(self._agenda, (when, kind, name))

    def _plan_repeat(self, incident: Incident) -> None:
        if not self.rules.repeats or incident.told_at is None:
            return
        manner = next((way.manner for way in self._ways(incident) if not way.manner.group_by), None)
        if manner is not None:
            when = next_repeat(incident.told_at, incident.repeats, manner.repeat)
            self._plan(when, "repeat", incident.id)

    def _repeat(self, name: str, now: int) -> None:
        incident = self.board.by_id(name)
        if incident is None or incident.state is not IncidentState.FIRING or incident.told_at is None:
            return
        found = [way for way in self._ways(incident) if not way.manner.group_by]
        when = next_repeat(incident.told_at, incident.repeats, found[0].manner.repeat) if found else None
        if when is None or when > now:
            return  # it was told since, and stands in the agenda again
        wanted = [channel for way in found for channel in way.channels if channel in incident.told]
        self._outbox(incident, list(dict.fromkeys(wanted)), Cause.REPEAT, now)

    def _put_group(self, group: Group) -> None:
        self.groups[group.name] = group
        self.board.rows[group.name] = group
        when = groups.due(group)
        if self.rules.repeats or group.news or not group.members:
            self._plan(when, "group", group.name)

    def _flush(self, name: str, now: int) -> None:
        group = self.groups.get(name)
        when = None if group is None else groups.due(group)
        if group is None or when is None or when > now:
            return  # planned anew by what moved it
        if not (self.rules.repeats or group.news or not group.members):
            return
        if groups.forgotten(group):
            del self.groups[name]
            self.board.rows[name] = None
            return
        after, incident = groups.flushed(group, now)
        self._put_group(after)
        self.board.notices.extend(route(incident, group.channels, cause="group"))

    def _put_tally(self, tally: Tally) -> None:
        assert self.rules.limit is not None
        planned = self._tallies.get(tally.name)
        self._tallies[tally.name] = tally
        self.board.rows[tally.name] = tally
        when = limits.due(tally, self.rules.limit)
        if planned is None or limits.due(planned, self.rules.limit) != when:
            self._plan(when, "limit", tally.name)

    def _summarise(self, name: str, now: int) -> None:
        limit, tally = self.rules.limit, self._tallies.get(name)
        when = None if tally is None or limit is None else limits.due(tally, limit)
        if tally is None or when is None or when > now:
            return
        after, incident = limits.closed(tally, now)
        self._put_tally(after)
        self.board.notices.extend(route(incident, (tally.channel,), cause="summary"))

    def _silence_changes(self, silence: Silence, now: int) -> None:
        """Plan its next moments."""
        self._plan(silence.next_change(now), "silence", silence.id)
        reminder = silence.reminder(now)
        if reminder is not None and silence.expired_at is None:
            self._plan(max(reminder, now), "silence", silence.id)
        if not silence.active(now):
            self._silence_over(silence, now)

    def _silence_due(self, name: str, now: int) -> bool:
        """A moment of a silence has come; whether it begins to mute."""
        silence = self.muting.silences.known.get(name)
        if silence is None:
            return False
        if not silence.active(now):
            self._silence_changes(silence, now)
            return False
        self._plan(silence.next_change(now), "silence", name)
        reminder = silence.reminder(now)
        if reminder is not None and reminder <= now:
            self._remind(silence, now)
        elif reminder is not None:
            self._plan(reminder, "silence", name)
        return True

    def _silence_over(self, silence: Silence, now: int) -> None:
        """Those that it mutes are told, unless something else mutes them; its reminder ends."""
        if silence.over(now):
            self.muting.silences.remove(silence.id)
        for incident in self.muting.muted_by(silence.name):
            self._look_again(incident, now)
        reminder = self.board.current(silence.name, None, SILENCE_ENDS)
        if reminder is not None:
            self._reminded(reminder, now)

    def _reminded(self, reminder: Incident, now: int) -> None:
        """What a reminder told of has come."""
        over = changed(reminder, state=IncidentState.RESOLVED, resolved_at=now, reason="over")
        self.board.put(over)
        self.board.events.append(Event(over, Cause.ENDED))

    def _remind(self, silence: Silence, now: int) -> None:
        muted = self.muting.muted_by(silence.name)
        span = silence.span(now)
        if not muted or span is None or span[1] is None:
            return
        if self.board.current(silence.name, None, SILENCE_ENDS) is not None:
            return
        channels = dict.fromkeys(c for i in muted[:1000] for way in self._ways(i) for c in way.channels)
        minutes = max(1, round((span[1] - now) / 60e6))
        title = f"{silence.words} ends in {minutes} min and mutes {len(muted):,} open: {muted[0].title}"
        labels = {"monitor": silence.name, "incident": SILENCE_ENDS, "severity": "warning"}
        reminder = Incident(
            silence.name, None, SILENCE_ENDS, now, IncidentState.FIRING, "warning", now, title,
            labels=labels, notify=tuple(channels),
        )  # fmt: skip
        self.board.put(reminder)
        self.board.events.append(Event(reminder, Cause.BEGAN, tuple(channels)))

    def _mute_all(self, now: int) -> None:
        """A silence began: those that fire and that it is about are told no more."""
        for incident in self.muting.speaking():
            reason = self.muting.reason(incident, now)
            if reason is not None:
                self._mute(incident, reason)

    def _read(self, rows: Mapping[str, Mapping[str, Any]]) -> None:
        for name, row in rows.items():
            if name.startswith("group:"):
                group = self.groups[name] = groups.read_group(row)
                self._plan(groups.due(group), "group", name)
            elif name.startswith("limit:") and self.rules.limit is not None:
                tally = self._tallies[name] = limits.read_tally(row)
                self._plan(limits.due(tally, self.rules.limit), "limit", name)


_TOLD = ("notices", "told", "told_at", "repeats", "groups", "muted_by", "muted")


def _told(incident: Incident) -> dict[str, Any]:
    """What these stages note on an incident."""
    return {name: getattr(incident, name) for name in _TOLD}


def told_so_far(board: Board, seen: Incident) -> Incident:
    """Deduplicate: one incident per id, as it was when it changed, with what was told of it since."""
    now = board.newest(seen.id)
    return seen if now is None or now is seen else changed(seen, **_told(now))


def moment(event: Event) -> int:
    """When it happened, in event time: the end, the beginning, or the last window that fired."""
    incident = event.incident
    if event.cause is Cause.ENDED and incident.resolved_at is not None:
        return incident.resolved_at
    return (
        incident.opened_at if event.cause is Cause.BEGAN else max(incident.opened_at, incident.last_end or 0)
    )


def _after_mute(incident: Incident) -> Cause:
    return Cause.STILL if incident.told or incident.groups else Cause.BEGAN
