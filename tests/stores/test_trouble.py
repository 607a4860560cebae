"""Full disks, locks, damages and wrong files: said in words, nothing lost, and the same commit goes through later."""

import os
import resource
import sqlite3
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest

from streamgauge.clock import SystemClock
from streamgauge.errors import ConfigError, StoreDamagedError, StoreError, StoreTooNewError
from streamgauge.state import Tables
from streamgauge.stores import open_reading, open_store
from streamgauge.stores.contract import Commit
from streamgauge.stores.sql import SqlStore
from tests.stores.given import GONE, ME, P0, assert_same, at, everything_in, incident, saved, saving, sql

MAY_MOUNT = os.getuid() == 0


@pytest.fixture
def kind():
    return "sqlite"


def random_numbers(seed: int, n: int = 40_000) -> Tables:
    return {"w": {"x": np.random.default_rng(seed).random(n)}}


@pytest.fixture
def limited(tmp_path):
    """A folder in which files cannot grow beyond 2 MiB, and what lifts that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * 1024 * 1024, hard))

    def lift() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    yield tmp_path, lift
    lift()


@pytest.fixture
def full(tmp_path):
    """A real small disk, and what makes it larger."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=True)
    yield folder, lambda: subprocess.run(["mount", "-o", "remount,size=64m", folder], check=True)
    subprocess.run(["umount", "-l", folder], check=True)


def refusal(store: SqlStore, offset: int) -> str:
    """What a commit says that finds no room; empty if it found some."""
    try:
        store.commit(saving(random_numbers(offset), offset))
    except StoreError as error:
        return str(error)
    return ""


LIMITED = ("limited", "could not be written (disk I/O error")
FULL = ("full", "cannot grow (database or disk is full")


@pytest.mark.parametrize(("disk", "problem"), [FULL, LIMITED] if MAY_MOUNT else [LIMITED])
def test_on_a_full_disk_a_commit_is_refused_whole_and_goes_through_later(disk, problem, request, clock):
    folder, make_room = request.getfixturevalue(disk)
    path = folder / "s.db"
    store = open_store(f"sqlite:///{path}", owner=ME, clock=clock)
    offset, said = 0, ""
    while not said:
        offset += 1
        said = refusal(store, offset)
    assert said.startswith(f"the store {path} {problem}")
    assert " free): " in said
    assert "Nothing was written, nothing is lost, and it is tried again" in said
    assert 1 < offset < 100
    assert store.positions("payments") == {P0: at(offset - 1)}
    assert_same(saved(store).tables, random_numbers(offset - 1))
    assert refusal(store, offset)
    make_room()
    store.commit(saving(random_numbers(offset), offset))
    assert_same(saved(store).tables, random_numbers(offset))
    store.close()
    again = open_store(f"sqlite:///{path}", owner=ME, clock=clock)
    assert_same(saved(again).tables, random_numbers(offset))
    assert again.positions("payments") == {P0: at(offset)}
    again.close()


