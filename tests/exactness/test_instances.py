"""Several instances on one store: killed, frozen and woken, joined later, they come to what one alone came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamgauge.batch import Partition
from streamgauge.stores import open_reading
from streamgauge.testing import WebhookReceiver
from tests.exactness import watching
from tests.exactness.conftest import Prepared
from tests.exactness.running import Run, until, write
from tests.exactness.stream import SENTINEL
from tests.exactness.watching import SLOW, Found
from tests.services.postgresql import Database, PostgresServer

pytestmark = pytest.mark.services

TELL_OF_ONE = ("bad", "late")
"""Monitors of what one process reads; several refuse them."""

LEADS = "this instance leads"


def config(
    prepared: Prepared, receiver: WebhookReceiver, database: Database, **settings: Any
) -> dict[str, Any]:
    """The file of the kill tests, on a store that is shared."""
    watched = prepared.config(receiver, **settings)
    watched["monitors"] = {n: m for n, m in watched["monitors"].items() if n not in TELL_OF_ONE}
    return {**watched, "store": {"url": database.url(), "shared": True}}


def read(database: Database, reader: str, stream: str) -> dict[Partition, int]:
    """Offsets committed."""
    look = open_reading(database.url(), reader=reader)
    try:
        return {partition: at.next_offset for partition, at in look.positions(stream).items()}
    finally:
        look.close()


def is_done(database: Database, ends: Mapping[str, Mapping[Partition, int]]) -> bool:
    """All that is shared, and all that the leader reads, has come to its end; and everything is told."""
    shared = {"main": ("payments", "accounts"), "leader": ("payments", "readings")}
    at_end = all(
        read(database, reader, stream) == ends[stream]
        for reader, streams in shared.items()
        for stream in streams
    )
    waits = "SELECT count(*) FROM decided UNION ALL SELECT count(*) FROM outbox WHERE state = 'waiting'"
    return at_end and not any(count for (count,) in database.sql(waits))


def owners(database: Database) -> dict[str, int]:
    """How many partitions each instance has."""
    held = "SELECT holder, count(*) FROM partition_owners GROUP BY holder"
    return dict(database.sql(held))


def alone(found: Found) -> Found:
    """What one process found, without what only one can; nor the windows that close as long as nobody stops it."""
    for monitor in TELL_OF_ONE:
        found = found.without(monitor)

    def in_time(name: str) -> bool:
        return int(name.partition("#")[0].rpartition("-")[2]) < SENTINEL

    return replace(
        found,
        windows={name: [row for row in rows if row[2] <= SENTINEL] for name, rows in found.windows.items()},
        incidents={name: incident for name, incident in found.incidents.items() if in_time(name)},
        notices=Counter({name: n for name, n in found.notices.items() if in_time(name)}),
    )


def holds(database: Database, run: Run) -> int:
    """How many partitions a run has."""
    return sum(count for holder, count in owners(database).items() if holder.split("/")[1] == str(run.pid))


def leading(runs: Iterable[Run]) -> Run:
    """The one that leads."""
    return next(run for run in runs if run.says(LEADS))


def test_killed_frozen_woken_and_joined_they_find_what_one_finds(
    prepared: Prepared, undisturbed: Found, postgres: PostgresServer, tmp_path: Path
):
    database = postgres.new_database()
    with WebhookReceiver() as receiver, ExitStack() as running:
        path = write(tmp_path, config(prepared, receiver, database, **SLOW))

        def start() -> Run:
            return running.enter_context(Run(path))

        first = [start(), start()]
        until(lambda: any(run.says(LEADS) for run in first), "a leader", alive=first[0])
        until(lambda: all(holds(database, run) for run in first), "both to have a share", alive=first[0])
        killed = leading(first)
        killed.kill()
        (frozen,) = (run for run in first if run is not killed)
        until(lambda: frozen.says(LEADS), "another leader", alive=frozen)
        added = start()
        until(lambda: holds(database, added), "a share for the one that joined", alive=added)
        frozen.freeze()
        until(lambda: added.says(LEADS), "the next leader", alive=added)
        until(lambda: not holds(database, frozen), "its partitions to be another's", alive=added)
        frozen.thaw()
        until(lambda: frozen.says("another instance leads now"), "it to hear of that", alive=frozen)
        until(lambda: is_done(database, prepared.ends), "all read and told", alive=added)
        for run in (frozen, added):
            assert run.stop() == 0, run.log
        found = watching.found(path, watching.monitors())
        alone(found).same_as(alone(undisturbed))
        watching.check_told(receiver, found)
