"""Sign-ins: four users per sign-in a second, each from a home country and an address of their own.

In any 10 s window a user signs in about 2.5 times, an address fails fewer than 10 times, and the successful
sign-ins of a user come from one country; every service is used several times a second.

Planted, each 300 s anew:

================ ==== ===================================================================================
what             at s
================ ==== ===================================================================================
``stuffing``     5    one address fails 600 times in 10 s, with the names of many users
``travel``       20   one user succeeds by turns at home and half the world away, 10 times in 20 s
``silent``       30   no sign-in at one service for 15 s
================ ==== ===================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

import numpy as np

from streamgauge.batch import BoolArray, IntArray
from streamgauge.sources.scenarios._draws import Draws, calm_zipf, cumulate, render
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

COUNTRIES = ("DE", "US", "GB", "FR", "ES", "IT", "NL", "PL", "JP", "KR", "BR", "AU")
SERVICES = ("web", "mobile", "api", "partner", "admin")
_SHARES = (40, 30, 15, 10, 5)
_RESULT = ("ok", "failed")
_ROW = '{"id":"l-%07d","user":"%s","ip":"%s","country":"%s","service":"%s","result":"%s","at":%d}'
_STUFFING, _TRAVEL = 600, 10
_OWN = -1


@dataclass(frozen=True, slots=True)
class Logins:
    """See the module; ``lateness: 1s`` loses nothing."""

    name: str = "logins"
    key: str = "user"
    rate: float = 500.0
    slowest: float = 100.0
    disorder: timedelta = timedelta(milliseconds=300)

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
        users = list(map(_names(users_of(run)).__getitem__, rows.user.tolist()))
        return Block(first, rows.payloads(users, _addresses(users_of(run))), users, arrivals)


SCENARIO = Logins()


def users_of(run: Run) -> int:
    """How many users there are: four per sign-in a second."""
    return min(max(round(4 * run.rate), 400), 1_000_000)


def home_of(users: IntArray) -> IntArray:
    """Where users live: rows of :data:`COUNTRIES`."""
    return (users * 2_654_435_761 >> 7) % len(COUNTRIES)


@dataclass(slots=True)
class _Rows:
    """A block's columns while faults are planted; ``ip`` is the user's own or a stranger's number."""

    first: int
    times: IntArray
    user: IntArray
    ip: IntArray
    country: IntArray
    service: IntArray
    detour: IntArray
    failed: BoolArray

    def plant(self, run: Run, fault: Planted) -> None:
        """Change what ``fault`` says."""
        if fault.what == "stuffing":
            rows, _ = spread(run, fault, _STUFFING, self.first)
            self.ip[rows] = int((fault.key or "").rpartition(".")[2])
            self.country[rows], self.failed[rows] = len(COUNTRIES) - 1, True
        elif fault.what == "travel":
            self._travel(*spread(run, fault, _TRAVEL, self.first), int((fault.key or "")[2:]))
        else:
            silent = SERVICES.index(fault.key or "")
            rest = np.where(self.detour == silent, (silent + 1) % len(SERVICES), self.detour)
            away = fault.during(self.times) & (self.service == silent)
            self.service = np.where(away, rest, self.service)

    def _travel(self, rows: IntArray, numbers: IntArray, user: int) -> None:
        self.user[rows], self.failed[rows] = user, False
        home, abroad = home_of(np.array([user]))[0], numbers % 2 == 1
        self.country[rows] = np.where(abroad, (home + len(COUNTRIES) // 2) % len(COUNTRIES), home)
        self.ip[rows] = np.where(abroad, 9, _OWN)

    def payloads(self, users: Sequence[str], addresses: Sequence[str]) -> list[bytes]:
        """The records as JSON."""
        own = map(addresses.__getitem__, self.user.tolist())
        ips = [
            home if ip == _OWN else f"203.0.113.{ip}" for home, ip in zip(own, self.ip.tolist(), strict=True)
        ]
        return render(
            _ROW,
            range(self.first, self.first + BLOCK),
            users,
            ips,
            list(map(COUNTRIES.__getitem__, self.country.tolist())),
            list(map(SERVICES.__getitem__, self.service.tolist())),
            list(map(_RESULT.__getitem__, self.failed.tolist())),
            (self.times // 1000).tolist(),
        )


def _calm(run: Run, number: int, arrivals: IntArray) -> _Rows:
    draws = Draws("logins", run.seed, number)
    lag = draws.below(SCENARIO.disorder // timedelta(microseconds=1), BLOCK)
    user = draws.weighted(calm_zipf(users_of(run)), BLOCK)
    services = cumulate(_SHARES)
    service, detour = draws.weighted(services, BLOCK), draws.weighted(services, BLOCK)
    return _Rows(
        first=number * BLOCK,
        times=np.maximum(arrivals - lag, run.start),
        user=user,
        ip=np.full(BLOCK, _OWN, np.int64),
        country=home_of(user),
        service=service,
        detour=detour,
        failed=draws.chance(40, BLOCK),
    )


@lru_cache(maxsize=4)
def _names(users: int) -> tuple[str, ...]:
    return tuple(f"u-{number:05d}" for number in range(users))


@lru_cache(maxsize=4)
def _addresses(users: int) -> tuple[str, ...]:
    return tuple(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(users))


@lru_cache(maxsize=64)
def _faults(run: Run, cycle: int) -> tuple[Planted, ...]:
    draws = Draws("logins", "faults", run.seed, cycle)
    shifts = draws.below(1000, 3)
    address = f"203.0.113.{10 + draws.one(240)}"
    user = _names(users_of(run))[draws.one(users_of(run))]
    service = SERVICES[draws.one(len(SERVICES))]
    plans = (
        Plan(
            5, 10, "stuffing", address, "failed by ip > 100 in 10 s", f"{_STUFFING} failures of one address"
        ),
        Plan(
            20, 20, "travel", user, "distinct(country) of ok by user > 1 in 10 s", "home and abroad by turns"
        ),
        Plan(30, 15, "silent", service, "silence by service after 8 s", "no sign-in at one service"),
    )
    return schedule(run, cycle, shifts, plans)