@contextmanager
def locked(path):
    """Another connection that holds the write lock."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


def test_a_lock_by_another_connection_is_said_and_passes(store, path):
    with locked(path):
        with pytest.raises(
            StoreError, match=rf"the store {path} is locked by another program \(waited 0.2 s\)"
        ):
            store.commit(saving({}, 1))
        assert store.positions("payments") == {}
    store.commit(saving({}, 1))
    assert store.positions("payments") == {P0: at(1)}


def test_a_lock_by_another_process_is_said_naming_it(store, path):
    script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
    script += "c.execute('BEGIN IMMEDIATE'); print('locked', flush=True); sys.stdin.readline()"
    other = subprocess.Popen(
        [sys.executable, "-c", script, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "locked\n"
    with pytest.raises(StoreError, match=rf"is locked by .* \(pid {other.pid}\)"):
        store.commit(saving({}, 1))
    other.communicate("go\n")
    store.commit(saving({}, 1))


def test_a_look_is_not_hindered_by_a_lock(store, path, url):
    store.commit(Commit(incidents=[incident()]))
    with locked(path):
        look = open_reading(url)
        assert look.incidents() == [incident()]
        look.close()


def test_a_missing_folder_is_named(tmp_path, clock):
    with pytest.raises(StoreError, match=rf"the folder {tmp_path}/not/there does not exist; create it"):
        open_store(f"sqlite:///{tmp_path}/not/there/s.db", owner=ME, clock=clock)


@pytest.mark.parametrize("wrong", ["soon", "-1", "nan", "inf"])
def test_a_timeout_that_is_no_number_of_seconds_is_named(tmp_path, clock, wrong):
    with pytest.raises(ConfigError, match=rf"timeout={wrong} is no number of seconds"):
        open_store(f"sqlite:///{tmp_path}/store.db?timeout={wrong}", owner=ME, clock=clock)


def test_a_folder_in_the_place_of_the_file_is_named(tmp_path, clock):
    with pytest.raises(StoreError, match="is a folder; name a file in it"):
        open_store(f"sqlite:///{tmp_path}", owner=ME, clock=clock)


@contextmanager
def read_only(folder):
    """A folder that cannot be written: by its mode, and for root by a mount."""
    if MAY_MOUNT:
        subprocess.run(["mount", "--bind", folder, folder], check=True)
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        yield
        subprocess.run(["umount", "-l", folder], check=True)
    else:
        folder.chmod(0o500)
        yield
        folder.chmod(0o700)


@pytest.mark.parametrize("there", [True, False], ids=["a store", "no store yet"])
def test_a_read_only_folder_is_said(tmp_path, clock, there):
    folder = tmp_path / "folder"
    folder.mkdir()
    if there:
        open_store(f"sqlite:///{folder}/s.db", owner=ME, clock=clock).close()
        if not MAY_MOUNT:
            (folder / "s.db").chmod(0o400)
    with read_only(folder):
        with pytest.raises(StoreError, match=r"s\.db cannot be (opened|written): .*"):
            open_store(f"sqlite:///{folder}/s.db", owner=ME, clock=clock)
    assert [file.name for file in folder.iterdir()] == (["s.db"] if there else [])


def test_a_file_that_is_no_database_is_left_alone(path, url, clock):
    path.write_bytes(b"streams:\n  payments: {}\n" * 1000)
    for attempt in (lambda: open_store(url, owner=ME, clock=clock), lambda: open_reading(url)):
        with pytest.raises(StoreDamagedError, match="is not a SQLite database, or its beginning is damaged"):
            attempt()
    assert path.read_bytes() == b"streams:\n  payments: {}\n" * 1000


def test_another_programs_database_is_left_alone(path, url, clock):
    sql(path, "CREATE TABLE customers (id INTEGER)")
    with pytest.raises(StoreError, match=r"holds other tables already \(customers …\)"):
        open_store(url, owner=ME, clock=clock)
    assert sql(path, "SELECT name FROM sqlite_master") == [("customers",)]


def test_a_damaged_page_is_said_with_the_way_out(path, url, clock):
    store = open_store(url, owner=ME, clock=clock)
    store.commit(saving(random_numbers(1), 1))
    store.close()
    data = bytearray(path.read_bytes())
    for page in range(1, len(data) // 16_384):
        data[page * 16_384 : page * 16_384 + 200] = b"\xff" * 200
    path.write_bytes(data)
    with pytest.raises(StoreDamagedError, match=r"is damaged \(.*malformed.*\); put back a copy"):
        open_store(url, owner=ME, clock=clock)


class TestVersions:
    def test_a_store_of_a_later_version_is_refused_and_left_alone(self, store, url, path, clock):
        store.close()
        sql(path, "UPDATE alembic_version SET version_num='0999'")
        sql(path, "UPDATE meta SET value='7.1.0' WHERE name='written_by'")
        before = everything_in(path)
        for attempt in (lambda: open_store(url, owner=ME, clock=clock), lambda: open_reading(url)):
            with pytest.raises(
                StoreTooNewError, match=r"written by Streamgauge 7\.1\.0 .* Install streamgauge>=7\.1\.0"
            ):
                attempt()
        assert everything_in(path) == before

    def test_a_look_does_not_bring_an_older_store_up_to_date(self, store, url, path, monkeypatch):
        store.close()
        monkeypatch.setattr("streamgauge.stores.migrate.HEAD", "0002")
        with pytest.raises(StoreError, match="start `streamgauge run` once, which brings it up to date"):
            open_reading(url)


def test_a_failed_opening_leaves_no_connection_behind(url, path):
    """The next opening of a store that was refused finds no lock."""
    first = open_store(url, owner=ME, clock=SystemClock())
    with pytest.raises(StoreError, match="has the store"):
        open_store(url, owner=GONE, clock=SystemClock())
    first.close()
    open_store(url, owner=GONE, clock=SystemClock()).close()
