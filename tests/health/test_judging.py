"""What is said after a look, from answers as a cluster would give them."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from streamgauge import packs
from streamgauge.batch import Partition
from streamgauge.health.judging import Standing, exit_code, judge
from streamgauge.health.looking import Look
from streamgauge.sources.contract import Slice

START = 1_700_000_000_000_000
CLUSTER = {"kind": "cluster", "brokers": 3}
WELL = {"kind": "partition", "topic": "t", "partition": 0, "leader": 1, "missing_replicas": 0}
BROKER = {"kind": "broker", "broker": 1}


def group(offset: int, end: int, owner: str | None = None, **more: Any) -> dict[str, Any]:
    about = {"kind": "group", "group": "g", "topic": "t", "partition": 0, "members": int(owner is not None)}
    return {**about, "offset": offset, "end": end, "start": 0, "owner": owner, "state": "STABLE", **more}


def stood(*answers: list[dict[str, Any]], **given: str) -> dict[str, Standing]:
    """By monitor, how it stands after answers two seconds apart."""
    look, at = Look(len(answers)), 0
    for i, rows in enumerate(answers):
        records = [msgspec.json.encode(row) for row in [CLUSTER, BROKER, WELL, *rows]]
        offsets = np.arange(at, at := at + len(records))
        times = np.full(len(records), START + 2_000_000 * i)
        look.slices.append(Slice(Partition("kafka-cluster", 0), offsets, times, at, records))
    found = judge(packs.load_with(["kafka"], given=given), {"kafka-cluster": look})
    return {one.what: one for one in found}


@pytest.mark.parametrize(
    ("answers", "state", "why"),
    [
        ([group(30, 30)], "ok", "lag 0"),  # one look is enough to see that nothing is unread
        ([group(10, 30, "c")], "learning", "one answer does not show whether it moves"),
        ([group(10, 30)], "learning", "one answer does not show"),  # it may come back to the next
        ([group(10, 30), group(10, 30)], "critical", "status STOP, lag 20"),  # nobody reads
        ([group(10, 30, "c"), group(10, 30, "c")], "learning", "it did not move"),  # may commit each minute
        ([group(10, 30, "c"), group(20, 90, "c")], "learning", "it moved (5 a second)"),  # may be catching up
        ([group(10, 30, "c"), group(5, 40, "c")], "critical", "status REWIND"),
        ([group(10, 30, "c"), group(10, 30, "c", start=15)], "critical", "lost 5"),  # gone, whoever reads
        ([group(30, 30), group(30, 30, state="GONE")], "critical", "status GONE"),
        (
            [group(10, 30, "c", lag_seconds=95.0, expires_in=5.0)] * 2,
            "critical",
            "lag_seconds 95",
        ),  # about to go
        ([group(10, 30, "c", lag_seconds=5.0, expires_in=95.0)] * 2, "learning", "it did not move"),
        ([group(0, 30), group(30, 30)], "ok", "lag 0"),  # it has caught up meanwhile
    ],
)
def test_what_a_short_look_knows_of_a_lag(answers, state, why):
    found = stood(*([answer] for answer in answers))["kafka-lag"]
    assert (found.state, found.key) == (state, "g")
    assert why in found.why
    assert bool(found.do) == (state == "critical")


@pytest.mark.parametrize(
    ("row", "monitor", "state"),
    [
        ({**WELL, "topic": "u", "leader": -1}, "kafka-offline", "critical"),
        ({**WELL, "topic": "u", "missing_replicas": 1}, "kafka-under-replicated", "warning"),
        ({"kind": "group", "group": "g", "error": "not allowed"}, "kafka-groups-unanswered", "warning"),
    ],
)
def test_what_is_wrong_now_is_told_and_what_was_before_is_not(row, monitor, state):
    found = stood([], [row])[monitor]
    assert found.state == state
    assert found.do
    assert exit_code([found]) == 1
    assert stood([row], [])[monitor].state == "ok"


@pytest.mark.parametrize(
    ("answers", "do"),
    [
        ([group(10, 30), group(10, 30)], "STOP: nobody reads, start the consumer."),
        ([group(10, 30, "c"), group(5, 40, "c")], "REWIND: were offsets reset on purpose?"),
        (
            [group(10, 30, "c"), group(10, 30, "c", start=15)],
            "STALL: look for the record it cannot get past. LOST: retention took unread records, raise retention.ms now.",
        ),
    ],
)
def test_what_to_do_is_what_this_lag_asks_for(answers, do):
    assert stood(*([answer] for answer in answers))["kafka-lag"].do == do


def test_all_is_well_and_what_shows_over_time_only_is_said():
    found = stood([group(30, 30)], [group(30, 30)])
    assert {name for name, one in found.items() if one.state != "ok"} == {"kafka-broker-gone"}
    assert found["kafka-broker-gone"].state == "learning"
    assert exit_code(list(found.values())) == 0


def test_a_group_that_nothing_is_known_of_is_not_said_to_keep_up():
    found = stood([], [{"kind": "group", "group": "g", "error": "not allowed"}])
    assert found["kafka-lag"].why == "no consumer group"
    assert found["kafka-groups-unanswered"].key == "g"


def test_fewer_brokers_than_stated():
    assert stood([], KAFKA_BROKER_COUNT="3")["kafka-brokers"].state == "ok"
    assert stood([], KAFKA_BROKER_COUNT="4")["kafka-brokers"].why == "brokers 3; expected brokers >= 4"


def test_what_is_away_is_told_and_decides_the_code():
    config = packs.load_with(["kafka"])
    found = judge(config, {"kafka-cluster": Look(trouble="no answer")}, packs.addresses(["kafka"]))
    assert "address (KAFKA_BROKERS), login" in found[0].do
    assert [(one.what, one.state) for one in found] == [("stream kafka-cluster", "unreachable")]
    assert exit_code(found) == 3
