"""The pack `database`: rows that stop, are refused, are old or vanish each have their name; a quiet hour has none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from streamgauge import packs
from tests.packs.playing import EVERY, START, Told, played

BEGINS = 60
ORDERS = "public.orders"
REFUSED = "public.orders_rejected"


def table(name: str, inserted: int, **more: int) -> dict[str, Any]:
    return {"table": name, "rows": inserted, "inserted": inserted, "updated": 0, "deleted": 0, **more}


def usual(i: int) -> list[dict[str, Any]]:
    """Orders come, a table of settings stands still, and three rows were refused long ago."""
    return [table(ORDERS, 5000 + 7 * i), table("public.settings", 12), table(REFUSED, 3)]


def newest(i: int, age: float = 2.0) -> list[dict[str, Any]]:
    moment = datetime.fromtimestamp(START / 1e6 + i * EVERY - age, UTC)
    return [{"table": "orders", "newest": moment.isoformat()}]


def told(
    tables: list[list[dict[str, Any]]], ages: Sequence[list[dict[str, Any]]] = (), **given: str
) -> list[Told]:
    config = packs.load_with(["database"], given={"DATABASE_QUIET": "2m", **given})
    return played(config, database_tables=tables, database_newest=ages)


def test_an_hour_in_which_all_is_well():
    assert told([usual(i) for i in range(360)], [newest(i) for i in range(360)]) == []


@pytest.mark.parametrize(
    ("fault", "monitor", "key", "within"),
    [
        (lambda _: [table(ORDERS, 5000 + 7 * BEGINS)], "database-quiet", ORDERS, 160),
        (lambda i: [*usual(BEGINS + i)[:2], table(REFUSED, 4)], "database-rejected", REFUSED, 20),
        (lambda i: [table(ORDERS, 5000 + 7 * (BEGINS + i), rows=i)], "database-rows-lost", ORDERS, 120),
    ],
)
def test_what_happens_to_tables_has_its_name(fault, monitor, key, within):
    found = told([usual(i) for i in range(BEGINS)] + [fault(i) for i in range(40)])
    assert {(one.monitor, one.key) for one in found} == {(monitor, key)}
    assert 0 <= found[0].after - BEGINS * EVERY <= within


def test_rows_that_are_old_or_not_there():
    grows = [newest(i) for i in range(BEGINS)] + [newest(BEGINS + i, 2.0 + 10 * i) for i in range(60)]
    (old,) = told([], grows)
    assert (old.monitor, old.key) == ("database-fresh", "orders")
    assert 290 <= old.after - BEGINS * EVERY <= 320
    gone = [newest(i) for i in range(5)] + [[{"table": "orders", "newest": None}]] * 5
    assert {one.monitor for one in told([], gone)} == {"database-empty"}


def test_tables_that_must_go_on_are_chosen_by_name():
    stands = [usual(i) for i in range(BEGINS)] + [usual(BEGINS)] * 40
    assert {one.monitor for one in told(stands)} == {"database-quiet"}
    assert told(stands, DATABASE_TABLES="public.payments") == []


def test_without_a_word_it_learns_how_long_is_usual():
    config = packs.load_with(["database"])
    assert played(config, database_tables=[usual(i) for i in range(30)] + [usual(30)] * 60) == []


def test_a_database_that_counts_anew_has_refused_and_lost_nothing():
    """After a crash PostgreSQL's statistics begin at zero."""
    rounds = [usual(i) for i in range(BEGINS)]
    rounds += [[table(ORDERS, 7 * i), table("public.settings", 0), table(REFUSED, 0)] for i in range(40)]
    assert told(rounds) == []
