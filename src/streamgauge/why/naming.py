"""Keys and moments as people write and read them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from streamgauge.batch import FieldKind
from streamgauge.clock import format_duration, iso
from streamgauge.errors import ConfigError
from streamgauge.keys import Key, Scalar

if TYPE_CHECKING:
    from streamgauge.monitor import Monitor


def read_key(text: str | None, monitor: Monitor, kinds: Mapping[str, FieldKind]) -> Key:
    """The key that ``text`` names: one value, or several separated by commas (or as a JSON list).

    Raises:
        ConfigError: it does not fit what the monitor is grouped by.
    """
    by = monitor.by
    if text is None or not by:
        if text is not None:
            raise ConfigError(f"{monitor.name} has no keys: it is one group; leave KEY out")
        return None
    texts = _split(text) if len(by) > 1 else [text]
    if len(texts) != len(by):
        raise ConfigError(
            f"{monitor.name} is grouped by {', '.join(by)}: name {len(by)} values, separated by commas, not {text!r}"
        )
    values = tuple(_value(part, kinds[field], field) for part, field in zip(texts, by, strict=True))
    return values if len(by) > 1 else values[0]


def _split(text: str) -> list[str]:
    if text.startswith("["):
        try:
            return [str(part) for part in msgspec.json.decode(text, type=list[str | int | float | bool])]
        except msgspec.MsgspecError as error:
            raise ConfigError(f"{text!r} is no JSON list: {error}") from None
    return [part.strip() for part in text.split(",")]


def _value(text: str, kind: FieldKind, field: str) -> Scalar:
    try:
        if kind in ("int", "timestamp"):
            return int(text)
        if kind == "float":
            return float(text)
    except ValueError:
        raise ConfigError(f"{field} is a {kind}, and {text!r} is none") from None
    if kind == "bool":
        return text.lower() in ("true", "1")
    return text


def moment(micros: int) -> str:
    """A moment in a sentence."""
    return str(iso(micros))


def records(count: int) -> str:
    """How many, in a sentence.

    >>> records(1), records(2500)
    ('1 record', '2,500 records')
    """
    return f"{count:,} record{'' if count == 1 else 's'}"


def span(micros: int) -> str:
    """A duration in a sentence, to the millisecond."""
    return format_duration(timedelta(milliseconds=round(micros / 1000)))
