"""Each dashboard is one by the types that Grafana publishes: no name, value or type that it does not know."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.monitoring import asked
from tests.services.grafana import complaints
from tests.services.missing import CannotBeHadError, skip_or_fail

pytestmark = [pytest.mark.services, pytest.mark.soak]


def with_chart(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """A dashboard whose first chart is not as it should be."""
    board = copy.deepcopy(asked.boards()["fraud"])
    change(next(panel for panel in board["panels"] if panel["type"] == "timeseries"))
    return board


def misplace(chart: dict[str, Any]) -> None:
    chart["options"]["legend"]["placement"] = "below"


def misspell(chart: dict[str, Any]) -> None:
    chart["fieldConfig"]["defaults"]["custom"]["lineWith"] = 1


def test_every_dashboard_fits_and_wrong_ones_do_not(tmp_path):
    wrong = {"misplaced": with_chart(misplace), "misspelt": with_chart(misspell)}
    try:
        told = complaints({**asked.boards(), **wrong}, tmp_path)
    except CannotBeHadError as missing:
        skip_or_fail(str(missing))
    assert {line.split("(")[0] for line in told} == {"misplaced.ts", "misspelt.ts"}
    assert any('"below"' in line for line in told), told
    assert any("lineWith" in line for line in told), told
