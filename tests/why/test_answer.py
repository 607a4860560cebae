"""The answer's rules: a truth table, one sentence per row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from streamgauge.batch import Partition
from streamgauge.incident import Incident, IncidentState
from streamgauge.plan import make_plan
from streamgauge.why.answer import answer
from streamgauge.why.evidence import Evidence, Known, Part, Seen
from streamgauge.why.holding import Time
from streamgauge.why.shown import notes
from tests.server.given import START, configuration, incident, micros

END = START + 5_000_000
NOT = Seen(START, END, {"events": 3}, False, None, [Part("events > 100", False, {"events": 3})], False, 0)
HELD = replace(NOT, holds=True, parts=[Part("events > 100", True, {"events": 101})], values={"events": 101})
MISSING = replace(NOT, holds=None, parts=[Part("mean > 5", None, {"mean": None})], values={"mean": None})


@pytest.fixture
def base(tmp_path) -> Evidence:
    rule = make_plan(configuration(tmp_path)).monitors["burst"]
    return Evidence(
        monitor="burst", key="a-7", chosen=False, rule=rule, where=None, when="events > 100", clear=None, after=None,
        hold_for=60_000_000, early=True, grid=(5_000_000, 5_000_000), windows=[NOT], late=0,
        known=Known(saved=True, last_seen=START + 1_000_000, partition=Partition("payments", 0)), incident=None,
        paused=None, time=Time(micros(12), {}, []), live=True,
    )  # fmt: skip


def ended(**changes: Any) -> Incident:
    return incident(state=IncidentState.RESOLVED, resolved_at=END, reason="recovered", **changes)


@pytest.mark.parametrize(
    ("changes", "state", "says"),
    [
        ({"paused": "paused by hand", "incident": incident()}, "paused", "burst is paused (paused by hand)"),
        (
            {"incident": incident()},
            "fires",
            "it fires since 2023-11-14T22:13:21.000Z: burst of a-7: events 101",
        ),
        (
            {"incident": incident(state=IncidentState.PENDING, pending_since=START)},
            "pending",
            "holds since 2023-11-14T22:13:20.000Z, but it is told only once it has held `for: 1m`, at 2023-11-14T22:14:20.000Z",
        ),
        ({}, "does not fire", "`events > 100` does not hold (events = 3)"),
        ({"windows": [HELD, NOT]}, "does not fire", "`events > 100` does not hold (events = 3)"),
        ({"windows": [HELD], "incident": ended()}, "ended", "the incident of it has ended (recovered)"),
        ({"windows": [HELD]}, "ended", "its incident is not in the store yet"),
        ({"windows": [MISSING]}, "does not fire", "cannot be said of the last closed window"),
        ({"windows": [replace(HELD, partial=True)], "early": False}, "not judged", "is partial"),
        ({"windows": [replace(NOT, partial=True)]}, "does not fire", "`events > 100` does not hold"),
        ({"windows": [NOT], "when": None}, "does not fire", "its detector found nothing"),
        (
            {"windows": [], "known": Known(saved=False)},
            "unknown key",
            "nothing of payments has been committed",
        ),
        (
            {"windows": [], "known": Known(saved=True, near="a-77")},
            "unknown key",
            "no record with account = a-7 has come to payments, or it was so long ago that the key is forgotten; the nearest known key is a-77",
        ),
        ({"windows": [], "where": "amount > 10"}, "no window", "none of them fits `where: amount > 10`"),
        ({"windows": [], "late": 4}, "no window", "they came too late (4 records of this monitor did)"),
        ({"windows": [], "time": Time(micros(4), {}, [])}, "no window", "the first window is still open"),
        ({"windows": [], "time": Time(micros(5), {}, [])}, "no window", "they have left the last hour"),
        ({"windows": [], "grid": None}, "no window", "the first window is still open"),
        ({"windows": [], "grid": None, "gap": 11_000_000}, "no window", "the first window is still open"),
        ({"windows": [], "grid": None, "gap": 10_000_000}, "no window", "they have left the last hour"),
    ],
)
def test_the_first_rule_that_fits_speaks(base: Evidence, changes: dict[str, Any], state: str, says: str):
    found = answer(replace(base, **changes))
    assert found.state == state
    assert says in found.sentence


@pytest.mark.parametrize(
    ("at", "state", "says"),
    [
        (None, "does not fire", "there is no watermark yet"),
        (10, "does not fire", "it stands at 2023-11-14T22:13:30.000Z, 21s before"),
        (31, "ended", "the last gap was told and has ended"),
    ],
)
def test_silence_is_told_by_the_gap_so_far(base: Evidence, at: float | None, state: str, says: str):
    time = Time(None if at is None else micros(at), {}, [])
    quiet = replace(base, after=30_000_000, when=None, windows=[], grid=None, early=False, time=time)
    found = answer(quiet)
    assert found.state == state
    assert says in found.sentence


@pytest.mark.parametrize(
    ("changes", "state", "says"),
    [
        (
            {},
            "does not fire",
            "the last of account = a-7 came at 2023-11-14T22:13:21.000Z, and none was found",
        ),
        ({"where": "amount > 10"}, "does not fire", "none of those that fit `where: amount > 10` was found"),
        ({"incident": ended()}, "ended", "has ended (recovered), and nothing was found since"),
        ({"incident": incident()}, "fires", "it fires since"),
    ],
)
def test_a_rule_about_single_records_has_no_window(
    base: Evidence, changes: dict[str, Any], state: str, says: str
):
    found = answer(replace(base, single=True, windows=[], grid=None, **changes))
    assert found.state == state
    assert says in found.sentence


def test_a_closed_window_is_not_called_open(base: Evidence):
    assert "still open" not in answer(replace(base, windows=[])).sentence


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "the window from 2023-11-14T22:13:30.000Z to 2023-11-14T22:13:35.000Z closes once the watermark has reached its end, 3s from where it stands; this condition is told at the very record"),
        ({"grid": (10_000_000, 5_000_000)}, "the window from 2023-11-14T22:13:25.000Z to 2023-11-14T22:13:35.000Z"),
        ({"chosen": True}, "no key was named"),
        ({"where": "amount > 10"}, "only records for which `amount > 10` holds"),
        ({"starting": "kernels are being compiled"}, "the engine is starting: kernels are being compiled"),
        ({"store": "the disk is full"}, "the store refuses commits (the disk is full)"),
        ({"live": False}, "no running server was asked"),
        ({"windows": [replace(NOT, late=2)]}, "2 records came too late for the window from 2023-11-14T22:13:20.000Z"),
        ({"windows": [replace(NOT, partial=True)]}, "is partial: reading began in the middle of it"),
        ({"clear": "events < 2", "windows": [replace(NOT, clears=False)]}, "neither `when` nor `clear_when: events < 2` holds"),
    ],
)  # fmt: skip
def test_notes(base: Evidence, changes: dict[str, Any], says: str):
    assert any(says in note for note in notes(replace(base, **changes))), notes(replace(base, **changes))


def test_nothing_is_said_that_is_not_so(base: Evidence):
    assert len(notes(base)) == 1
    assert notes(replace(base, grid=None)) == []
    over = replace(NOT, end=micros(40))
    assert notes(replace(base, windows=[over])) == [], "after the end of the streams nothing is open"


def test_an_open_session_is_told_with_when_it_will_be_over(base: Evidence):
    session = replace(base, grid=None, gap=30_000_000, windows=[])
    assert any(
        "its session is still open: it is over once the watermark has passed 2023-11-14T22:13:51.000Z (30s after its "
        "last record)" in note
        for note in notes(session)
    )
    assert not any("session" in note for note in notes(replace(session, gap=1_000_000)))
