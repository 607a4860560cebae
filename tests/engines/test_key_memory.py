"""Keys: those without, those beyond the limit, those forgotten, and what a slot's next owner inherits (nothing)."""

from typing import Any

import pytest

from streamgauge.engines.running.stream_runner import StreamRunner
from tests.replaying import config, record, run, told
from tests.windows.driven import Driven

HOUR = 3600.0


def threshold(**window: Any) -> dict[str, Any]:
    cut = {"type": "tumbling", "size": "5s", "by": "k", "compute": {"n": "count(*)"}, **window}
    return {"window": cut, "detect": {"type": "threshold", "when": "n > 99"}}


def test_beyond_the_limit_new_keys_pool_into_other():
    configured = config({"m": threshold()}, limits={"keys": 2})
    rows = [record(1, k) for k in ("a", "b", "c", "d", "a", "c")]
    for size in (1, 100):
        windows = told(run(configured, rows, batch_size=size)).windows()
        assert {k: v["n"] for k, _, _, v in windows} == {"a": 2, "b": 1, "__other__": 3}


def test_records_that_pooled_are_counted():
    made = Driven(config({"m": threshold()}, limits={"keys": 1}))
    made.attach(0)
    made.take([record(1, k) for k in "abcab"])
    (bundle,) = made.runner.bundles.values()
    assert bundle.keys.pooled == 3


def test_a_limit_holds_per_partition_where_that_stands_alone():
    configured = config({"m": threshold()}, limits={"keys": 1}, partitioned_by="k")
    windows = told(run(configured, {0: [record(1, "a")], 1: [record(1, "b"), record(1, "c")]})).windows()
    assert {k for k, *_ in windows} == {"a", "b", "__other__"}


@pytest.mark.parametrize("size", [1, 2, 100])
def test_a_count_window_forgets_a_key_after_a_day_wherever_batches_end(size: int):
    cut = {"type": "count", "size": 2, "every": 1, "by": "k", "compute": {"old": "first(n)", "n": "count(*)"}}
    configured = config({"m": {"window": cut, "detect": {"type": "threshold", "when": "n > 9"}}})
    rows = [
        record(0, "a", n=1),
        *[record(hour * HOUR, "b", n=hour) for hour in range(1, 30)],
        record(30 * HOUR, "a", n=2),
    ]
    found = [v for k, _, _, v in told(run(configured, rows, batch_size=size)).windows() if k == "a"]
    assert found == [], "the first record was forgotten when the second came"
    soon = [
        record(0, "a", n=1),
        *[record(hour * HOUR, "b") for hour in range(1, 20)],
        record(20 * HOUR, "a", n=2),
    ]
    found = [v for k, _, _, v in told(run(configured, soon, batch_size=size)).windows() if k == "a"]
    assert found == [{"old": 1, "n": 2}]


@pytest.mark.parametrize("size", [1, 100])
def test_running_totals_of_a_forgotten_key_start_again(size: int):
    cut = {"type": "running", "every": "1h", "by": "k", "compute": {"n": "count(*)"}}
    configured = config({"m": {"window": cut, "detect": {"type": "threshold", "when": "n > 99"}}})
    rows = [record(0, "a"), *[record(hour * HOUR, "b") for hour in range(1, 30)], record(30 * HOUR, "a")]
    found = [v["n"] for k, _, _, v in told(run(configured, rows, batch_size=size)).windows() if k == "a"]
    assert found == [1, 1]


def test_a_slot_is_not_given_back_while_a_window_of_its_key_is_open():
    configured = config({"m": threshold(size="100h")}, limits={"forget": "1h"})
    rows = [record(0, "a"), *[record(hour * HOUR, "b") for hour in range(1, 90)], record(90 * HOUR, "new")]
    windows = told(run(configured, rows)).windows()
    assert {k: v["n"] for k, _, _, v in windows} == {"a": 1, "b": 89, "new": 1}


def test_memory_of_keys_that_come_and_go_is_bounded(monkeypatch: pytest.MonkeyPatch):
    made = Driven(config({"m": threshold()}, limits={"forget": "1h"}))
    made.attach(0)
    for hour in range(50):
        made.take([record(hour * HOUR + i, f"{hour}.{i}") for i in range(100)])
    (bundle,) = made.runner.bundles.values()
    assert bundle.keys.known <= 400
    assert len(bundle.keys) <= 400


def test_forgetting_waits_for_full_hours_so_that_most_batches_are_never_split(
    monkeypatch: pytest.MonkeyPatch,
):
    pieces: list[int] = []
    piece = StreamRunner._piece

    def counted(self: Any, bundle: Any, reading: Any, lanes: Any) -> None:
        pieces.append(len(reading))
        piece(self, bundle, reading, lanes)

    monkeypatch.setattr(StreamRunner, "_piece", counted)
    made = Driven(config({"m": threshold()}))
    made.attach(0)
    made.take([record(minute * 60.0, f"k{minute % 7}") for minute in range(40 * 60)])
    assert len(pieces) <= 20
    assert sum(pieces) == 40 * 60
