"""What else began in the minutes before: causes first, bounded, the same in whatever order it became known."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import msgspec

from streamgauge.incident import Incident, Notice
from streamgauge.incidents.around import KEPT, MINUTES, SHOWN, Openings
from streamgauge.incidents.telling import Rules
from streamgauge.stores.rows import json_text
from tests.incidents.given import MINUTE, Desk, S, incident

STREAMS = {"burst": "payments", "minutes": "payments", "slow": "minutes"}


def openings(*found: Incident, rows: Mapping[str, Any] | None = None) -> tuple[Openings, dict[str, Any]]:
    made, kept = Openings(STREAMS, rows or {}), dict[str, object]()
    for each in found:
        made.note(each, kept)
    return made, {name: msgspec.json.decode(json_text(row)) for name, row in kept.items() if row is not None}


def names(of: Openings, one: Incident) -> list[str]:
    return [each["title"] for each in of.before(one)]


def test_the_first_stands_first_and_what_comes_after_is_no_cause():
    one = incident(at=6 * MINUTE)
    others = [incident("n", f"k{n}", at=n * MINUTE) for n in range(1, 9)]
    made, _ = openings(one, *others)
    assert names(made, one) == ["n k1", "n k2", "n k3", "n k4", "n k5"]


def test_other_streams_and_the_keys_own_past_are_left_out():
    one = incident(at=5 * S)
    made, _ = openings(one, incident(at=S), incident("n", at=S, stream="t"), incident("n", "b", at=S))
    assert names(made, one) == ["n b"]


def test_upstream_comes_first():
    one = incident("slow", at=100 * S, stream="minutes")
    lost = incident("stream payments", None, at=90 * S, stream="payments", kind="source lost")
    made, _ = openings(
        one,
        incident("beside", at=10 * S, stream="minutes"),
        incident("minutes", at=95 * S, stream="payments"),
        incident("burst", at=20 * S, stream="payments"),  # of that stream, but not above this one
        lost,
    )
    found = made.before(one)
    assert [(each["title"], each["upstream"], each["seconds"]) for each in found] == [
        ("stream payments None", True, -10.0), ("minutes a", True, -5.0), ("beside a", False, -90.0),
    ]  # fmt: skip


def test_what_began_on_the_streams_of_its_causes_stands_above():
    one = incident(at=100 * S, stream="payments")
    made = Openings(STREAMS, {}, {"payments": ("flink",)})
    for each in (
        incident("down", "job", at=70 * S, stream="flink"),
        incident("n", at=10 * S, stream="payments"),
        incident("lag", "g", at=80 * S, stream="cluster"),
    ):
        made.note(each, {})
    assert [each["title"] for each in made.before(one)] == ["down job", "n a"]


def test_the_order_in_which_they_become_known_changes_nothing():
    many = [incident("n", f"k{n}", at=(n * 7919) % 240 * S) for n in range(500)]
    one = incident(at=250 * S)
    expected, kept = openings(*many)
    for seed in range(3):
        random.Random(seed).shuffle(many)
        found, rows = openings(*many)
        assert (found.before(one), rows) == (expected.before(one), kept)


def test_a_storm_is_kept_in_little_and_is_known_after_a_kill():
    one = incident(at=30 * S)
    made, rows = openings(one, *(incident("n", f"k{n}", at=20 * S) for n in range(5_000)))
    assert [len(row["openings"]) for row in rows.values()] == [KEPT]
    assert len(made.before(one)) == SHOWN
    again, _ = openings(rows=rows)
    assert again.before(one) == made.before(one)


def test_minutes_long_past_leave_the_store():
    made, kept = Openings({}, {}), dict[str, object]()
    for n in range(3 * MINUTES):
        made.note(incident(at=n * MINUTE), kept)
    assert sum(row is not None for row in kept.values()) == MINUTES


def told(desk: Desk, now: int) -> list[Notice]:
    desk.telling.step(now)
    found = list(desk.board.notices)
    desk.committed()
    return found


def test_each_notice_says_it_but_an_end_and_what_tells_of_several_do_not():
    desk = Desk(Rules(streams=STREAMS))
    cause, one = incident("n", "b", at=S), incident(at=5 * S)
    desk.opens(cause, one)
    first, second = told(desk, 6 * S)
    assert (first.around, [each["id"] for each in second.around]) == ((), [cause.id])
    assert second.as_json()["around"][0]["title"] == "n b"
    assert "around" not in first.as_json()
    (again,) = [notice for notice in told(desk, 4 * 60 * MINUTE + 6 * S) if notice.incident.id == one.id]
    assert [each["id"] for each in again.around] == [cause.id]
    desk.ends(one)
    (end,) = told(desk, 4 * 60 * MINUTE + 7 * S)
    assert (end.resolved, end.around) == (True, ())
