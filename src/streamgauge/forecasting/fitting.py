"""One fit, as it is asked for and answered: what passes between the process that refits and its workers."""

from __future__ import annotations

import struct
from typing import BinaryIO

import msgspec
import numpy as np

from streamgauge.batch import FloatArray
from streamgauge.forecasting.choosing import Forecast, forecast
from streamgauge.forecasting.series import Series

_LENGTH = struct.Struct("<I")


class Asked(msgspec.Struct, frozen=True):
    """A series to carry on: its number in the order of keys, its values (float64 bytes), how far and how."""

    number: int
    start: int
    step: int
    values: bytes
    steps: int
    model: str
    interval: float

    @classmethod
    def of(cls, number: int, series: Series, steps: int, how: tuple[str, float]) -> Asked:
        """A series with what is asked of it: ``how`` is the model's name and the band's share."""
        return cls(number, series.start, series.step, series.values.tobytes(), steps, *how)

    def answer(self) -> Answered:
        """Fit it."""
        series = Series(self.start, self.step, np.frombuffer(self.values, np.float64))
        found = forecast(series, self.steps, model=self.model, interval=self.interval)
        if found is None:
            return Answered(self.number, series.known, None)
        expected, lower, upper = (part.tobytes() for part in (found.expected, found.lower, found.upper))
        moments = found.moments.astype(np.int64).tobytes()
        return Answered(
            self.number, series.known,
            Fitted(moments, expected, lower, upper, found.model, dict(found.errors), found.cuts),
        )  # fmt: skip


class Fitted(msgspec.Struct, frozen=True):
    """A :class:`~streamgauge.forecasting.choosing.Forecast` as bytes."""

    moments: bytes
    expected: bytes
    lower: bytes
    upper: bytes
    model: str
    errors: dict[str, float]
    cuts: int

    def forecast(self) -> Forecast:
        """As arrays again."""
        return Forecast(
            np.frombuffer(self.moments, np.int64), _floats(self.expected), _floats(self.lower), _floats(self.upper),
            self.model, self.errors, self.cuts,
        )  # fmt: skip


class Answered(msgspec.Struct, frozen=True):
    """What came of it: how many values were known, and the fit; None where they were too few, or the fit was given up."""

    number: int
    known: int
    fitted: Fitted | None
    given_up: bool = False


def send(to: BinaryIO, message: msgspec.Struct) -> None:
    """Write one message."""
    body = msgspec.msgpack.encode(message)
    to.write(_LENGTH.pack(len(body)) + body)
    to.flush()


def receive(of: BinaryIO) -> bytes | None:
    """Read one message; None at the end, or where it breaks off."""
    head = of.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    length = _LENGTH.unpack(head)[0]
    body = of.read(length)
    return body if len(body) == length else None


def _floats(data: bytes) -> FloatArray:
    return np.frombuffer(data, np.float64)
