"""What holds event time back: a truth table, one sentence per row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamgauge.batch import NEVER, Partition
from streamgauge.engines.reporting.status import PartitionStatus, StreamStatus
from streamgauge.monitor import Kind
from streamgauge.stores.contract import Position
from streamgauge.why.holding import time_from_positions, time_from_status

A, B = Partition("t", 0), Partition("t", 1)
FINE = PartitionStatus(10, 10, 0, caught_up=True, watermark=1000)
AHEAD = replace(FINE, watermark=5000)
LAGS = PartitionStatus(10, 1510, 1500, caught_up=False, watermark=1000)
UNSURE = replace(FINE, caught_up=False)
SILENT = PartitionStatus(0, 0, 0, caught_up=True, watermark=None)
UNREAD = PartitionStatus(0, 5, 5, caught_up=False, watermark=None)


def stream(first: PartitionStatus, second: PartitionStatus, lost: str | None = None) -> StreamStatus:
    marks = [part.watermark for part in (first, second)]
    lowest = None if None in marks else min(mark for mark in marks if mark is not None)
    return StreamStatus(0, 0, 0, 0.0, lowest, None, {str(A): first, str(B): second}, lost=lost)


@pytest.mark.parametrize(
    ("first", "second", "kind", "where", "says"),
    [
        (FINE, FINE, "mergeable", None, []),
        (LAGS, AHEAD, "mergeable", None, ["t:0 lags: 1,500 records not counted yet"]),
        (replace(LAGS, lag=1), AHEAD, "single", None, ["t:0 lags: 1 record not counted yet"]),
        (FINE, replace(LAGS, watermark=9000), "mergeable", None, []),
        (UNSURE, AHEAD, "mergeable", None, ["t:0 is not known to be read to its end"]),
        (FINE, UNREAD, "mergeable", None, ["t:1 has not brought a record yet"]),
        (FINE, SILENT, "mergeable", None, []),
        (LAGS, replace(AHEAD, lag=7), "aligned", B, ["t:1 lags: 7 records not counted yet"]),
        (LAGS, AHEAD, "aligned", B, []),
        (LAGS, AHEAD, "aligned", None, ["t:0 lags"]),
        (LAGS, UNSURE, "mergeable", None, ["t:0 lags", "t:1 is not known to be read to its end"]),
    ],
)
def test_what_holds_it_back(
    first: PartitionStatus, second: PartitionStatus, kind: Kind, where: Partition | None, says: list[str]
):
    time = time_from_status(stream(first, second), kind, where)
    assert len(time.held_back) == len(says), time.held_back
    for sentence, beginning in zip(time.held_back, says, strict=True):
        assert sentence.startswith(beginning)


def test_a_lost_source_is_said_first():
    time = time_from_status(stream(LAGS, AHEAD, lost="payments: no sign of life for 30s"), "mergeable", None)
    assert time.held_back[0] == "payments: no sign of life for 30s: its event time stands still"
    assert len(time.held_back) == 2


def test_without_a_partition_there_is_nothing_to_wait_for_yet():
    empty = StreamStatus(0, 0, 0, 0.0, None, None, {})
    assert time_from_status(empty, "mergeable", None).held_back == [
        "no partition is assigned to this process yet"
    ]


def test_an_aligned_key_has_its_own_partitions_watermark():
    assert time_from_status(stream(FINE, AHEAD), "aligned", B).watermark == 5000
    assert time_from_status(stream(FINE, AHEAD), "aligned", None).watermark == 1000
    assert time_from_status(stream(FINE, AHEAD), "mergeable", None).watermark == 1000
    assert time_from_status(stream(UNREAD, AHEAD), "aligned", None).watermark is None


def test_from_the_last_commit():
    positions = {A: Position(5, 3000, NEVER), B: Position(9, 8000, NEVER)}
    time = time_from_positions(positions, 500, "mergeable", None)
    assert (time.watermark, time.partitions) == (2500, {"t:0": 2500, "t:1": 7500})
    assert time.held_back == ["t:0 has come least far, and the others wait for it"]
    own = time_from_positions(positions, 500, "aligned", B)
    assert (own.watermark, own.held_back) == (7500, [])
    assert time_from_positions({}, 0, "single", None).watermark is None
    assert time_from_positions({A: Position(0, NEVER, NEVER)}, 0, "single", None).partitions == {"t:0": None}
