"""A web server's access log: one client per request a second, some two hundred pages.

In any 5 s window a client asks about 5 times and never 30 times, and 2 of 100 answers are 404; in any 10 s
window a client sees fewer than 40 different paths.

Planted, each 300 s anew:

========= ==== ==========================================================================================
what      at s
========= ==== ==========================================================================================
``storm`` 5    45 of 100 answers are 404 for 11 s
``flood`` 20   one client asks for one page 800 times in 8 s
``scan``  35   one client probes 300 different paths in 10 s, none of which exist
========= ==== ==========================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from itertools import product

import numpy as np

from streamgauge.batch import IntArray
from streamgauge.sources.scenarios._draws import Draws, calm_zipf, cumulate, lognormal, render
from streamgauge.sources.scenarios.contract import (
    BLOCK,
    Block,
    Plan,
    Planted,
    Run,
    schedule,
    spread,
    touching,
)

PAGES = (
    "/",
    "/search",
    "/login",
    *(f"/{section}/{number}" for section in ("products", "articles", "help") for number in range(70)),
)
PROBES = tuple(
    f"/{place}/{name}"
    for place, name in product(
        (*"abcdefghijklmno", "admin", "backup", "old", "test", "tmp"),
        (*(f"dump{n}.sql" for n in range(10)), ".env", ".git/config", "login.php", "shell.php", "setup.php"),
    )
)
_PATHS = PAGES + PROBES
_METHODS = ("GET", "HEAD", "POST")
_STATUSES = (200, 304, 301, 500, 404)
_ROW = '{"id":"w-%07d","client":"%s","method":"%s","path":"%s","status":%d,"bytes":%d,"at":%d}'
_FLOOD, _SCAN = 800, 300


@dataclass(frozen=True, slots=True)
class Weblog:
    """See the module; ``lateness: 2s`` loses nothing."""

    name: str = "weblog"
    key: str = "client"
    rate: float = 1_000.0
    slowest: float = 200.0
    disorder: timedelta = timedelta(milliseconds=500)

    def faults(self, run: Run, cycle: int) -> Sequence[Planted]:
        """Three, each shifted by up to a second."""
        return _faults(run, cycle)

    def block(self, run: Run, number: int) -> Block:
        """Draw everything as on a calm day, then plant."""
        first = number * BLOCK
        arrivals = run.arrivals(first, BLOCK)
        rows = _calm(run, number, arrivals)
        for fault in touching(self, run, arrivals):
            rows.plant(run, fault)
        clients = list(map(_names(clients_of(run)).__getitem__, rows.client.tolist()))
        return Block(first, rows.payloads(clients), clients, arrivals)


SCENARIO = Weblog()


def clients_of(run: Run) -> int:
    """How many clients there are: one per request a second."""
    return min(max(round(run.rate), 200), 1_000_000)


@dataclass(slots=True)
class _Rows:
    """A block's columns while faults are planted."""

    first: int
    times: IntArray
    client: IntArray
    method: IntArray
    path: IntArray
    status: IntArray
    size: IntArray
    mood: IntArray

    def plant(self, run: Run, fault: Planted) -> None:
        """Change what ``fault`` says."""
        if fault.what == "storm":
            self.status[fault.during(self.times) & (self.mood < 450)] = 404
            return
        flood = fault.what == "flood"
        rows, numbers = spread(run, fault, _FLOOD if flood else _SCAN, self.first)
        self.client[rows] = int((fault.key or "")[2:])
        self.method[rows] = 0
        self.path[rows] = PAGES.index("/search") if flood else len(PAGES) + numbers
        self.status[rows] = 200 if flood else 404

    def payloads(self, clients: Sequence[str]) -> list[bytes]:
        """The records as JSON."""
        return render(
            _ROW,
            range(self.first, self.first + BLOCK),
            clients,
            list(map(_METHODS.__getitem__, self.method.tolist())),
            list(map(_PATHS.__getitem__, self.path.tolist())),
            self.status.tolist(),
            np.where(self.status == 304, 0, self.size).tolist(),
            (self.times // 1000).tolist(),
        )


def _calm(run: Run, number: int, arrivals: IntArray) -> _Rows:
    draws = Draws("weblog", run.seed, number)
    lag = draws.below(SCENARIO.disorder // timedelta(microseconds=1), BLOCK)
    statuses = np.array(_STATUSES, np.int64)
    return _Rows(
        first=number * BLOCK,
        times=np.maximum(arrivals - lag, run.start),
        client=draws.weighted(calm_zipf(clients_of(run)), BLOCK),
        method=draws.weighted(cumulate((94, 2, 4)), BLOCK),
        path=draws.weighted(calm_zipf(len(PAGES)), BLOCK),
        status=statuses[draws.weighted(cumulate((908, 50, 20, 2, 20)), BLOCK)],
        size=draws.from_table(lognormal(8_000, 1.2), BLOCK),
        mood=draws.below(1000, BLOCK),
    )


@lru_cache(maxsize=4)
def _names(clients: int) -> tuple[str, ...]:
    return tuple(f"c-{number:04d}" for number in range(clients))


@lru_cache(maxsize=64)
def _faults(run: Run, cycle: int) -> tuple[Planted, ...]:
    draws = Draws("weblog", "faults", run.seed, cycle)
    shifts = draws.below(1000, 3)
    flooder, scanner = (_names(clients_of(run))[number] for number in draws.some(clients_of(run), 2))
    plans = (
        Plan(5, 11, "storm", None, "404 > 30 % of all in 5 s", "45 of 100 answers are 404"),
        Plan(20, 8, "flood", flooder, "count by client > 250 in 5 s", f"{_FLOOD} requests of one client"),
        Plan(35, 10, "scan", scanner, "distinct(path) by client > 80 in 10 s", f"{_SCAN} paths, all unknown"),
    )
    return schedule(run, cycle, shifts, plans)
