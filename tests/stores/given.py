"""What the tests of the stores start from: owners, states, commits, and a look at a store's file."""

import os
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgauge.batch import BadRecord, Partition
from streamgauge.incident import Incident, IncidentState, Notice
from streamgauge.keys import Key
from streamgauge.state import Tables
from streamgauge.stores import Owner
from streamgauge.stores.contract import Commit, Position, SavedState, StateKey, StateWrite
from streamgauge.stores.schema import metadata
from streamgauge.stores.sql import SqlStore
from tests.services.postgresql import Database

ME = Owner.this_process()
GONE = Owner(ME.host, 2**22 + 1, 0)
"""A process of this host that cannot be alive: its number is beyond the kernel's largest."""

P0, P1 = Partition("payments", 0), Partition("payments", 1)
BURST = StateKey("burst", "a1b2", P0)


def at(offset: int) -> Position:
    """A position; its times follow from the offset, so that a mix-up shows."""
    return Position(offset, offset * 1000, offset - 1)


def counts(*values: int) -> dict[str, NDArray[Any]]:
    """A table of a window's kind, one row per value: numbers, a float that may be NaN, a flag and a key."""
    n = len(values)
    return {
        "count": np.array(values, np.int64),
        "mean": np.array([v / 2 if v else np.nan for v in values], np.float64),
        "slot": np.arange(n, dtype=np.int32),
        "open": np.array([v % 2 == 1 for v in values], np.bool_),
        "key": np.array([f'"k-{i}"' if i % 3 else None for i in range(n)], object),
    }


def saving(tables: Tables, offset: int = 1, *, key: StateKey = BURST, version: int = 1) -> Commit:
    """A commit of one state at ``offset``."""
    partition = key.partition or P0
    return Commit(
        positions={("payments", partition): at(offset)},
        states={key: StateWrite(tables, version, {partition: at(offset)})},
    )


def saved(store: SqlStore, key: StateKey = BURST) -> SavedState:
    """What the store has of a state that it must have."""
    found = store.load(key)
    assert found is not None
    return found


def assert_same(tables: Tables, other: Tables) -> None:
    """Equal bit for bit, types included."""
    assert tables.keys() == other.keys()
    for name, table in tables.items():
        assert table.keys() == other[name].keys()
        for column, values in table.items():
            found = other[name][column]
            assert values.dtype == found.dtype, (name, column)
            if values.dtype == object:
                assert values.tolist() == found.tolist(), (name, column)
            else:
                assert values.tobytes() == found.tobytes(), (name, column)


def incident(
    key: Key = "a-7", episode: int = 1, state: IncidentState = IncidentState.FIRING, **changes: Any
) -> Incident:
    fields: dict[str, Any] = {
        "monitor": "burst",
        "key": key,
        "kind": "verdict",
        "episode": episode,
        "state": state,
        "severity": "critical",
        "opened_at": 1_000_000 + episode,
        "title": f"burst of {key}: events 101 > 100",
        "observed": {"events": 101, "spent": 7.5},
        "expected": "events <= 100",
        "samples": ({"account": "a-7", "amount": 3.5},),
        "notices": 1,
    }
    return Incident(**{**fields, **changes})


def notice(of: Incident | None = None, n: int = 1, channel: str = "ops") -> Notice:
    return Notice(of or incident(), n, channel)


def bad(offset: int, payload: bytes | None = b"{", partition: Partition = P0) -> BadRecord:
    return BadRecord(partition, offset, "not JSON", payload, at=offset * 1000)


def copy_of(path: Path, to: Path) -> Path:
    """The files as a kill at this instant would leave them; the path of the copy's database."""
    to.mkdir()
    for file in path.parent.glob(path.name + "*"):
        if not file.name.endswith("-shm"):  # shared memory does not survive
            shutil.copy(file, to / file.name)
    return to / path.name


def blocks(path: Path | Database) -> list[tuple[int, int, int]]:
    """(generation, number, size) of every block in a store."""
    return [(g, n, len(data)) for g, n, data in sql(path, _BLOCKS)]


def flip(path: Path | Database, generation: int, number: int, *, byte: int = -9) -> None:
    """Turn one bit of a block around, as a bad disk would."""
    ((data,),) = sql(
        path, "SELECT data FROM checkpoint_blocks WHERE generation=? AND number=?", generation, number
    )
    spoilt = bytearray(data)
    spoilt[byte] ^= 0x10
    change = "UPDATE checkpoint_blocks SET data=? WHERE generation=? AND number=?"
    sql(path, change, bytes(spoilt), generation, number)


_BLOCKS = "SELECT generation, number, data FROM checkpoint_blocks ORDER BY state_id, generation, number"


def sql(path: Path | Database, statement: str, *values: Any) -> list[Any]:
    """What a statement finds, past all of the store's code."""
    if isinstance(path, Database):
        return path.sql(statement.replace("?", "%s"), *values)
    connection = sqlite3.connect(path)
    try:
        with connection:
            return connection.execute(statement, values).fetchall()
    finally:
        connection.close()


def rows(path: Path | Database, table: str) -> list[Any]:
    """Everything in a table, as plain tuples."""
    return sql(path, f"SELECT * FROM {table} ORDER BY 1, 2")


def counted(number: int) -> Commit:
    """The commit of a process that counts: the number stands in its state, position and outbox."""
    table = {"count": np.arange(number, number + 4000, dtype=np.int64)}
    commit = saving({"w": table}, number)
    return replace(commit, notices=[notice(incident(episode=number))], incidents=[incident(episode=number)])


def child(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    """A process of ``tests.stores.child``; see there."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.stores.child", *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, **environment},
    )


def everything_in(path: Path | Database) -> dict[str, list[Any]]:
    """All that stands in a store."""
    return {table.name: rows(path, table.name) for table in metadata.sorted_tables}
