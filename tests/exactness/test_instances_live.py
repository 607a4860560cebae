"""Two instances on one store, side by side in this process: partitions added, acts of people, a monitor that fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from streamgauge.batch import Partition
from streamgauge.engines.instances import member
from streamgauge.errors import StoreTakenError
from streamgauge.incidents.actions import Act, Attend
from streamgauge.testing import WebhookReceiver
from tests.exactness.live import MANY as ANY_MANY
from tests.exactness.live import TOTAL, Live, clock, record, records, stream
from tests.exactness.test_changes import plugin  # noqa: F401  a fixture
from tests.services.kafka import Broker, unique
from tests.services.postgresql import PostgresServer

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("plain_kernels")]

SIZE = 120
"""Seconds of a window: no incident ends by itself while a test goes on."""
MANY: dict[str, Any] = {**ANY_MANY, "window": {**ANY_MANY["window"], "size": f"{SIZE}s"}}  # type: ignore[dict-item]

FAULTY = {
    **MANY,
    "window": {**ANY_MANY["window"], "size": "1s"},  # type: ignore[dict-item]
    "detect": {"type": "faulty", "at": 3},
}

SOON = {"topic.metadata.refresh.interval.ms": 300}


def window() -> float:
    """When the next window begins; what lies ahead of the clock a little is taken."""
    return (clock() // SIZE + 1) * SIZE


class Pair:
    """Two instances that watch one topic, which has two partitions at first."""

    def __init__(
        self, kafka: Broker, postgres: PostgresServer, receiver: WebhookReceiver, folder: Path, more: Any
    ) -> None:
        self.kafka, self.receiver = kafka, receiver
        self.topic = kafka.create_topic(unique(), 2)
        self.database = postgres.new_database()
        self.config: dict[str, Any] = {
            "streams": {"payments": stream(kafka, self.topic, settings=SOON)},
            "monitors": {"many": {**MANY, "notify": "ops"}, "total": TOTAL, **more},
            "channels": {"ops": {"type": "webhook", "url": receiver.url}},
            "store": {"url": self.database.url(), "shared": True},
        }
        self.one, self.two = (Live(folder, self.config, f"{name}.yaml") for name in ("one", "two"))

    def produce(self, account: str, moments: list[float], partition: int) -> None:
        self.kafka.produce(self.topic, records(account, moments), partition=partition)

    def both_share(self, *, of: int = 2) -> None:
        """Wait until each has some of the partitions, and together they have all."""

        def shared() -> bool:
            numbers = [len(live.payments.partitions) for live in (self.one, self.two)]
            return min(numbers) > 0 and sum(numbers) == of

        self.one.until(shared, "the partitions to be shared")

    def act(self, asked: Any) -> dict[str, Any]:
        """Ask whoever leads."""
        leads = [live.session.engine for live in (self.one, self.two) if live.session.engine is not None]
        assert len(leads) == 1
        return leads[0].act(asked).result(30)


@pytest.fixture
def pair(
    kafka: Broker, postgres: PostgresServer, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Pair]:
    with WebhookReceiver() as receiver, ExitStack() as running:
        pair = Pair(kafka, postgres, receiver, tmp_path, getattr(request, "param", {}))
        running.enter_context(pair.one)
        running.enter_context(pair.two)
        yield pair
        pair.two.stop()
        pair.one.stop()


def test_partitions_that_are_added_are_shared_and_people_act_on_what_any_instance_decided(pair: Pair):
    base = window()
    pair.both_share()
    pair.produce("a", [base, base + 0.1, base + 0.2, base + 0.3], 0)
    pair.produce("b", [base, base + 0.1, base + 0.2, base + 0.3], 1)
    pair.one.until(lambda: {i.key for i in pair.one.open("many")} == {"a", "b"}, "an incident of each")
    pair.kafka.add_partitions(pair.topic, 4)
    pair.both_share(of=4)
    for partition in range(4):
        pair.produce(f"c-{partition}", [base + 1, base + 1.1], partition)
    pair.one.until(lambda: pair.one.read() == 16, "each record once")
    (of_a,) = (incident for incident in pair.one.open("many") if incident.key == "a")
    done = pair.act(Act("resolve", of_a.id, "ann", "seen to"))
    assert done["reason"] == "resolved by hand"
    pair.one.until(lambda: not held(pair), "its owner to hear of that")
    later = base + SIZE
    pair.produce("a", [later, later + 0.1, later + 0.2, later + 0.3], 0)
    pair.one.until(lambda: {i.key for i in pair.one.open("many")} == {"a", "b"}, "another incident")
    pair.one.until(lambda: len(pair.receiver.notices) >= 4, "all to be told")
    told = [(n["key"], n["status"], n["n"]) for n in pair.receiver.notices]
    assert sorted(told) == [
        ("a", "firing", 1), ("a", "firing", 1), ("a", "resolved", 2), ("b", "firing", 1)
    ]  # fmt: skip


def held(pair: Pair) -> list[Any]:
    """Incidents that their owners have not forgotten yet though people ended them."""
    return pair.database.sql("SELECT id FROM held_incidents WHERE over")


def test_a_monitor_that_people_have_pause_takes_no_part_in_any_instance(pair: Pair):
    base = window()
    pair.both_share()
    assert pair.act(Attend("pause", "many", "ann"))["paused"] == "paused by hand: ann"
    both = (pair.one, pair.two)
    pair.one.until(lambda: all(live.now.monitors["many"].paused for live in both), "both to hear of that")
    for partition in (0, 1):
        pair.produce(f"a-{partition}", [base, base + 0.1, base + 0.2, base + 0.3], partition)
    pair.one.until(lambda: pair.one.read() == 8, "all to be read")
    assert pair.act(Attend("resume", "many", "ann"))["paused"] is None
    pair.one.until(lambda: not any(live.now.monitors["many"].paused for live in both), "both to hear of that")
    for partition in (0, 1):
        pair.produce(f"b-{partition}", [base, base + 0.1, base + 0.2, base + 0.3], partition)
    pair.one.until(lambda: len(pair.one.open("many")) == 2, "an incident in each partition")
    assert {incident.key for incident in pair.one.open("many")} == {"b-0", "b-1"}


def test_an_instance_with_another_file_is_refused(pair: Pair, tmp_path: Path):
    other = {**pair.config, "monitors": {"many": MANY}}
    with Live(tmp_path, other, "other.yaml") as third:
        pair.one.until(lambda: not third.running, "its end")
    with pytest.raises(StoreTakenError, match="run another file than this one"):
        third.stop()
    pair.two.stop()
    pair.one.stop()
    with Live(tmp_path, other, "other.yaml") as later:
        later.until(lambda: later.payments.partitions, "what all run from now on")
        later.stop()


def test_each_partition_is_read_from_where_the_other_left_it(pair: Pair):
    base = window()
    pair.both_share()
    for partition in (0, 1):
        pair.kafka.produce(pair.topic, [record(f"a-{partition}", base)], partition=partition)
    pair.one.until(lambda: pair.one.read() == 2, "both records")
    pair.two.stop()
    names = {str(Partition(pair.topic, number)) for number in (0, 1)}
    pair.one.until(lambda: set(pair.one.payments.partitions) == names, "the other's partition")
    for partition in (0, 1):
        pair.produce(f"a-{partition}", [base + 0.1, base + 0.2, base + 0.3], partition)
    pair.one.until(lambda: len(pair.one.open("many")) == 2, "what both partitions come to, counted on")
    assert all(incident.observed == {"events": 4} for incident in pair.one.open("many"))


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize("pair", [{"faulty": FAULTY}], indirect=True)
def test_a_monitor_that_fails_in_one_instance_is_paused_in_all_and_the_others_go_on_exactly(pair: Pair):
    base = window()
    pair.both_share()
    for partition in (0, 1):
        pair.produce(f"a-{partition}", [base, base + 0.1], partition)
    pair.one.until(lambda: pair.one.read() == 4, "the first records")
    pair.produce("a-0", [base + 0.2, base + 0.3, base + 3], 0)
    (failed,) = pair.one.until(lambda: pair.one.open("faulty"), "detector failed")
    assert failed.kind == "detector failed"
    both = (pair.one, pair.two)
    pair.one.until(lambda: all(live.now.monitors["faulty"].paused for live in both), "both to hear of that")
    pair.produce("a-1", [base + 0.2, base + 0.3], 1)
    pair.one.until(lambda: len(pair.one.open("many")) == 2, "what both partitions come to")
    assert all(incident.observed == {"events": 4} for incident in pair.one.open("many"))
    assert [incident.kind for incident in pair.one.incidents("faulty")] == ["detector failed"]


def test_a_partition_that_the_store_says_is_another_s_and_the_group_does_not_is_taken_back(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
):
    """As if an instance had been frozen between being given a partition and asking the store for it."""
    monkeypatch.setattr(member, "UNOWNED", 0.5)
    base = window()
    pair.both_share()
    for partition in (0, 1):
        pair.produce(f"a-{partition}", [base, base + 0.1], partition)
    pair.one.until(lambda: pair.one.read() == 4, "the first records")
    pair.database.sql("UPDATE partition_owners SET epoch = epoch + 1, holder = 'another'")
    for partition in (0, 1):
        pair.produce(f"a-{partition}", [base + 0.2, base + 0.3], partition)
    pair.one.until(lambda: len(pair.one.open("many")) == 2, "what both partitions come to, counted once")
    assert all(incident.observed == {"events": 4} for incident in pair.one.open("many"))
    pair.one.until(lambda: pair.one.read() == 8, "all to be read")
    assert pair.database.sql("SELECT count(*) FROM partition_owners WHERE holder = 'another'") == [(0,)]
