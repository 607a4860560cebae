"""Notices to send in tests."""

from dataclasses import replace
from typing import Any

from streamgauge.incident import Incident, IncidentState, Notice

AT = 1_795_348_803_250_000  # 2026-11-22 12:00:03.250 UTC

BURST = Incident(
    monitor="burst",
    key="a-7",
    kind="verdict",
    episode=AT - 3_250_000,
    state=IncidentState.FIRING,
    severity="critical",
    opened_at=AT,
    title="burst of a-7: events = 101, spent = 10412.5; expected events <= 100",
    window_start=AT - 3_250_000,
    window_end=AT + 1_750_000,
    observed={"events": 101.0, "spent": 10412.499},
    expected="events <= 100",
    samples=({"id": "t-17", "amount": 17.5, "country": None},),
    early=True,
)

HOSTILE = "\x1b[2J\x1b]0;owned\x07\r\n=cmd|' /C calc'!A0\u202e\u2028\x00\x9b31m"
UNPAIRED = f"{HOSTILE}\ud800"


def firing(n: int = 1, **changes: Any) -> dict[str, Any]:
    return Notice(replace(BURST, **changes), n, "ops").as_json()


def resolved(n: int = 2, **changes: Any) -> dict[str, Any]:
    ended = {
        "state": IncidentState.RESOLVED,
        "resolved_at": AT + 12_300_000,
        "reason": "recovered",
        "evidence": {"on_resolve": {"events": 3.0}},
    }
    return firing(n, **{**ended, **changes})


def hostile() -> dict[str, Any]:
    return firing(
        monitor=HOSTILE,
        key=HOSTILE,
        title=UNPAIRED,
        kind=HOSTILE,
        severity=HOSTILE,
        observed={HOSTILE: UNPAIRED, "nan": float("nan"), "big": 10**400},
        expected=UNPAIRED,
        samples=({HOSTILE: HOSTILE, "long": "x" * 100_000},),
        partition=HOSTILE,
    )
