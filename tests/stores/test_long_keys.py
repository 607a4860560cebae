"""A key may be of any length, also where an index holds little: what happens to it is stored all the same."""

from __future__ import annotations

import random

from streamgauge.stores.contract import Commit, DecidedRow
from streamgauge.stores.spool import LONGEST, named
from tests.stores.given import incident, notice

HUGE = random.Random(7).randbytes(500_000).hex()
"""A million characters that cannot be packed."""


def test_incidents_and_notices(store):
    one = incident(HUGE, 1)
    store.commit(Commit(incidents=[one], notices=[notice(one)]))
    assert store.incidents() == [one]
    assert store.waiting()[0].payload["key"] == HUGE


def test_rows_for_sinks(store):
    def row(key: str, body: bytes, *, revises: bool = False) -> DecidedRow:
        return DecidedRow("monitor m", f"monitor m/{key}/0/5", key, body, revises)

    store.commit(Commit(rows=[row(HUGE, b"1"), row(f"{HUGE}-", b"2"), row("a", b"3")]))
    store.commit(Commit(rows=[row(HUGE, b"4", revises=True)]))
    found = store.spooled("monitor m")
    assert [(one.key, one.body) for one in found] == [(f"{HUGE}-", b"2"), ("a", b"3"), (HUGE, b"4")]
    assert max(len(one.id.encode()) for one in found) <= LONGEST


def test_names_stay_apart_and_the_same():
    for length in (LONGEST, LONGEST + 1, 10 * LONGEST):
        one, other = "ä" * length, "ä" * length + "b"
        assert named(one) == named(one)
        assert named(one) != named(other)
    assert named("a" * LONGEST) == "a" * LONGEST
    assert len(named("\ud800" * LONGEST)) < LONGEST
