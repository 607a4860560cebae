"""What a detector says about a small stream, as one line per answer: the examples in docstrings are written so.

Every record goes through the real path (decoder, window, detector) of a replay that leaves open windows open,
as a live stream would.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from streamgauge.clock import SECOND, to_micros

_STREAM, _MONITOR = "lesson", "lesson"


def judge(
    detector: str,
    config: Mapping[str, Any],
    *,
    compute: Mapping[str, str] | None = None,
    size: str | int | None = None,
    times: Sequence[float],
    values: Sequence[Any] | Mapping[str, Sequence[Any]] | None = None,
    keys: Sequence[str] | None = None,
    lateness: str = "0s",
) -> list[str]:
    """The answers of a detector to a few records, in the order of their moments.

    Use it in a detector's docstring to show when it speaks, and in its first test.

    Args:
        detector: the word after ``type:``.
        config: what stands beside ``type:``.
        compute: what each window holds, such as ``{"events": "count(*)"}``.
        size: a duration for tumbling windows, a number for count windows; None = single records.
        times: event times in seconds, in the order of reading.
        values: one value per record, as field ``value``; or several fields by name.
        keys: one key per record, as field ``key``; windows are then grouped by it.
        lateness: how much out of order records may come.

    Returns:
        ``"<seconds> <severity>[ early][ <key>]"`` per answer.

    Raises:
        ConfigError: as a file with this detector would.
    """
    shown = Shown(compute, size, lateness)
    return [_said(line) for line in answers(detector, config, shown, times, (values, keys))]


@dataclass(frozen=True, slots=True)
class Shown:
    """How a small stream is cut: see :func:`judge`."""

    compute: Mapping[str, str] | None = None
    size: str | int | None = None
    lateness: str = "0s"


def answers(
    detector: str,
    config: Mapping[str, Any],
    shown: Shown,
    times: Sequence[float],
    given: tuple[Sequence[Any] | Mapping[str, Sequence[Any]] | None, Sequence[str] | None],
) -> list[dict[str, Any]]:
    """As :func:`judge`, over ``given`` values and keys: the verdicts as whole lines of a replay."""
    from streamgauge.config import load
    from streamgauge.engines.replay.replay import replay

    values, keys = given
    fields = _fields(times, values, keys)
    stream = {
        "source": {"type": "files", "path": "lesson.ndjson"},
        "format": "json",
        "fields": {name: _kind(column) for name, column in fields.items()}
        | {"at": {"type": "timestamp", "unit": "us"}},
        "time": "at",
        "lateness": shown.lateness,
    }
    monitor: dict[str, Any] = {"stream": _STREAM, "detect": {"type": detector, **config}}
    if shown.size is not None:
        monitor["window"] = _window(shown.size, shown.compute, by=keys is not None)
    loaded = load({"streams": {_STREAM: stream}, "monitors": {_MONITOR: monitor}})
    replayed = replay(loaded, {_STREAM: _input(loaded, times, fields)}, flush=False)
    return [line for line in replayed.lines if line["kind"] == "verdict"]


def _fields(
    times: Sequence[float],
    values: Sequence[Any] | Mapping[str, Sequence[Any]] | None,
    keys: Sequence[str] | None,
) -> dict[str, Sequence[Any]]:
    fields = dict(values) if isinstance(values, Mapping) else ({} if values is None else {"value": values})
    if keys is not None:
        fields["key"] = keys
    for name, column in fields.items():
        if len(column) != len(times):
            raise ValueError(f"{name}: {len(column)} values for {len(times)} times; give one per record")
    return fields


def _kind(column: Sequence[Any]) -> str:
    known = [value for value in column if value is not None]
    if known and all(isinstance(value, str) for value in known):
        return "string"
    return "bool" if known and all(isinstance(value, bool) for value in known) else "float"


def _window(size: str | int, compute: Mapping[str, str] | None, *, by: bool) -> dict[str, Any]:
    window: dict[str, Any] = {"type": "count" if isinstance(size, int) else "tumbling", "size": size}
    if compute is not None:
        window["compute"] = dict(compute)
    return window | ({"by": "key"} if by else {})


def _input(loaded: Any, times: Sequence[float], fields: Mapping[str, Sequence[Any]]) -> Any:
    from streamgauge.engines.decoding.decoder import open_decoder
    from streamgauge.engines.replay.replay import Input
    from streamgauge.plan import make_plan
    from streamgauge.testing import ListedSource, listed

    rows = [
        {"at": round(time * SECOND), **{name: column[i] for name, column in fields.items()}}
        for i, time in enumerate(times)
    ]
    plan = make_plan(loaded).streams[_STREAM]
    assert plan.config is not None
    return Input(ListedSource([listed(rows)]), open_decoder(plan.config, plan.layout))


def _said(line: Mapping[str, Any]) -> str:
    at = to_micros(datetime.fromisoformat(line["at"])) / SECOND
    key = line["key"]
    name = "" if key is None else f" {' '.join(map(str, key)) if isinstance(key, list) else key}"
    return f"{at} {line['severity']}{' early' if line['early'] else ''}{name}"
