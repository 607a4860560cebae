"""What people do: take incidents, alone or a group of them, hand them on, note something, end them; silences; pauses.

Each function takes what was asked to the board and the stages after it; the caller commits. ``now`` is the wall clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from streamgauge.incident import Incident, IncidentState, Remark
from streamgauge.incidents.board import Board
from streamgauge.incidents.group import find_group
from streamgauge.incidents.lifecycle import post
from streamgauge.incidents.memory import Memory
from streamgauge.incidents.settle import ended
from streamgauge.incidents.silence import Silence, taken_back
from streamgauge.incidents.telling import Telling

Verb: TypeAlias = Literal["ack", "assign", "note", "resolve", "feedback"]

FEEDBACK = ("useful", "noise")
LONGEST = 10_000
"""Characters of a note."""


class Refusal(Exception):  # noqa: N818  it carries a sentence to whoever asked and is no failure of ours
    """It cannot be done; ``missing`` where there is no such thing."""

    def __init__(self, sentence: str, *, missing: bool = False) -> None:
        self.missing = missing
        super().__init__(sentence)


@dataclass(frozen=True, slots=True)
class Act:
    """Somebody does something about one incident.

    Attributes:
        verb: what.
        incident: its id.
        who: who does it.
        text: the note; of ``assign`` the new owner.
        word: of ``feedback``: ``useful`` or ``noise``.
    """

    verb: Verb
    incident: str
    who: str
    text: str = ""
    word: str = ""


@dataclass(frozen=True, slots=True)
class AddSilence:
    """Somebody makes a silence."""

    silence: Silence


@dataclass(frozen=True, slots=True)
class ExpireSilence:
    """Somebody takes a silence back."""

    silence: str
    who: str


@dataclass(frozen=True, slots=True)
class TakeGroup:
    """Somebody takes all that a group holds: ``group`` is the id of its notices, or what the store calls it."""

    group: str
    who: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Attend:
    """Somebody has a monitor pause, or take part again."""

    verb: Literal["pause", "resume"]
    monitor: str
    who: str


Asked: TypeAlias = Act | AddSilence | ExpireSilence | TakeGroup | Attend


def _nobody(asked: Attend) -> dict[str, Any]:
    raise Refusal(f"nothing here runs {asked.monitor}")


@dataclass(frozen=True, slots=True)
class Office:
    """Where things are done: what acts change.

    Attributes:
        board, telling: what they change.
        find: looks up incidents that have ended.
        attend: pauses and resumes monitors; how the monitor stands then.
    """

    board: Board
    telling: Telling
    find: Callable[[str], Incident | None]
    attend: Callable[[Attend], dict[str, Any]] = _nobody


def perform(asked: Asked, office: Office, now: int) -> dict[str, Any]:
    """Do it; the incident or the silence as it is now, as plain data.

    Raises:
        Refusal: nothing was done.
    """
    if isinstance(asked, Act):
        return _act(asked, office, now).as_json()
    if isinstance(asked, AddSilence):
        office.telling.silence(asked.silence, now)
        return asked.silence.as_json(now)
    if isinstance(asked, TakeGroup):
        return _take_group(asked, office, now)
    if isinstance(asked, Attend):
        return office.attend(asked)
    return _expire(asked, office, now)


def _act(act: Act, office: Office, now: int) -> Incident:
    incident = office.board.newest(act.incident) or office.find(act.incident)
    if incident is None:
        raise Refusal(
            f"there is no incident {act.incident!r}; `streamgauge incidents` lists them", missing=True
        )
    _not_too_long(act.text)
    match act.verb:
        case "ack":
            return _acknowledge(act, incident, office, now)
        case "resolve":
            return _resolve(act, incident, office, now)
        case "assign":
            if not act.text:
                raise Refusal("say to whom")
            return _remark(office, replace(incident, owner=act.text), act, f"assigned to {act.text}")
        case "note":
            if not act.text:
                raise Refusal("an empty note says nothing")
            return _remark(office, replace(incident, note=act.text), act, act.text)
        case "feedback":
            if act.word not in FEEDBACK:
                raise Refusal(f"feedback is one of {', '.join(FEEDBACK)}")
            why = f"{act.word}: {act.text}" if act.text else act.word
            return _remark(office, replace(incident, feedback=act.word), act, why)


def _acknowledge(act: Act, incident: Incident, office: Office, now: int) -> Incident:
    if incident.state is IncidentState.RESOLVED:
        raise Refusal(f"it has ended already ({incident.reason})")
    if incident.state is IncidentState.PENDING:
        raise Refusal("it does not fire yet: nobody was told of it")
    if incident.state is IncidentState.ACKNOWLEDGED:
        if not act.text:
            return incident
        return _remark(office, replace(incident, note=act.text), act, act.text)
    if incident.state is IncidentState.FIRING:
        office.telling.quieter(incident, -1)
    taken = replace(
        incident,
        state=IncidentState.ACKNOWLEDGED,
        owner=act.who,
        acknowledged_at=now,
        note=act.text or incident.note,
    )
    return _remark(office, taken, act, act.text or "acknowledged")


def _take_group(asked: TakeGroup, office: Office, now: int) -> dict[str, Any]:
    """Take all of a group that is neither taken nor over; what is taken already stays whose it is."""
    group = find_group(office.telling.groups, asked.group)
    if group is None:
        raise Refusal(f"there is no group {asked.group!r}; GET /api/v1/groups lists them", missing=True)
    _not_too_long(asked.text)
    members = [incident for incident in office.board.all() if group.name in incident.groups]
    free = [i for i in members if i.state in (IncidentState.FIRING, IncidentState.SUPPRESSED)]
    for incident in free:
        _acknowledge(Act("ack", incident.id, asked.who, asked.text), incident, office, now)
    return {
        "group": group.name,
        "id": group.id,
        "labels": dict(group.labels),
        "taken": len(free),
        "taken_before": sum(i.state is IncidentState.ACKNOWLEDGED for i in members),
        "owner": asked.who,
    }


def _not_too_long(text: str) -> None:
    if len(text) > LONGEST:
        raise Refusal(f"a note may have {LONGEST:,} characters, and this one has {len(text):,}")


def _resolve(act: Act, incident: Incident, office: Office, now: int) -> Incident:
    if not incident.open:
        raise Refusal("it does not fire" if incident.reason is None else f"it has ended ({incident.reason})")
    over = replace(ended(incident, now, "resolved by hand"), owner=incident.owner or act.who)
    if incident.kind == "verdict":
        closed = (incident.last_end or 0, incident.last_start or 0)
        office.board.remember(incident.fingerprint, Memory(incident.openings, closed, incident.monitor))
    post(incident, over, incident.notify, office.board)
    why = f"resolved by hand: {act.text}" if act.text else "resolved by hand"
    office.board.remarks.append(Remark(over.id, act.who, over.state, why))
    return over


def _remark(office: Office, incident: Incident, act: Act, why: str) -> Incident:
    office.board.amend(incident)
    office.board.remarks.append(Remark(incident.id, act.who, incident.state, why))
    return incident


def _expire(asked: ExpireSilence, office: Office, now: int) -> dict[str, Any]:
    silence = office.telling.muting.silences.known.get(asked.silence)
    if silence is None:
        raise Refusal(f"there is no silence {asked.silence!r} that is not over", missing=True)
    if silence.id.startswith("maintenance "):
        raise Refusal("it stands in the configuration; take it away there")
    over = taken_back(silence, now, asked.who)
    office.telling.silence(over, now)
    return over.as_json(now)
