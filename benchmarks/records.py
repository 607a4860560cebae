"""The records that every engine here reads, and what each must find in them.

One record is about 177 bytes of JSON. Event time runs from :data:`BEGIN` at :data:`PACE` records a second;
one record in twenty comes up to 1.9 s behind, which no engine with 2 s of lateness may drop, so all of them
must agree to the last count. A share of records that are truly late can be asked for; then only our own
rule says what is counted, and that is not compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BEGIN = 1_767_225_600_000
"""2026-01-01T00:00Z in milliseconds, a full 5 s."""

PACE = 50_000
"""Records per second of event time, so that 3 M records are a minute, and 12 windows of 5 s."""

SIZE = 5_000
"""Milliseconds of the window."""

PARTITIONS = 6

_CHUNK = 100_000
_COUNTRIES = ("DE", "FR", "ES", "IT", "NL", "PL", "SE", "US")


@dataclass(frozen=True, slots=True)
class Spec:
    """What is on a topic; equal specs give the same bytes.

    Attributes:
        records: how many.
        keys: accounts, placed by ``number % 6``.
        late: share of records that come 8 s behind, hence after their window has closed.
        seed: of the numbers.
    """

    records: int
    keys: int
    late: float = 0.0
    seed: int = 7

    @property
    def limit(self) -> int:
        """Records per key and window that about one window in a thousand exceeds."""
        usual = PACE * SIZE / 1_000 / self.keys
        return int(usual + 3 * usual**0.5) + 1

    @property
    def name(self) -> str:
        """For the topic."""
        late = f"-late{self.late:g}" if self.late else ""
        return f"payments-{self.records}-{self.keys}{late}"


@dataclass(frozen=True, slots=True)
class Columns:
    """Some records: account numbers, event times in ms, amounts; int64, int64, float64."""

    accounts: NDArray[np.int64]
    at: NDArray[np.int64]
    amounts: NDArray[np.float64]


def chunks(spec: Spec) -> Iterator[Columns]:
    """All records of ``spec`` in the order of production."""
    for number, start in enumerate(range(0, spec.records, _CHUNK)):
        count = min(_CHUNK, spec.records - start)
        chance = np.random.default_rng((spec.seed, number))
        accounts = chance.integers(0, spec.keys, count)
        at = BEGIN + (start + np.arange(count)) * 1_000 // PACE
        behind = chance.random(count)
        at -= np.where(behind < 0.05, (behind / 0.05 * 1_900), 0).astype(np.int64)
        at -= np.where(behind > 1 - spec.late, 8_000, 0)
        yield Columns(accounts, at, np.round(chance.random(count) * 100, 2))


def lines(columns: Columns, first: int) -> list[bytes]:
    """The records as they go over the wire."""
    return [
        (
            f'{{"id":"p{first + n:012d}","account":"{account_name(account)}","amount":{amount:.2f},'
            f'"currency":"EUR","country":"{_COUNTRIES[account % 8]}","merchant":"m{account % 977:06d}",'
            f'"channel":"web","device":"d{n % 9973:08d}","at":{at}}}'
        ).encode()
        for n, (account, at, amount) in enumerate(
            zip(columns.accounts.tolist(), columns.at.tolist(), columns.amounts.tolist(), strict=True)
        )
    ]


def account_name(number: int) -> str:
    """The account's name, which is also the record's key."""
    return f"a{number:07d}"


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows with their counts and sums, sorted by (account, start): account numbers, ms, counts, sums."""

    accounts: NDArray[np.int64]
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]
    sums: NDArray[np.float64]

    def over(self, limit: int) -> Windows:
        """Those with more records than ``limit``."""
        return self._only(self.counts > limit)

    def ended_by(self, moment: int) -> Windows:
        """Those that end at or before ``moment``."""
        return self._only(self.starts + SIZE <= moment)

    def differences(self, found: Windows) -> str | None:
        """What is wrong with ``found``, in a sentence; None when it equals this."""
        if len(found.accounts) != len(self.accounts):
            return f"{len(found.accounts)} windows instead of {len(self.accounts)}"
        for name in ("accounts", "starts", "counts"):
            wrong = getattr(self, name) != getattr(found, name)
            if wrong.any():
                return f"{int(wrong.sum())} of {len(wrong)} windows with other {name}"
        wrong = ~np.isclose(self.sums, found.sums, rtol=1e-9)
        return f"{int(wrong.sum())} of {len(wrong)} windows with other sums" if wrong.any() else None

    def _only(self, keep: NDArray[np.bool_]) -> Windows:
        return Windows(self.accounts[keep], self.starts[keep], self.counts[keep], self.sums[keep])


def expected(spec: Spec) -> Windows:
    """The right answer; only for records of which none is late."""
    parts = [windows_of(part.accounts, part.at, part.amounts) for part in chunks(spec)]
    return gathered(parts)


def windows_of(accounts: NDArray[np.int64], at: NDArray[np.int64], amounts: NDArray[np.float64]) -> Windows:
    """The 5 s windows of some records."""
    starts = at // SIZE * SIZE
    return gathered([Windows(accounts, starts, np.ones(len(at), np.int64), amounts)])


def gathered(parts: list[Windows]) -> Windows:
    """Windows in parts as whole ones."""
    accounts = np.concatenate([part.accounts for part in parts])
    starts = np.concatenate([part.starts for part in parts])
    code = accounts * 10_000_000 + (starts - BEGIN) // SIZE + 10_000
    names, which = np.unique(code, return_inverse=True)
    counts = np.bincount(which, np.concatenate([part.counts for part in parts]), len(names))
    sums = np.bincount(which, np.concatenate([part.sums for part in parts]), len(names))
    whole = (names % 10_000_000 - 10_000) * SIZE + BEGIN
    return Windows(names // 10_000_000, whole, counts.astype(np.int64), sums)
