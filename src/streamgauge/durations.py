"""The type of every duration in a configuration model: ``5s``, ``250ms``, ``1h30m``; never a bare number."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from streamgauge.clock import format_duration, parse_duration


def _read(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        return parse_duration(value)
    raise ValueError(f"{value!r} has no unit; write a number and a unit, such as 5s, 250ms, 2m or 1h30m")


Duration = Annotated[
    timedelta,
    BeforeValidator(_read),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(\d+(\.\d+)?(us|ms|s|m|h|d|w))+$",
            "examples": ["5s", "250ms", "2m", "1h30m"],
        }
    ),
]
"""Zero or longer; a field that must not be zero says so with ``Field(gt=timedelta(0))``."""
