"""One writer at a time, across processes that die, freeze and wake."""

import os
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta

import pytest

from streamgauge.clock import SystemClock, iso
from streamgauge.errors import StoreError, StoreTakenError
from streamgauge.stores import Owner, open_store
from streamgauge.stores.contract import Answered, Commit
from streamgauge.stores.owner import is_gone
from streamgauge.testing import PushedClock
from tests.stores.given import GONE, ME, P0, at, bad, child, everything_in, notice, saving, sql

ELSEWHERE = Owner("another-host", 7, 70)


def test_a_store_that_is_open_is_refused_naming_who_has_it(store, url, clock, path):
    with pytest.raises(StoreError) as refused:
        open_store(url, owner=ME, clock=clock)
    assert str(refused.value) == (
        f"another Streamgauge (pid {ME.pid} on host {ME.host}, since {iso(clock.now())}) has the store {path} "
        "open; stop it, or wait until it has been silent for 10 s"
    )
    store.commit(saving({}))


def test_after_an_orderly_end_the_next_one_opens_at_once_with_a_later_epoch(url, clock):
    epochs = []
    for owner in (ME, ELSEWHERE, ME):
        store = open_store(url, owner=owner, clock=clock)
        epochs.append(store.epoch)
        store.close()
    assert epochs == [1, 2, 3]


@pytest.mark.parametrize(
    ("holder", "why"),
    [
        (GONE, "no such process"),
        (Owner(ME.host, ME.pid, ME.pid_started - 3_600_000_000), "its number was given to a later process"),
    ],
)
def test_a_dead_holder_of_this_host_is_followed_at_once(url, clock, holder, why):
    first = open_store(url, owner=holder, clock=clock)
    second = open_store(url, owner=ME, clock=clock)
    assert second.epoch == first.epoch + 1
    second.close()


def test_a_holder_elsewhere_is_followed_once_it_has_been_silent_for_the_time_out(url, clock):
    open_store(url, owner=ELSEWHERE, clock=clock)
    clock.push(timedelta(seconds=10))
    with pytest.raises(StoreError, match="pid 7 on host another-host"):
        open_store(url, owner=ME, clock=clock)
    clock.push(timedelta(microseconds=1))
    open_store(url, owner=ME, clock=clock).close()


def test_the_time_out_starts_anew_with_each_commit_and_renewal(url, clock):
    store = open_store(url, owner=ELSEWHERE, clock=clock)
    for write in (store.renew, lambda: store.commit(Commit())):
        clock.push(timedelta(seconds=9))
        write()
    clock.push(timedelta(seconds=9))
    with pytest.raises(StoreError, match="has the store"):
        open_store(url, owner=ME, clock=clock)


def test_who_lost_the_store_writes_nothing_more(url, clock, path):
    old = open_store(url, owner=ELSEWHERE, clock=clock)
    old.commit(Commit(notices=[notice()], dead_letters=[("payments", bad(1))]))
    clock.push(timedelta(seconds=11))
    new = open_store(url, owner=ME, clock=clock)
    assert (old.still_mine(), new.still_mine()) == (False, True)
    before = everything_in(path)
    writes: list[Callable[[], None]] = [
        lambda: old.commit(saving({}, 5)),
        old.renew,
        lambda: old.answered([Answered(1, "delivered", "", 1, 0, 0)]),
        lambda: old.mark_replayed([1], 5),
    ]
    for write in writes:
        with pytest.raises(StoreTakenError, match="since this one was silent for longer than 10 s"):
            write()
    old.close()
    assert everything_in(path) == before
    assert new.still_mine()
    new.close()


def test_who_finds_an_older_store_than_it_left_writes_nothing_more(store, url, clock, path):
    """A copy was put back, or a standby that lacked the newest commits took over, while it lived on."""
    store.commit(saving({}, 1))
    before = sql(path, "SELECT renewed_at FROM leases")[0][0]
    clock.push(timedelta(seconds=1))
    store.commit(saving({}, 2))
    sql(path, "UPDATE leases SET renewed_at = ?", before)
    sql(path, "UPDATE positions SET next_offset = 1")
    for write in (lambda: store.commit(saving({}, 3)), store.renew):
        with pytest.raises(StoreTakenError, match="its newest commits are gone"):
            write()
    assert store.positions("payments")[P0].next_offset == 1


def test_is_gone_knows_only_its_own_host():
    assert is_gone(GONE.host, GONE.pid, GONE.pid_started)
    assert not is_gone("another-host", GONE.pid, GONE.pid_started)
    assert not is_gone(ME.host, ME.pid, ME.pid_started)
    assert not is_gone(
        ME.host, ME.pid, ME.pid_started + 1_500_000
    )  # start times are read a little differently


def holding(url: str) -> subprocess.Popen[str]:
    """A process that has the store."""
    holder = child("hold", url)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "ready\n"
    return holder


def test_of_a_container_that_is_named_alike_nobody_knows_who_is_gone():
    """It has processes of its own, whose numbers mean nothing here."""
    among = Owner.among_several()
    assert among.host.startswith(f"{ME.host}~")
    assert is_gone(among.host, GONE.pid, 0)
    assert not is_gone(among.host, among.pid, among.pid_started)
    assert not is_gone(f"{ME.host}~another", GONE.pid, 0)


def test_a_holder_killed_and_not_yet_buried_is_dead(url):
    holder = holding(url)
    holder.kill()
    os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)  # it stays a zombie
    store = open_store(url, owner=ME, clock=SystemClock())
    assert store.epoch == 2
    store.close()
    holder.communicate()


def test_a_holder_that_lives_keeps_it_across_processes(url):
    holder = holding(url)
    with pytest.raises(StoreError, match=f"pid {holder.pid} on host {ME.host}"):
        open_store(url, owner=ME, clock=SystemClock())
    said, _ = holder.communicate("go\n", timeout=30)
    assert said == "committed\n"


def test_a_process_frozen_beyond_its_time_out_and_woken_writes_nothing(url):
    holder = holding(url)
    os.kill(holder.pid, signal.SIGSTOP)
    later = PushedClock(SystemClock().now() + 11_000_000)  # eleven seconds that nobody has to wait
    store = open_store(url, owner=ME, clock=later)
    store.commit(saving({}, 5))
    os.kill(holder.pid, signal.SIGCONT)
    said, _ = holder.communicate("go\n", timeout=30)
    assert said.startswith("StoreTakenError another process has taken the store")
    assert store.positions("payments") == {P0: at(5)}
    store.close()


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_lock_at_the_end_is_said_and_no_error(url, clock, path, capsys):
    store = open_store(url, owner=ME, clock=clock)
    store.commit(saving({}, 3))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        store.close()
    said = capsys.readouterr()
    assert "the store could not be marked as free" in said.out + said.err
    assert "is locked by" in said.out + said.err
    assert everything_in(path)
    clock.push(timedelta(seconds=11))
    later = open_store(url, owner=ME, clock=clock)
    assert later.positions("payments")[P0].next_offset == 3
    later.close()
