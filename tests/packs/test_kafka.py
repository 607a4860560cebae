"""The pack `kafka`, on answers as a cluster gives them: what lasts is told, what passes is not."""

from __future__ import annotations

from typing import Any

from streamgauge import packs
from tests.packs.playing import EVERY, played

WHOLE: dict[str, Any] = {"kind": "partition", "topic": "t", "partition": 0, "leader": 1, "replicas": 3,
                         "in_sync": 3, "missing_replicas": 0}  # fmt: skip
LACKS = {**WHOLE, "in_sync": 2, "missing_replicas": 1}
BEGINS = 12


def test_a_copy_that_is_back_within_seconds_is_not_told():
    rounds = [[WHOLE]] * BEGINS + [[LACKS]] * 2 + [[WHOLE]] * 60
    assert played(packs.load_with(["kafka"]), kafka_cluster=rounds) == []


def test_a_copy_that_stays_away_is_told_after_a_minute():
    (found,) = played(packs.load_with(["kafka"]), kafka_cluster=[[WHOLE]] * BEGINS + [[LACKS]] * 12)
    assert (found.monitor, found.key) == ("kafka-under-replicated", ["t", 0])
    assert found.after - BEGINS * EVERY == 60


def test_it_is_told_when_the_cluster_is_asked_as_seldom_as_the_pack_allows():
    """Every thirty seconds: between two answers the condition has not ended."""
    seldom = [[LACKS] if i % 3 == 0 else [] for i in range(12)]
    (found,) = played(packs.load_with(["kafka"]), kafka_cluster=[[WHOLE]] * BEGINS + seldom)
    assert found.after - BEGINS * EVERY == 60
