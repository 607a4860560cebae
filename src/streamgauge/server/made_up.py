"""Made-up points of a stream, with and without drift: pure, the same arguments give the same points.

A field that a drift monitor compares is drawn from that monitor's reference, so that points without drift look like
it to the monitor; every other field is drawn by its type. With drift, numbers lie two deviations higher (within the
field's ``min`` and ``max``), the rarest category prevails, and what was true half the time is mostly true.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from streamgauge.clock import iso
from streamgauge.errors import ConfigError

if TYPE_CHECKING:
    from streamgauge.batch import FloatArray
    from streamgauge.config.models import Config, FieldConfig, StreamConfig
    from streamgauge.statistics.reference import Feature

WORDS = ("alpha", "beta", "gamma", "delta", "epsilon")
SHARES = (0.4, 0.25, 0.2, 0.1, 0.05)
KEYS = 50
"""Different keys; ids are all different."""
APART = 1_000
"""Microseconds of event time between two points."""
_UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1}
_Draw = np.random.Generator


def points(
    config: Config, name: str, count: int, *, drift: bool, seed: int, now: int
) -> list[dict[str, Any]]:
    """``count`` records of the stream ``name``; their event time ends at ``now`` (microseconds).

    >>> from streamgauge.config import load
    >>> config = load({"streams": {"s": {"source": {"type": "http", "token": "12345678"}, "format": "json",
    ...     "fields": {"x": "float", "at": "timestamp"}, "time": "at"}}})
    >>> [sorted(point) for point in points(config, "s", 2, drift=False, seed=1, now=10**15)]
    [['at', 'x'], ['at', 'x']]
    """
    stream = config.streams[name]
    known = references(config, name)
    draw = np.random.default_rng(seed)
    columns = {
        field: _column(draw, (field, spec, stream), known.get(field), count, drift=drift, now=now)
        for field, spec in stream.fields.items()
        if spec.compute is None
    }
    return [_record(stream, {field: column[n] for field, column in columns.items()}) for n in range(count)]


def references(config: Config, stream: str) -> dict[str, Feature]:
    """What the drift monitors of a stream compare its fields with; the first that knows a field counts."""
    from streamgauge.detectors.against_reference import ReferenceConfig, opened

    found: dict[str, Feature] = {}
    for monitor in config.monitors.values():
        if monitor.stream == stream and isinstance(monitor.detect, ReferenceConfig):
            try:
                features = opened(monitor.detect).features
            except ConfigError:  # its file has gone since; the type of a field says enough
                continue
            for field, feature in features.items():
                found.setdefault(field, feature)
    return found


def _column(
    draw: _Draw,
    of: tuple[str, FieldConfig, StreamConfig],
    known: Feature | None,
    count: int,
    *,
    drift: bool,
    now: int,
) -> list[Any]:
    field, spec, stream = of
    if spec.type == "timestamp":
        moments = [now - APART * (count - 1 - n) for n in range(count)]
        return [_moment(at, spec.unit) for at in moments]
    if known is not None and known.kind == "category":
        return _categories(draw, known, count, drift=drift)
    if spec.type in ("int", "float"):
        return _numbers(draw, spec, known, count, drift=drift)
    if spec.type == "bool":
        share = 0.5 if known is None or known.moments is None else known.moments.mean
        usual = 0.1 if share >= 0.8 else 0.9
        return [bool(one) for one in draw.random(count) < (usual if drift else share)]
    if field in stream.key or field in stream.partitioned_by:
        return [f"made-up-{n}" for n in draw.integers(0, KEYS, count)]
    if field == "id" or field.endswith("_id"):
        return [f"made-up-{n:016x}" for n in draw.integers(0, 2**63, count)]
    shares = SHARES[::-1] if drift else SHARES
    return [str(word) for word in draw.choice(WORDS, count, p=shares)]


def _numbers(draw: _Draw, spec: FieldConfig, known: Feature | None, count: int, *, drift: bool) -> list[Any]:
    values: FloatArray
    if known is not None and known.outline is not None and known.outline.size:
        values = known.outline.quantiles(draw.random(count))
        deviation = 0.0 if known.moments is None else known.moments.deviation
        deviation = deviation if np.isfinite(deviation) and deviation > 0 else 1.0
    else:
        low, high = spec.min, spec.max
        middle = (
            100.0
            if low is None and high is None
            else ((low or 0.0) + 100.0 if high is None else high / 2 + (low or 0.0) / 2)
        )
        deviation = 15.0 if high is None else max((high - (low or 0.0)) / 8, 1e-9)
        values = draw.normal(middle, deviation, count)
    values = values + (2 * deviation if drift else 0.0)
    values = np.clip(
        values, -np.inf if spec.min is None else spec.min, np.inf if spec.max is None else spec.max
    )
    return [round(value) for value in values.tolist()] if spec.type == "int" else values.tolist()


def _categories(draw: _Draw, known: Feature, count: int, *, drift: bool) -> list[Any]:
    """By how often each was seen; with drift, as if the rare ones were frequent and the frequent ones rare."""
    seen = {value: times for value, times in (known.values or {}).items() if value is not None}
    if not seen:
        return [None] * count
    names = sorted(seen, key=lambda value: (-seen[value], str(value)))
    weights = np.array([seen[value] for value in names], np.float64)
    shares = (weights[::-1] if drift else weights) / weights.sum()
    return [names[place] for place in draw.choice(len(names), count, p=shares)]


def _moment(at: int, unit: str | None) -> Any:
    if unit is None:
        return iso(at)
    return at * 1_000 if unit == "ns" else at // _UNITS[unit]


def _record(stream: StreamConfig, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values where the format looks for them: by each field's ``path``."""
    record: dict[str, Any] = {}
    for field, value in values.items():
        spec = stream.fields[field]
        if spec.from_ == "key":
            continue
        inside = record
        *way, last = spec.path.split(".") if spec.path else [field]
        for part in way:
            inside = inside.setdefault(part, {})
        inside[last] = value
    return record
