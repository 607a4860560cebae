"""A store with a day of windows, a second each, of twelve keys: more than a million, in blocks as a run leaves them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sqlalchemy import insert

from streamgauge.batch import Column
from streamgauge.clock import SECOND
from streamgauge.stores import backend_of, open_store
from streamgauge.stores.history import JOINED, encode
from streamgauge.stores.owner import Owner
from streamgauge.stores.schema import history, judgements
from streamgauge.testing import PushedClock

KEYS, SECONDS = 12, 86_400
WINDOWS = KEYS * SECONDS
START = 1_767_225_600 * SECOND
"""2026-01-01, midnight."""
PEAK = 50_000
"""The second in which one window stands out."""


MONITOR: dict[str, Any] = {
    "window": {"type": "tumbling", "size": "1s", "by": "account",
               "compute": {"events": "count(*)", "spent": "sum(amount)"}},
    "detect": {"type": "ewma", "value": "events"},
    "notify": [],
}  # fmt: skip
"""But for its stream."""


def fill(url: str, monitor: str) -> int:
    """Make the store, as such a monitor would have left it; how many windows it holds."""
    open_store(url, owner=Owner.this_process(), clock=PushedClock(START)).close()
    chance = np.random.default_rng(7)
    backend = backend_of(url)
    with backend.write() as connection:
        for first in range(0, SECONDS, JOINED):
            for table, columns in _blocks(chance, first, min(JOINED, SECONDS - first)):
                count, data = encode(columns)
                ends = columns["window_end"]
                bounds = {"first_end": int(ends[0]), "last_end": int(ends[-1])}
                connection.execute(insert(table).values(monitor=monitor, rows=count, data=data, **bounds))
    backend.close()
    return WINDOWS


def _blocks(chance: np.random.Generator, first: int, seconds: int) -> list[tuple[Any, dict[str, Any]]]:
    """Windows of some seconds, and what was judged of them."""
    moments = np.repeat(np.arange(first, first + seconds), KEYS)
    usual = 100 + 40 * np.sin(moments / 7_000)
    events = chance.poisson(usual)
    out = (moments == PEAK) & (np.arange(len(moments)) % KEYS == 3)
    events[out] = 900
    windows = {
        "key": Column("string", values=[f'"a-{n}"' for n in range(KEYS)] * seconds),
        "window_start": START + moments * SECOND,
        "window_end": START + (moments + 1) * SECOND,
    }
    judged = {
        "severity": np.where(out, 2, 0), "score": np.where(out, 0.99, chance.random(len(moments)) / 2),
        "lower": usual - 30, "upper": usual + 30, "expected": usual,
    }  # fmt: skip
    return [
        (history, {**windows, "events": events, "spent": events * 9.5}),
        (judgements, {**windows, **judged}),
    ]
