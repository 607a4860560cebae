"""The loop stops where a buffer is full, with nothing half done, and goes on."""

from typing import Any

import pytest

from streamgauge.windows import time_window
from tests.replaying import config, run, text


@pytest.mark.parametrize("room", [1, 3, 50])
def test_small_buffers_change_nothing(monkeypatch: pytest.MonkeyPatch, room: int):
    window = {
        "type": "hopping",
        "size": "6s",
        "advance": "2s",
        "by": "k",
        "compute": {"n": "count(*)", "d": "distinct(n)"},
    }
    configured = config({"m": {"window": window, "detect": {"type": "threshold", "when": "n > 1 or d > 2"}}})
    rows: list[dict[str, Any]] = [
        {"at": (i * 700 - (i % 5) * 1_900) * 1_000, "k": "abc"[i % 3], "n": i * i % 17} for i in range(200)
    ]
    expected = text(run(configured, rows))
    monkeypatch.setattr(time_window, "EVENTS", room)
    assert text(run(configured, rows)) == expected


def test_thousands_of_windows_and_values_grow_the_pool():
    window = {"type": "tumbling", "size": "1h", "by": "k", "compute": {"n": "count(*)", "d": "distinct(n)"}}
    configured = config({"m": {"window": window, "detect": {"type": "threshold", "when": "n > 99"}}})
    rows = [{"at": i, "k": f"k{i % 2_000}", "n": i % 7} for i in range(9_000)]
    lines = [line for line in run(configured, rows).lines if line["kind"] == "window"]
    assert len(lines) == 2_000
    assert all(line["values"]["n"] == line["values"]["d"] for line in lines)
