"""Several instances on one store: whoever took a partition last writes for it, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from streamgauge.batch import Partition
from streamgauge.errors import StoreError, StoreTakenError
from streamgauge.incident import IncidentState
from streamgauge.stores import open_member, open_store
from streamgauge.stores.contract import Commit, Decided, LateCount
from streamgauge.stores.member import PartitionsLostError, SqlMember
from streamgauge.stores.sql import SqlStore
from streamgauge.testing import PushedClock
from tests.services.postgresql import Database
from tests.stores.given import BURST, ME, P0, P1, at, counts, incident, saving

pytestmark = pytest.mark.services

SAME = "the same file"
KEY = replace(BURST, name="payments/account")


@pytest.fixture
def kind() -> str:
    return "postgresql"


@contextmanager
def member(path: Database, clock: PushedClock, plan: str = SAME) -> Iterator[SqlMember]:
    with closing(open_member(path.url(), owner=ME, clock=clock, plan=plan)) as opened:
        yield opened


@contextmanager
def leader(path: Database, clock: PushedClock, plan: str | None = SAME) -> Iterator[SqlStore]:
    owner = replace(ME, reader="leader")
    with closing(open_store(path.url(), owner=owner, clock=clock, plan=plan)) as opened:
        yield opened


def read(partition: Partition, offset: int) -> Commit:
    """A commit of one partition."""
    return saving({"w": counts(*range(offset))}, offset, key=replace(KEY, partition=partition))


def test_whoever_took_a_partition_last_writes_and_the_one_before_writes_nothing_more(path, clock):
    with member(path, clock) as frozen, member(path, clock) as other:
        assert frozen.take("payments", [P0, P1]) == {}
        frozen.commit(read(P0, 5))
        clock.push(timedelta(seconds=1))
        frozen.commit(replace(read(P0, 6), late=[LateCount("burst", 1, 1)]))
        assert other.take("payments", [P0]) == {P0: at(6)}
        found = other.load(replace(KEY, partition=P0))
        assert found is not None
        assert found.positions[P0].next_offset == 6
        of_both = replace(
            read(P1, 3),
            positions={("payments", P0): at(9), ("payments", P1): at(3)},
            late=[LateCount("burst", 1, 1)],
        )
        with pytest.raises(PartitionsLostError) as lost:
            frozen.commit(of_both)
        assert lost.value.places == {("payments", P0)}
        assert frozen.positions("payments") == {P0: at(6)}
        assert frozen.late_counts() == [LateCount("burst", 1, 1)]
        frozen.leave("payments", [P0])
        frozen.commit(read(P1, 3))
        other.commit(read(P0, 7))
        assert other.positions("payments") == {P0: at(7), P1: at(3)}


def test_whoever_takes_a_partition_goes_on_with_what_others_wrote_since(path, clock):
    """Also where it had the partition before, and thinks to know what stands there."""
    with member(path, clock) as first, member(path, clock) as second:
        first.take("payments", [P0])
        first.commit(read(P0, 3))
        second.take("payments", [P0])
        second.commit(read(P0, 8))
        assert first.take("payments", [P0]) == {P0: at(8)}
        first.commit(read(P0, 9))
        second.take("payments", [P0])
        found = second.load(replace(KEY, partition=P0))
        assert found is not None
        assert len(found.tables["w"]["count"]) == 9
        assert not second.damages


def test_a_store_that_lost_commits_is_noticed(path, clock):
    with member(path, clock) as one:
        one.take("payments", [P0])
        one.commit(read(P0, 3))
        path.sql("UPDATE partition_owners SET committed_at = 1")
        clock.push(timedelta(seconds=1))
        with pytest.raises(PartitionsLostError):
            one.commit(read(P0, 4))
        assert one.take("payments", [P0]) == {P0: at(3)}
        one.commit(read(P0, 4))


def test_what_is_decided_waits_for_whoever_leads_and_goes_with_its_commit(path, clock):
    began, other = incident(episode=1), incident(episode=2)
    ended = replace(other, state=IncidentState.RESOLVED, resolved_at=9, reason="recovered")
    of_p0: dict[str, Any] = {"stream": "payments", "partition": P0}
    with member(path, clock) as one, leader(path, clock) as leads:
        one.take("payments", [P0])
        steps = [Decided(began, "began", ("ops",), **of_p0), Decided(other, "began", **of_p0)]
        one.commit(replace(read(P0, 3), decided=[*steps, Decided(ended, "ended", **of_p0)]))
        assert one.held("payments", P0) == [(began, False)]
        assert one.held("payments", P1) == []
        found = leads.decided()
        assert [(each.incident, each.cause, each.channels) for each in found] == [
            (began, "began", ("ops",)),
            (other, "began", ()),
            (ended, "ended", ()),
        ]
        assert leads.decided(after=found[0].sequence) == found[1:]
        leads.commit(Commit(incidents=[began], heard=[found[0].sequence]))
        assert leads.decided() == found[1:]
        by_hand = replace(began, state=IncidentState.RESOLVED, resolved_at=9, reason="resolved by hand")
        leads.commit(Commit(incidents=[by_hand], heard=[each.sequence for each in found[1:]]))
        assert leads.decided() == []
        assert one.over() == [began.id]
        assert one.held("payments", P0) == [(began, True)]
        one.commit(replace(read(P0, 4), decided=[Decided(by_hand, **of_p0)]))
        assert one.over() == []


def test_instances_whose_files_differ_are_refused(path, clock):
    with member(path, clock) as early, leader(path, clock, "another file"):
        with pytest.raises(StoreTakenError, match="run another file than this one"):
            early.take("payments", [P0])
        with pytest.raises(StoreTakenError, match="give all the same file"):
            early.commit(Commit())
        with pytest.raises(StoreTakenError), member(path, clock):
            pass
        assert early.positions("payments") == {}


def test_one_alone_and_several_do_not_share_a_store(path, clock):
    with (
        member(path, clock),
        pytest.raises(StoreError, match="shared by several instances; write `shared: true`"),
    ):
        open_store(path.url(), owner=ME, clock=clock)


def test_a_store_that_one_process_wrote_alone_is_left_to_it(store, path, clock):
    store.commit(read(P0, 3))
    store.close()
    with pytest.raises(StoreError, match="written by one process that ran alone"):
        open_member(path.url(), owner=ME, clock=clock, plan=SAME)
    with closing(open_store(path.url(), owner=ME, clock=clock)) as again:
        assert again.positions("payments") == {P0: at(3)}
