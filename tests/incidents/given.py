"""What the tests of the stages after an incident start from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from streamgauge.incident import Incident, IncidentState
from streamgauge.incidents.board import Board
from streamgauge.incidents.labels import labelled
from streamgauge.incidents.lifecycle import post
from streamgauge.incidents.matchers import Matcher, parse_matcher
from streamgauge.incidents.silence import Silence
from streamgauge.incidents.telling import Rules, Telling

S = 1_000_000
MINUTE, HOUR = 60 * S, 3600 * S


def incident(
    monitor: str = "m", key: Any = "a", *, at: int = 0, stream: str = "s", **changes: Any
) -> Incident:
    """One that fires; its monitor has keys of the field ``account``."""
    made = Incident(
        monitor,
        key,
        "verdict",
        at,
        IncidentState.FIRING,
        changes.pop("severity", "critical"),
        at,
        f"{monitor} {key}",
    )
    return labelled(replace(made, **changes), {"stream": stream}, ("account",))


def matchers(*texts: str) -> tuple[Matcher, ...]:
    return tuple(map(parse_matcher, texts))


def silence(*texts: str, start: int = 0, end: int | None = HOUR, name: str = "1", **more: Any) -> Silence:
    return Silence(name, matchers(*texts), start, end, "ann", "a test", **more)


class Desk:
    """A board and the stages after it, with a wall clock that the test sets."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.board = Board()
        self.telling = Telling(self.board, rules)
        self._rules = rules

    def opens(self, *incidents: Incident, channels: tuple[str, ...] = ("ops",)) -> None:
        for each in incidents:
            post(None, each, channels, self.board)

    def ends(self, *incidents: Incident, at: int = 0) -> None:
        for each in incidents:
            before = self.board.by_id(each.id)
            assert before is not None
            after = replace(before, state=IncidentState.RESOLVED, resolved_at=at, reason="recovered")
            post(before, after, before.notify, self.board)

    def told(self, now: int) -> list[tuple[str, str, str | None]]:
        """What is told at ``now``: the channel, whose it is, why; a commit follows."""
        self.telling.step(now)
        found = [(n.channel, n.incident.title, n.cause) for n in self.board.notices]
        self.committed()
        return found

    def committed(self) -> None:
        self.rows = {**getattr(self, "rows", {}), **self.board.rows}
        self.board.clear_changes()

    def now(self, which: Incident) -> Incident:
        found = self.board.by_id(which.id)
        assert found is not None
        return found
