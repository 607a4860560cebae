"""The store full, locked, too new, damaged, or taken over: said aloud, and nothing lost or told twice."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from streamgauge.clock import SystemClock
from streamgauge.stores import Owner, open_store
from tests.exactness.running import Run, looking, read_so_far, until, write
from tests.exactness.watching import plain
from tests.services.missing import skip_or_fail

pytestmark = pytest.mark.services

RECORDS = 13_500
RATE = 3_000
PARTITIONS = 2


def config(**more: Any) -> dict[str, Any]:
    """Some seconds of payments from a fixed beginning, so that two runs see the same records."""
    source = {"type": "synthetic", "scenario": "payments", "seed": 3}
    amount = {"rate": RATE, "records": RECORDS, "partitions": PARTITIONS}
    fields = {
        "account": "string",
        "amount": {"type": "float", "min": 0},
        "country": "string",
        "at": "timestamp",
    }
    payments = {
        "source": {**source, **amount},
        "format": "json",
        "fields": fields,
        "partitioned_by": "account",
        "time": "at",
        "lateness": "200ms",
    }
    monitors = {
        "busy": _monitor("n > 5", by="account"),
        "land": _monitor(f"n > {RATE // 8}", by="country"),
        "all": _monitor(f"n > {RATE * 9 // 10}"),
    }
    channels = {"told": {"type": "csv", "path": "told.csv"}}
    return {"streams": {"payments": payments}, "monitors": monitors, "channels": channels, **more}


def _monitor(when: str, **by: str) -> dict[str, Any]:
    compute = {"n": "count(*)", "spent": "sum(amount)"}
    return {
        "stream": "payments",
        "window": {"type": "tumbling", "size": "1s", **by, "compute": compute},
        "detect": {"type": "threshold", "when": when},
        "notify": "told",
    }


def outcome(path: Path) -> dict[str, Any]:
    """Incidents, windows and notices that a finished run left."""
    with looking(path) as look:
        incidents = {
            i.id: {k: v for k, v in plain(i).items() if k != "deciding"}
            for i in look.incidents(limit=100_000)
        }
        windows = {name: sorted(look.history(name).rows()) for name in ("busy", "land", "all")}
        late = {(each.monitor, each.window_start): each.count for each in look.late_counts()}
    told = sorted(set(told_ids(path)))
    return {"incidents": incidents, "windows": windows, "late": late, "told": told}


def told_ids(path: Path) -> list[str]:
    """The ids of the notices in the file, in the order of telling."""
    return [line.split(",")[0] for line in (path.parent / "told.csv").read_text().splitlines()[1:]]


def done(path: Path) -> float:
    """Which part of the stream is committed."""
    return read_so_far(path, "payments") / (PARTITIONS * RECORDS)


def killed_at(path: Path, part: float) -> None:
    with Run(path) as run:
        until(lambda: done(path) > part, f"{part:.0%} of it committed", alive=run)


def to_the_end(path: Path) -> str:
    with Run(path) as run:
        assert run.ended() == 0, run.log
        return run.log


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = write(tmp_path_factory.mktemp("undisturbed"), config())
    to_the_end(path)
    result = outcome(path)
    assert {incident["monitor"] for incident in result["incidents"].values()} == {"busy", "land", "all"}
    assert sum(row[-2] for row in result["windows"]["all"]) > 0.95 * RECORDS
    return result


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was killed on its way."""
    folder = tmp_path_factory.mktemp("killed")
    killed_at(write(folder, config()), 0.35)
    return folder


@pytest.fixture
def half(killed: Path, tmp_path: Path) -> Path:
    """The configuration of a run that was killed on its way; a copy, to do with as one likes."""
    shutil.copytree(killed, tmp_path, dirs_exist_ok=True)
    return tmp_path / "watch.yaml"


@contextmanager
def the_file(path: Path, wait: float = 5.0) -> Iterator[sqlite3.Connection]:
    """The store beside a configuration, as another program would open it."""
    with closing(sqlite3.connect(path.parent / "store.db", timeout=wait)) as database, database:
        yield database


NEWEST_ENTRIES = """
SELECT state_id, generation, number, data FROM checkpoint_blocks AS b WHERE number > 0
AND (generation, number) = (SELECT generation, number FROM checkpoint_blocks AS o
    WHERE o.state_id = b.state_id ORDER BY generation DESC, number DESC LIMIT 1)
"""
SNAPSHOTS_WITH_AN_OLDER_ONE = """
SELECT state_id, generation, number, data FROM checkpoint_blocks AS b WHERE number = 0
AND generation = (SELECT max(generation) FROM checkpoint_blocks AS o WHERE o.state_id = b.state_id)
AND generation > (SELECT min(generation) FROM checkpoint_blocks AS o WHERE o.state_id = b.state_id)
"""


