"""Quantiles of any number of values in bounded space, with bounds that always hold.

Up to :data:`EXACT` values are kept as they are. Beyond, each is counted in a bucket: the leading bits of its
double (sign, exponent and the first bits of the mantissa) are the bucket's number, so that a bucket spans
1/128 of a value or less. When more than :data:`MOST` buckets are in use, neighbours are joined two by two, as
often as needed.

Nothing here depends on the order of the values or on how they were divided: the joins that are needed follow
from the set of buckets alone. That, and bounds without a probability, is why it is not a KLL sketch, whose
library draws random bits that cannot be seeded.

Buckets of equal relative width: Masson, Rim and Lee, "DDSketch" (2019); joining neighbours: Epicoco et al.,
"UDDSketch" (2020); the number from the bits of a double: as in HdrHistogram.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from streamgauge.batch import FloatArray, IntArray

EXACT = 256
"""So many values are kept as they are."""

MOST = 2048
"""Buckets in use at most: 32 KiB."""

_SHIFT = 45
"""Bits of a double's 52-bit mantissa that a bucket's number leaves out at first."""

_HEAD = struct.Struct("<bqdd")


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile and what it surely lies between; all three equal where it is exact."""

    value: float
    lower: float
    upper: float


class Quantiles:
    """The values seen so far. Feed it with :meth:`add`, or with others by :meth:`merge`."""

    __slots__ = ("_buckets", "_counts", "_least", "_most", "_shift", "_values", "count")

    def __init__(self) -> None:
        self.count = 0
        self._values: FloatArray = np.empty(0)
        self._buckets: IntArray = np.empty(0, np.int64)
        self._counts: IntArray = np.empty(0, np.int64)
        self._shift = _SHIFT
        self._least, self._most = np.inf, -np.inf

    def add(self, values: FloatArray) -> None:
        """Count ``values`` (float64[n]); what is not finite is passed over."""
        values = values[np.isfinite(values)] + 0.0  # -0.0 and 0.0 are one value
        if not len(values):
            return
        self.count += len(values)
        if self.count <= EXACT:
            self._values = np.concatenate((self._values, values))
            return
        if len(self._values):
            values, self._values = np.concatenate((self._values, values)), np.empty(0)
        self._least = min(self._least, float(values.min()))
        self._most = max(self._most, float(values.max()))
        buckets, counts = np.unique(_bucket(values, self._shift), return_counts=True)
        self._count(buckets, counts.astype(np.int64))

    def merge(self, other: Quantiles) -> None:
        """Count what ``other`` has counted."""
        if not len(other._buckets):
            self.add(other._values)
            return
        if len(self._values):
            held, self._values = self._values, np.empty(0)
            self._least, self._most = float(held.min()), float(held.max())
            self._count(*_counted(_bucket(held, self._shift)))
        self._least, self._most = min(self._least, other._least), max(self._most, other._most)
        self.count += other.count
        buckets, counts = other._buckets, other._counts
        if other._shift > self._shift:
            self._coarsen(other._shift)
        elif other._shift < self._shift:
            buckets = buckets >> (self._shift - other._shift)
        self._count(buckets, counts)

    def at(self, share: float) -> Quantile | None:
        """The least value that at least ``share`` (0 to 1) of all values do not exceed; None without values."""
        if not self.count:
            return None
        rank = max(1, int(np.ceil(share * self.count - 1e-9)))
        if len(self._values):
            exact = float(np.sort(self._values)[rank - 1])
            return Quantile(exact, exact, exact)
        bucket = int(self._buckets[np.searchsorted(np.cumsum(self._counts), rank)])
        lower, upper = _edges(bucket, self._shift)
        lower, upper = max(lower, self._least), min(upper, self._most)
        return Quantile(lower + (upper - lower) / 2, lower, upper)

    def _count(self, buckets: IntArray, counts: IntArray) -> None:
        everyone = np.concatenate((self._buckets, buckets))
        self._buckets, place = np.unique(everyone, return_inverse=True)
        summed = np.zeros(len(self._buckets), np.int64)
        np.add.at(summed, place, np.concatenate((self._counts, counts)))
        self._counts = summed
        while len(self._buckets) > MOST:
            self._coarsen(self._shift + 1)

    def _coarsen(self, shift: int) -> None:
        buckets = self._buckets >> (shift - self._shift)
        self._shift = shift
        self._buckets, place = np.unique(buckets, return_inverse=True)
        summed = np.zeros(len(self._buckets), np.int64)
        np.add.at(summed, place, self._counts)
        self._counts = summed

    def pack(self) -> bytes:
        """As bytes that :meth:`unpack` reads."""
        head = _HEAD.pack(self._shift, self.count, self._least, self._most)
        if not len(self._buckets):
            return head + self._values.astype("<f8").tobytes()
        return head + self._buckets.astype("<i8").tobytes() + self._counts.astype("<i8").tobytes()

    @classmethod
    def unpack(cls, data: bytes) -> Quantiles:
        """What :meth:`pack` wrote."""
        made = cls()
        made._shift, made.count, made._least, made._most = _HEAD.unpack_from(data)
        body = data[_HEAD.size :]
        if made.count <= EXACT:
            made._values = np.frombuffer(body, "<f8").astype(np.float64)
        else:
            both = np.frombuffer(body, "<i8").astype(np.int64)
            made._buckets, made._counts = both[: len(both) // 2], both[len(both) // 2 :]
        return made


def _counted(buckets: IntArray) -> tuple[IntArray, IntArray]:
    found, counts = np.unique(buckets, return_counts=True)
    return found, counts.astype(np.int64)


def _bucket(values: FloatArray, shift: int) -> IntArray:
    """int64[n], ascending with the value; -1 - b where b is the bucket of the negative value's size."""
    sizes = np.abs(values).view(np.int64) >> shift
    return np.where(values < 0, -1 - sizes, sizes)


def _edges(bucket: int, shift: int) -> tuple[float, float]:
    """Between which two numbers all values of a bucket lie."""
    size = bucket if bucket >= 0 else -1 - bucket
    near, far = (np.array([size, size + 1], np.int64) << shift).view(np.float64).tolist()
    far = far if np.isfinite(far) else np.finfo(np.float64).max
    return (near, far) if bucket >= 0 else (-far, -near)
