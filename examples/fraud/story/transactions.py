"""Invented payments of which the truth is known: the same arguments give the same payments, hour by hour.

Two kinds of fraud are there from the first hour on, and a model can learn both: *stolen* cards (large amounts far from home,
soon after the payment before) and *tried* ones (tiny amounts, minutes apart). From the moment :data:`CHANGE` on two things
are new. A marketplace opens, so many honest payments go to shops far away: the inputs drift, which can be seen at once. And
there are *redirected* parcels, frauds that look like the marketplace's honest payments: the model misses them, which is only
known once labels come.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

FEATURES = ("amount", "distance", "minutes", "hour")
"""What the model is given: money, kilometres from home, minutes since the account's payment before, hour of the day."""

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
"""The first hour that the model scores; it was trained on days before."""
CHANGE = BEGIN + timedelta(days=2, hours=12)
"""From then on the marketplace is open."""
LABEL_DELAY = timedelta(days=1)
"""A customer or an analyst says so long after a payment whether it was fraud."""

ACCOUNTS = 400
STOLEN, TRIED, REDIRECTED = 0.02, 0.02, 0.035
"""Shares of all payments; the last from the change on."""
MARKETPLACE = 0.35
"""Share of the honest payments that go to it from the change on."""

_SHAPES = {  # mean and deviation of the logarithms of amount, distance, minutes
    "honest": ((3.4, 0.7), (1.2, 0.8), (5.5, 1.2)),
    "marketplace": ((3.6, 0.7), (4.2, 0.6), (5.5, 1.2)),
    "stolen": ((5.0, 0.7), (3.3, 0.9), (3.4, 1.1)),
    "tried": ((1.3, 0.6), (1.2, 0.8), (2.3, 1.1)),
    "redirected": ((3.7, 0.6), (4.2, 0.6), (5.5, 1.2)),
}


@dataclass(frozen=True, slots=True)
class Transaction:
    """One payment, and what only becomes known later.

    Attributes:
        at: milliseconds since 1970, UTC.
        fraud: the truth.
    """

    tx_id: str
    account: str
    amount: float
    distance: float
    minutes: float
    hour: int
    at: int
    fraud: bool

    @property
    def features(self) -> list[float]:
        """The model's input, in its order."""
        return [float(getattr(self, name)) for name in FEATURES]

    def record(self) -> dict[str, Any]:
        """As the shop knows it: without the truth."""
        return {name: value for name, value in asdict(self).items() if name != "fraud"}

    def label(self) -> dict[str, Any]:
        """As it becomes known, a day later."""
        later = self.at + round(LABEL_DELAY.total_seconds() * 1000)
        return {"tx_id": self.tx_id, "account": self.account, "fraud": self.fraud, "at": later}


def hours(
    begin: datetime, count: int, *, per_hour: int, seed: int
) -> Iterator[tuple[datetime, list[Transaction]]]:
    """Each hour's payments in the order of time: half as many at night as ``per_hour``, half as many more by day."""
    for number in range(count):
        at = begin + timedelta(hours=number)
        yield at, _of_hour(at, round(per_hour * (0.5 if at.hour < 6 else 1.2)), seed)


def _of_hour(hour: datetime, count: int, seed: int) -> list[Transaction]:
    start = round(hour.timestamp())
    draw = np.random.default_rng([seed, start])
    seconds = np.sort(draw.uniform(0, 3600, count))
    kinds = _kinds(draw, count, changed=hour >= CHANGE)
    found = []
    for place, kind in enumerate(kinds):
        amount, distance, minutes = (float(np.exp(draw.normal(*shape))) for shape in _SHAPES[kind])
        found.append(
            Transaction(
                tx_id=f"t-{start}-{place}",
                account=f"a-{draw.integers(ACCOUNTS):03d}",
                amount=round(amount, 2),
                distance=round(distance, 2),
                minutes=round(minutes, 2),
                hour=hour.hour,
                at=start * 1000 + int(seconds[place] * 1000),
                fraud=kind in ("stolen", "tried", "redirected"),
            )
        )
    return found


def _kinds(draw: np.random.Generator, count: int, *, changed: bool) -> Sequence[str]:
    shares = {"stolen": STOLEN, "tried": TRIED, "redirected": REDIRECTED if changed else 0.0}
    honest = 1 - sum(shares.values())
    shares["marketplace"] = honest * MARKETPLACE if changed else 0.0
    shares["honest"] = 1 - sum(shares.values())
    kinds: list[str] = draw.choice(list(shares), count, p=list(shares.values())).tolist()
    return kinds
