"""How often: ``1 per week``, as people write it and read it; rates are events per second everywhere else."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_SECONDS = {
    "second": 1.0, "minute": 60.0, "hour": 3_600.0, "day": 86_400.0, "week": 604_800.0, "month": 2_629_746.0,
    "year": 31_556_952.0,
}  # fmt: skip
_RATE = re.compile(
    rf"(?P<count>\d+(?:\.\d+)?) *(?:/|per|an?) *(?P<every>\d+(?:\.\d+)? +)?(?P<unit>{'|'.join(_SECONDS)})s?"
)
_ONCE, _TWICE = 1.5, 2.5


@dataclass(frozen=True, slots=True)
class Rate:
    """So many events per second, with the words that it was written in."""

    per_second: float
    text: str

    def __str__(self) -> str:
        return self.text


def parse_rate(text: str) -> Rate:
    """Read ``1 per week``, ``3 per day``, ``1 per 2 weeks``.

    Raises:
        ValueError: what was expected.

    >>> round(parse_rate("1 per week").per_second * 7 * 24 * 3600, 6)
    1.0
    """
    cleaned = " ".join(text.lower().split())
    found = _RATE.fullmatch(cleaned)
    if found is None or float(found["count"]) == 0.0 or float(found["every"] or 1) == 0.0:
        raise ValueError(
            f"{text!r} does not say how often; write a number, `per` and a unit, such as 1 per week or 3 per day"
        )
    return Rate(float(found["count"]) / (float(found["every"] or 1) * _SECONDS[found["unit"]]), cleaned)


def how_often(per_second: float) -> str:
    """A rate in words, rounded as people would say it.

    >>> how_often(1 / (7 * 24 * 3600)), how_often(3 / 86_400), how_often(1 / (40 * 365 * 86_400))
    ('once per week', '3 times per day', 'once in 40 years')
    >>> how_often(0.0), how_often(25.0)
    ('never before', '25 times per second')
    """
    if math.isnan(per_second) or per_second <= 0:
        return "never before"
    for unit, seconds in _SECONDS.items():
        times = per_second * seconds
        if times >= 1 - 1e-9:
            return f"{_times(times)} per {unit}"
    years = 1 / (per_second * _SECONDS["year"])
    return f"once in {years:.0f} years" if years < 10_000 else "once in more than 10,000 years"


def _times(times: float) -> str:
    if times < _ONCE:
        return "once"
    return "twice" if times < _TWICE else f"{times:.0f} times"


def _read(value: Any) -> Rate:
    if isinstance(value, Rate):
        return value
    if isinstance(value, str):
        return parse_rate(value)
    raise ValueError(f"{value!r} does not say how often; write such as 1 per week or 3 per day")


HowOften = Annotated[
    Rate,
    BeforeValidator(_read),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^\d+(\.\d+)? *(per|a|an|/) *.+$",
            "examples": ["1 per week", "3 per day"],
        }
    ),
]
"""How often something may happen, in a configuration model."""
