"""A map that names streams beside it: those that are not there are told, and those of the packs may be missing."""

from __future__ import annotations

from typing import Any

import pytest

from streamgauge.config import ConfigErrors, load
from streamgauge.config.telling import rules_of

STEPS = [{"topic": "a"}, {"topic": "b"}]
WATCH = {"stream": "way", "detect": {"type": "silence", "after": "1m"}}


def way(**more: Any) -> dict[str, Any]:
    source = {"type": "pipeline", "brokers": "localhost:9092", "steps": STEPS, **more}
    cluster = {"type": "kafka_lag", "brokers": "localhost:9092"}
    return {"streams": {"way": {"source": source}, "cluster": {"source": cluster}}, "monitors": {"m": WATCH}}


def test_those_of_the_packs_are_known_by_themselves():
    assert "flink-cluster" in rules_of(load(way())).causes["way"]


def test_named_ones_take_their_place():
    assert rules_of(load(way(beside="cluster"))).causes == {"way": ("cluster",)}


def test_one_that_is_not_there_is_told():
    with pytest.raises(
        ConfigErrors, match=r"source\.beside: unknown stream `clustr`; did you mean `cluster`"
    ):
        load(way(beside=["clustr"]))
