"""Whose records they are: the field that names it, and whether the producer places records by it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from streamgauge.batch import Partition
from streamgauge.profiling.fields import Field, Fields
from streamgauge.profiling.sample import Row, Sample

_ENOUGH = 0.99
"""The share of records for which a field must equal the message's key."""
_REPEATS = 2.0
"""Records per value that make a field a name and not a number of the record."""
_LIKELY = (
    "account", "customer", "user", "client", "device", "sensor", "host", "machine", "card", "merchant", "tenant",
    "station", "vehicle", "session", "service", "player", "store", "shop", "node", "instance", "topic",
)  # fmt: skip
"""How the things are called that people watch one by one."""
_PAIRS = 20
"""So many values must be seen twice before their partitions prove anything."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What names whose record it is.

    Attributes:
        field: the field; None: nothing repeats.
        why: how that shows, in words.
        placed: whether each value was seen on one partition only, so that records are placed by it.
        kind_of: a field with few values that each turn up again and again, such as a country.
    """

    field: Field | None
    why: str
    placed: bool
    kind_of: Field | None


def find(sample: Sample, fields: Fields, wanted: str | None = None) -> Keys:
    """The key of a sample; ``wanted`` names it."""
    named = [one for one in fields.found if one.type in ("string", "int") and not one.mask]
    by_message = _as_message_key(sample.rows, named)
    chosen = fields.get(wanted) if wanted is not None else by_message or _repeated(sample, named)
    why = (
        "as you said"
        if wanted is not None
        else "the key of the messages"
        if by_message
        else "its values repeat"
    )
    others = [one for one in named if chosen is None or one.name != chosen.name]
    placed = chosen is not None and _placed(sample.rows, chosen)
    return Keys(chosen, why, placed, _few(sample, others))


def _as_message_key(rows: Iterable[Row], named: Iterable[Field]) -> Field | None:
    keyed = [row for row in rows if row.key]
    for one in named:
        same = sum(_text(row, one) == (row.key or b"").decode("utf-8", "replace") for row in keyed)
        if keyed and same >= _ENOUGH * len(keyed):
            return one
    return None


def _repeated(sample: Sample, named: Iterable[Field]) -> Field | None:
    fitting = []
    for one in named:
        repeats = len(sample.rows) * one.filled / max(1, one.distinct)
        if one.distinct < 2 or repeats < _REPEATS or one.filled < 0.9:
            continue
        rank = next((rank for rank, word in enumerate(_LIKELY) if word in one.plain_name), len(_LIKELY))
        looks_like_id = re.search(r"(^|_)id$", one.plain_name) is not None
        if one.type == "int" and rank == len(_LIKELY) and not looks_like_id:
            continue
        fitting.append((rank, not looks_like_id, -one.distinct, one.name, one))
    return min(fitting)[-1] if fitting else None


def _few(sample: Sample, named: Iterable[Field]) -> Field | None:
    """A field of 2 to 50 values, each of which comes at least 20 times on average."""
    fitting = [
        one
        for one in named
        if one.type == "string" and 2 <= one.distinct <= 50 and one.filled > 0.9
        if len(sample.rows) / one.distinct >= 20 and not is_outcome(one)
    ]
    return max(fitting, key=lambda one: one.distinct, default=None)


def is_outcome(one: Field) -> bool:
    """Whether its values say how something ended."""
    return any(
        word in one.plain_name
        for word in ("status", "result", "outcome", "level", "severity", "state", "code")
    )


def _placed(rows: Iterable[Row], one: Field) -> bool:
    where: defaultdict[str, Counter[Partition]] = defaultdict(Counter)
    partitions = set()
    for row in rows:
        value = _text(row, one)
        partitions.add(row.partition)
        if value is not None:
            where[value][row.partition] += 1
    often = [seen for seen in where.values() if seen.total() > 1]
    return len(partitions) > 1 and len(often) >= _PAIRS and all(len(seen) == 1 for seen in often)


def _text(row: Row, one: Field) -> str | None:
    value = row.values.get(one.steps)
    return None if value is None else str(value)