def damage(path: Path, which: str) -> int:
    """Turn over one byte in the middle of each of these blocks; of how many states."""
    with the_file(path) as database:
        found = database.execute(which).fetchall()
        for state, generation, number, data in found:
            spoilt = bytearray(data)
            spoilt[len(spoilt) // 2] ^= 0xFF
            place = "state_id = ? AND generation = ? AND number = ?"
            values = (bytes(spoilt), state, generation, number)
            database.execute(f"UPDATE checkpoint_blocks SET data = ? WHERE {place}", values)
    return len(found)


def test_a_damaged_block_goes_one_back_and_reads_its_records_again(undisturbed: dict[str, Any], half: Path):
    assert damage(half, NEWEST_ENTRIES) >= 2
    with Run(half) as run:
        until(lambda: run.says("checkpoint_damaged"), "a word about the log", alive=run)
        assert run.says("goes back to the last good point and reads again")
        until(lambda: done(half) > 0.6, "more of it committed", alive=run)
    # After a damaged entry comes a new snapshot; the one before it, with what is good of its log, is kept.
    assert damage(half, SNAPSHOTS_WITH_AN_OLDER_ONE) >= 2
    assert "checkpoint_damaged" in to_the_end(half)
    assert outcome(half) == undisturbed, "no window is kept and no late record counted twice either"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 32 megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        skip_or_fail("a small disk can be mounted by root only; run these tests as root")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: Path) -> Path:
    """Take all the room that is left on a disk."""
    filler = folder / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(bytes(65_536)):
            pass
    return filler


def test_a_full_disk_is_said_and_everything_goes_on_once_there_is_room(
    undisturbed: dict[str, Any], tmp_path: Path, small_disk: Path
):
    path = write(tmp_path, config(store=f"sqlite:///{small_disk}/store.db"))
    (tmp_path / "store.db").symlink_to(small_disk / "store.db")
    with Run(path) as run:
        until(lambda: done(path) > 0, "a commit", alive=run)
        filler = fill(small_disk)
        until(lambda: run.says("the store refuses commits"), "a word about the full disk", alive=run)
        assert run.says("cannot grow") or run.says("could not be written"), run.log
        filler.unlink()
        assert run.ended() == 0, run.log
        assert run.says("the store takes commits again")
    assert outcome(path) == undisturbed


def test_a_lock_is_waited_for(undisturbed: dict[str, Any], tmp_path: Path):
    path = write(tmp_path, config(store="sqlite:///store.db?timeout=0.2"))
    with Run(path) as run:
        until(lambda: done(path) > 0, "a commit", alive=run)
        with the_file(path, wait=30) as database:
            database.execute("BEGIN IMMEDIATE")
            until(lambda: run.says("the store refuses commits"), "a word about the lock", alive=run)
            assert run.says(f"(pid {os.getpid()})"), run.log
            assert done(path) < 1
        assert run.ended() == 0, run.log
        assert run.says("the store takes commits again")
    assert outcome(path) == undisturbed


def test_a_store_of_a_later_version_is_refused_with_a_sentence(half: Path):
    with the_file(half) as database:
        database.execute("UPDATE alembic_version SET version_num = 'ffff'")
    at = done_raw(half)
    with Run(half) as run:
        assert run.ended() == 3, run.log
        assert run.says("was written by Streamgauge")
        assert run.says("Install")
        assert not run.says("Traceback")
    assert done_raw(half) == at


def done_raw(path: Path) -> list[tuple[Any, ...]]:
    """The positions as they lie in the file, for a store that cannot be looked into."""
    with the_file(path) as database:
        return database.execute("SELECT * FROM positions ORDER BY partition").fetchall()


def test_a_second_process_on_a_store_is_refused_with_a_sentence(half: Path):
    first = open_store(f"sqlite:///{half.parent}/store.db", owner=Owner.this_process(), clock=SystemClock())
    with closing(first), Run(half) as second:
        while second.running:
            first.renew()
            second.pause_for(1)
        assert second.code == 3, second.log
        assert second.says(f"another Streamgauge (pid {os.getpid()} on host")
        assert not second.says("Traceback")
        assert first.still_mine()


def test_a_process_frozen_while_another_takes_over_writes_nothing_more(
    undisturbed: dict[str, Any], tmp_path: Path
):
    path = write(tmp_path, config())
    with Run(path) as frozen:
        until(lambda: done(path) > 0, "a commit", alive=frozen)
        before = until(lambda: _freeze(frozen, path), "a moment outside of a transaction", alive=frozen)
        to_the_end(path)
        told, result = told_ids(path), outcome(path)
        frozen.thaw()
        assert frozen.ended() == 3, frozen.log
        assert frozen.says("another process has taken the store")
        assert not frozen.says("Traceback")
    with the_file(path) as database:
        assert _epoch(database) == before + 1
    # What it was about to tell in that moment it may still tell: one notice, under the id that it had before.
    assert len(told_ids(path)) <= len(told) + 1
    assert outcome(path) == result == undisturbed


def _freeze(run: Run, path: Path) -> int:
    """Stop it, and age its ownership by eleven silent seconds without waiting for them; its epoch.

    0 where it was stopped in the middle of a transaction: then it goes on, for nobody could take over.
    """
    run.freeze()
    try:
        with the_file(path, wait=0.1) as database:
            database.execute("UPDATE leases SET renewed_at = renewed_at - 11000000")
            return _epoch(database)
    except sqlite3.OperationalError:
        run.thaw()
        return 0


def _epoch(database: sqlite3.Connection) -> int:
    found: int = database.execute("SELECT epoch FROM leases").fetchone()[0]
    return found
