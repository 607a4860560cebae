"""All checks in their order: what others stand on comes first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from streamgauge.checkup import (
    brokers,
    channels,
    clocks,
    contradictions,
    event_time,
    groups,
    placement,
    polled,
    port,
    registries,
    sinks,
    store,
    topics,
)
from streamgauge.checkup.contract import Finding, Grade

if TYPE_CHECKING:
    from streamgauge.checkup.contract import Check
    from streamgauge.checkup.patient import Patient

ORDER: tuple[Check, ...] = (
    contradictions, brokers, topics, groups, clocks, registries, event_time, placement, polled, store, port, channels, sinks,
)  # fmt: skip


def examine(patient: Patient) -> Iterator[Finding]:
    """Every finding of every check, as they come."""
    for check in ORDER:
        yield from check.examine(patient)


def exit_code(findings: list[Finding]) -> int:
    """3 when something outside does not answer, so that not all could be looked at; 1 after a fault; else 0."""
    grades = {finding.grade for finding in findings}
    if Grade.MISSING in grades:
        return 3
    return 1 if grades & {Grade.WRONG, Grade.WARNING} else 0
