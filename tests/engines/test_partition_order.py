"""Parts are merged in partition order, whatever order the partitions came in: the same last bit every time."""

import copy
from typing import Any

import pytest

from streamgauge.batch import Partition
from tests.replaying import STREAM, config, record
from tests.windows.driven import Driven

VALUES = {0: 0.1, 1: 0.7, 2: 1e16, 3: -1e16}
EXPECTED = ((VALUES[0] + VALUES[1]) + VALUES[2]) + VALUES[3]
ORDERS = [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]]


def monitor(kind: str, **more: Any) -> dict[str, Any]:
    cut = {
        "type": kind,
        ("every" if kind == "running" else "size"): "5s",
        "compute": {"s": "sum(v)", "n": "count(*)"},
    }
    return {"window": cut, "detect": {"type": "threshold", "when": "s > 1e300"}, **more}


@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize("kind", ["tumbling", "running"])
@pytest.mark.parametrize("restored", [False, True], ids=["in one go", "restored between"])
def test_sums_are_added_in_partition_order(order: list[int], kind: str, restored: bool):
    made = Driven(config({"m": monitor(kind)}))
    for part in order:
        made.attach(part)
        made.take([record(1, v=VALUES[part])], part)
        if restored:
            (bundle,) = made.runner.bundles.values()
            saved = copy.deepcopy(dict(bundle.tables()))
            bundle.lanes[0].window_state = bundle.lanes[0].group.window.initial()
            bundle.parts = [Partition(STREAM, 9)]  # attached meanwhile
            bundle.restore(saved)
            assert bundle.parts[-1] == Partition(STREAM, 9)
    made.runner.finish()
    assert made.told().windows() == [(None, 0, 5, {"s": EXPECTED, "n": 4})]


def test_what_waits_to_be_sorted_keeps_its_partition():
    window = {"type": "count", "size": 1, "compute": {"v": "last(v)"}}
    made = Driven(
        config({"m": {"window": window, "detect": {"type": "threshold", "when": "v > 0"}, "order": "time"}})
    )
    made.attach(2)
    made.take([record(1, v=2.0), record(1, v=-2.0)], 2)
    made.attach(1)
    made.take([record(1, v=1.0)], 1)
    made.runner.finish()
    assert [values["v"] for *_, values in made.told().windows()] == [1.0, 2.0, -2.0]
