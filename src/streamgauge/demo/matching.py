"""What was planted against what people were told: one fault, one incident.

An incident answers a fault when it is of the rule that is there for such faults, of the fault's key, and looked
at records of the fault's time. Per fault, the first such incident counts; each further one is told twice, and
whatever answers no fault is invented.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from streamgauge.demo.hearing import Told
from streamgauge.sources.scenarios.contract import Planted


class Outcome(StrEnum):
    """How one row of the table ends."""

    FOUND = "found"
    MISSED = "missed"
    CUT_OFF = "cut off"
    """The stream ended before the fault did: not found, and nothing to blame."""
    TWICE = "told twice"
    INVENTED = "invented"


WRONG = frozenset({Outcome.MISSED, Outcome.TWICE, Outcome.INVENTED})
"""With any of these the demo fails."""


@dataclass(frozen=True, slots=True)
class Row:
    """One fault with the incident that answers it, or an incident that answers none.

    Attributes:
        outcome: see :class:`Outcome`.
        fault: what was planted; None for an invented incident.
        told: what people heard; None for a fault that nobody told of.
        monitor: the rule that told, or that should have; None where there is no such rule.
    """

    outcome: Outcome
    fault: Planted | None
    told: Told | None
    monitor: str | None

    @property
    def key(self) -> str | None:
        """Whom it concerns; None where it concerns the stream."""
        return self.fault.key if self.fault is not None else self.told.key if self.told is not None else None

    @property
    def after_planting(self) -> float | None:
        """Seconds from the first record of the fault to the arrival of the notice."""
        if self.fault is None or self.told is None:
            return None
        return (self.told.told_at - self.fault.start) / 1e6


def match(
    faults: Sequence[Planted], told: Iterable[Told], rules: Mapping[str, str], *, until: int | None = None
) -> list[Row]:
    """Faults by their start, each with what answers it; then what answers none, by its moment.

    Args:
        faults: all that begin in the stream, whole even where the stream ends earlier.
        told: the incidents that people heard of.
        rules: the monitor that finds a fault, by the fault's ``monitor_hint``.
        until: the event time at which the stream ended: what lasts longer is not missed. None while it goes
            on: then nothing is.
    """
    answers: dict[int, Told] = {}
    rest: list[Row] = []
    for incident in sorted(told, key=lambda incident: incident.at):
        fitting = [n for n, fault in enumerate(faults) if _answers(incident, fault, rules)]
        free = [n for n in fitting if n not in answers]
        if free:
            answers[free[0]] = incident
        elif fitting:
            rest.append(Row(Outcome.TWICE, faults[fitting[0]], incident, incident.monitor))
        else:
            rest.append(Row(Outcome.INVENTED, None, incident, incident.monitor))
    rows = [_row(fault, answers.get(n), rules, until) for n, fault in enumerate(faults)]
    return sorted(rows, key=lambda row: row.fault.start if row.fault else 0) + rest


def failed(rows: Iterable[Row]) -> bool:
    """Whether a fault was missed, or something was told that is not so."""
    return any(row.outcome in WRONG for row in rows)


def _answers(incident: Told, fault: Planted, rules: Mapping[str, str]) -> bool:
    return (
        incident.kind == "verdict"
        and incident.monitor == rules.get(fault.monitor_hint)
        and incident.key == fault.key
        and incident.since < fault.end
        and incident.at >= fault.start
    )


def _row(fault: Planted, told: Told | None, rules: Mapping[str, str], until: int | None) -> Row:
    monitor = rules.get(fault.monitor_hint)
    if told is not None:
        return Row(Outcome.FOUND, fault, told, monitor)
    is_over = until is not None and fault.end <= until
    return Row(Outcome.MISSED if is_over else Outcome.CUT_OFF, fault, None, monitor)
