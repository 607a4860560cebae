"""Card payments: about one account per payment a second, twelve countries, three refusals in a hundred.

In any 5 s window an account pays about 5 times and never 30 times; every country pays several times a second.

Planted, each 300 s anew:

=============== ==== ====================================================================================
what            at s
=============== ==== ====================================================================================
``burst``       4    one account pays 480 times in 8 s (at least 240 times in some 5 s window)
``malformed``   10   40 records that are no payment within 3 s
``quiet``       14   no record of one country for 14 s
``refusals``    20   45 of 100 payments refused for 11 s
``late``        35   60 records within 2 s whose event time lies 20 to 30 s back
=============== ==== ====================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

import numpy as np

from streamgauge.batch import BoolArray, IntArray
from streamgauge.clock import SECOND
from streamgauge.sources.scenarios._draws import Draws, calm_zipf, cumulate, lognormal, render
from streamgauge.sources.scenarios.contract import (
    BLOCK,
    CYCLE,
    Block,
    Plan,
    Planted,
    Run,
    schedule,
    spread,
    touching,
)

COUNTRIES = ("DE", "US", "GB", "FR", "ES", "IT", "NL", "PL", "SE", "BR", "JP", "KR")
_SHARES = (15, 14, 12, 10, 9, 8, 7, 6, 5, 5, 5, 4)
_STATUS = ("ok", "refused")
_ROW = '{"id":"p-%07d","account":"%s","amount":%d.%02d,"country":"%s","status":"%s","at":%d}'
_BURST, _BROKEN, _LATE = 480, 40, 60


@dataclass(frozen=True, slots=True)
class Payments:
    """See the module; ``lateness: 2s`` loses nothing but the records planted late."""

    name: str = "payments"
    key: str = "account"
    rate: float = 2_000.0
    slowest: float = 100.0
    disorder: timedelta = timedelta(milliseconds=400)

    def faults(self, run: Run, cycle: int) -> Sequence[Planted]:
        """Five, each shifted by up to a second."""
        return _faults(run, cycle)

    def block(self, run: Run, number: int) -> Block:
        """Draw everything as on a calm day, then plant."""
        first = number * BLOCK
        arrivals = run.arrivals(first, BLOCK)
        rows = _calm(run, number, arrivals)
        for fault in touching(self, run, arrivals):
            rows.plant(run, fault)
        accounts = list(map(_names(accounts_of(run)).__getitem__, rows.account.tolist()))
        return Block(first, _with_broken(rows, rows.payloads(accounts)), accounts, arrivals)


SCENARIO = Payments()


def accounts_of(run: Run) -> int:
    """How many accounts there are: one per payment a second, so that each pays about 5 times in 5 s."""
    return min(max(round(run.rate), 100), 1_000_000)


@dataclass(slots=True)
class _Rows:
    """A block's columns while faults are planted."""

    first: int
    arrivals: IntArray
    times: IntArray
    account: IntArray
    cents: IntArray
    country: IntArray
    detour: IntArray
    mood: IntArray
    refused: BoolArray
    broken: IntArray

    def plant(self, run: Run, fault: Planted) -> None:
        """Change what ``fault`` says."""
        if fault.what == "burst":
            rows, _ = spread(run, fault, _BURST, self.first)
            self.account[rows] = int((fault.key or "")[2:])
            self.times[rows] = self.arrivals[rows]
        elif fault.what == "quiet":
            silent = COUNTRIES.index(fault.key or "")
            self._detour(fault.during(self.times) & (self.country == silent), silent)
        elif fault.what == "refusals":
            self.refused |= fault.during(self.times) & (self.mood < 450)
        elif fault.what == "late":
            self._delay(run, fault)
        else:
            rows, _ = spread(run, fault, _BROKEN, self.first)
            self.broken = np.union1d(self.broken, rows)

    def _detour(self, rows: BoolArray, silent: int) -> None:
        """Another country pays instead."""
        others = np.where(self.detour == silent, (silent + 1) % len(COUNTRIES), self.detour)
        self.country = np.where(rows, others, self.country)

    def _delay(self, run: Run, fault: Planted) -> None:
        """20 to 30 s back, which may reach into the time of the quiet country: that one stays quiet."""
        rows, _ = spread(run, fault, _LATE, self.first)
        back = 20 * SECOND + self.mood[rows] * (10 * SECOND // 1000)
        self.times[rows] = self.arrivals[rows] - back
        for other in _faults(run, (fault.start - run.start) // CYCLE):
            if other.what == "quiet":
                silent = COUNTRIES.index(other.key or "")
                late = np.isin(np.arange(BLOCK), rows)
                self._detour(late & (self.country == silent), silent)

    def payloads(self, accounts: Sequence[str]) -> list[bytes]:
        """The records as JSON."""
        return render(
            _ROW,
            range(self.first, self.first + BLOCK),
            accounts,
            (self.cents // 100).tolist(),
            (self.cents % 100).tolist(),
            list(map(COUNTRIES.__getitem__, self.country.tolist())),
            list(map(_STATUS.__getitem__, self.refused.tolist())),
            (self.times // 1000).tolist(),
        )


def _calm(run: Run, number: int, arrivals: IntArray) -> _Rows:
    draws = Draws("payments", run.seed, number)
    lag = draws.below(SCENARIO.disorder // timedelta(microseconds=1), BLOCK)
    account = draws.weighted(calm_zipf(accounts_of(run)), BLOCK)
    cents = draws.from_table(lognormal(2_500, 1.0), BLOCK)
    countries = cumulate(_SHARES)
    country, detour = draws.weighted(countries, BLOCK), draws.weighted(countries, BLOCK)
    mood = draws.below(1000, BLOCK)
    none = np.empty(0, np.int64)
    return _Rows(
        number * BLOCK,
        arrivals,
        np.maximum(arrivals - lag, run.start),
        account,
        cents,
        country,
        detour,
        mood,
        mood < 30,
        none,
    )


def _with_broken(rows: _Rows, payloads: list[bytes]) -> list[bytes]:
    """Four ways to send something that is no payment, in turn; none of them can be read as one."""
    for row in rows.broken.tolist():
        whole, index = payloads[row], rows.first + row
        payloads[row] = (
            whole[: len(whole) // 2],
            whole[: whole.rindex(b":") + 1] + b'"yesterday"}',
            b'["p-%07d","no object"]' % index,
            b"payment p-%07d could not be rendered" % index,
        )[index % 4]
    return payloads


@lru_cache(maxsize=4)
def _names(accounts: int) -> tuple[str, ...]:
    return tuple(f"a-{number:04d}" for number in range(accounts))


@lru_cache(maxsize=64)
def _faults(run: Run, cycle: int) -> tuple[Planted, ...]:
    draws = Draws("payments", "faults", run.seed, cycle)
    shifts = draws.below(1000, 5)
    account = _names(accounts_of(run))[draws.one(accounts_of(run))]
    country = COUNTRIES[draws.one(len(COUNTRIES))]
    plans = (
        Plan(4, 8, "burst", account, "count by account > 100 in 5 s", f"{_BURST} payments of one account"),
        Plan(10, 3, "malformed", None, "dead letters > 10 in 5 s", f"{_BROKEN} records that cannot be read"),
        Plan(14, 14, "quiet", country, "silence by country after 5 s", "no payment of one country"),
        Plan(20, 11, "refusals", None, "refused > 30 % of all in 5 s", "45 of 100 payments refused"),
        Plan(35, 2, "late", None, "late records > 10 in 5 s", f"{_LATE} records 20 to 30 s behind"),
    )
    return schedule(run, cycle, shifts, plans)
