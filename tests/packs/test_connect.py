"""The pack `connect`: tasks and connectors that fail, are not taken or are gone; a quiet hour has no incident."""

from __future__ import annotations

from typing import Any

import pytest

from streamgauge import packs
from tests.packs.playing import EVERY, Told, played

CONNECTOR = {"kind": "connector", "connector": "out", "state": "RUNNING", "failed": False, "tasks": 1}
TASK = {"kind": "task", "connector": "out", "task": 0, "state": "RUNNING", "failed": False}
FAILED = {"state": "FAILED", "failed": True, "error": "no such table"}
BEGINS = 30


def told(rounds: list[list[dict[str, Any]]]) -> list[Told]:
    return played(packs.load_with(["connect"]), connect_cluster=rounds)


def test_an_hour_in_which_all_is_well():
    paused = {"kind": "connector", "connector": "in", "state": "PAUSED", "failed": False, "tasks": 0}
    assert told([[CONNECTOR, TASK, paused]] * 360) == []


@pytest.mark.parametrize(
    ("after", "monitor", "key", "within"),
    [
        ([CONNECTOR, TASK | FAILED], "connect-task-failed", ["out", 0], 0),
        ([CONNECTOR | FAILED, TASK], "connect-connector-failed", "out", 0),
        ([CONNECTOR | {"tasks": 0}], "connect-without-tasks", "out", 120),
        ([CONNECTOR, TASK | {"state": "UNASSIGNED"}], "connect-unassigned", ["out", 0], 120),
        ([{**CONNECTOR, "connector": "other"}], "connect-connector-gone", "out", 60),
    ],
)
def test_a_fault_has_its_name(after, monitor, key, within):
    found = told([[CONNECTOR, TASK]] * BEGINS + [after] * 30)
    assert [(one.monitor, one.key) for one in found] == [(monitor, key)]
    assert 0 <= found[0].after - BEGINS * EVERY <= within


def test_a_rebalance_passes_untold():
    assert (
        told(
            [[CONNECTOR, TASK]] * 9
            + [[CONNECTOR, TASK | {"state": "UNASSIGNED"}]] * 3
            + [[CONNECTOR, TASK]] * 9
        )
        == []
    )
