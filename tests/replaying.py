"""Small real replays for tests: records in, lines out."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import msgspec

from streamgauge.batch import Partition
from streamgauge.clock import to_micros
from streamgauge.config import load
from streamgauge.config.models import Config
from streamgauge.engines.decoding.decoder import open_decoder
from streamgauge.engines.replay.replay import Input, Replayed, replay
from streamgauge.formats.contract import Layout
from streamgauge.plan import make_plan
from streamgauge.sources.contract import Slice
from streamgauge.testing import ListedSource, listed

STREAM = "s"
S = 1_000_000
FIELDS: dict[str, Any] = {
    "k": "string",
    "v": "float",
    "n": "int",
    "w": "string",
    "pos": {"type": "float", "min": 0},
    "at": {"type": "timestamp", "unit": "us"},
}

Record = Mapping[str, Any] | bytes | None


def record(at: float, k: str | None = None, **more: Any) -> dict[str, Any]:
    """A record at ``at`` seconds."""
    return {"at": round(at * S), "k": k, **more}


@cache
def _configured(text: bytes) -> Config:
    return load(msgspec.json.decode(text))


def config(monitors: Mapping[str, Any], **stream: Any) -> Config:
    """One stream ``s`` with the usual fields, and ``monitors`` over it unless they name another."""
    declared = {
        "source": {"type": "kafka", "brokers": "x:9092", "topic": "s"},
        "format": "json",
        "fields": FIELDS,
        "time": "at",
        **stream,
    }
    watched = {name: {"stream": STREAM, **monitor} for name, monitor in monitors.items()}
    return _configured(msgspec.json.encode({"streams": {STREAM: declared}, "monitors": watched}))


def run(
    configured: Config,
    records: Mapping[int, Sequence[Record]] | Sequence[Record],
    *,
    batch_size: int = 20_000,
    cuts: Mapping[int, Iterable[int]] | None = None,
    flush: bool = True,
) -> Replayed:
    """Replay records per partition (or of partition 0); ``cuts`` say where the source splits them."""
    given = records if isinstance(records, Mapping) else {0: records}
    slices: list[Slice] = []
    for number, rows in given.items():
        edges = [0, *sorted(set((cuts or {}).get(number, ())) & set(range(1, len(rows)))), len(rows)]
        slices += [
            listed(rows[a:b], partition=Partition(STREAM, number), start=a)
            for a, b in itertools.pairwise(edges)
        ]
    source = ListedSource(slices, partitions=[Partition(STREAM, number) for number in given])
    decoder = open_decoder(configured.streams[STREAM], _layout(configured))
    return replay(configured, {STREAM: Input(source, decoder)}, batch_size=batch_size, flush=flush)


_planned: list[tuple[Config, Layout]] = []


def _layout(configured: Config) -> Layout:
    """Kept of the last one: many tests replay the same again and again, and to plan it is a good part of that."""
    if not _planned or _planned[0][0] is not configured:
        _planned[:] = [(configured, make_plan(configured).streams[STREAM].layout)]
    return _planned[0][1]


def text(replayed: Replayed) -> list[str]:
    """Every line as JSON."""
    return [msgspec.json.encode(line).decode() for line in replayed.lines]


def seconds(iso: str | None) -> float | None:
    """What a line says as a moment, in seconds since 1970."""
    return None if iso is None else to_micros(datetime.fromisoformat(iso)) / S


@dataclass(frozen=True)
class Told:
    """Lines of one monitor in a form that is short to compare; moments are seconds."""

    lines: Sequence[Mapping[str, Any]]

    def windows(self) -> list[tuple[Any, ...]]:
        """(key, start, end, values) per closed window."""
        return [
            (line["key"], seconds(line["window_start"]), seconds(line["window_end"]), line["values"])
            for line in self.lines
            if line["kind"] == "window"
        ]

    def verdicts(self) -> list[tuple[Any, ...]]:
        """(at, severity, early, key) per verdict."""
        return [
            (seconds(line["at"]), line["severity"], line["early"], line["key"])
            for line in self.lines
            if line["kind"] == "verdict"
        ]

    def incidents(self) -> list[tuple[Any, ...]]:
        """(at, status, reason, key) per notice."""
        return [
            (seconds(line["at"]), line["status"], line["reason"], line["key"])
            for line in self.lines
            if line["kind"] == "incident"
        ]

    def late(self) -> list[tuple[Any, ...]]:
        """(partition, offset, window start) per late record and window."""
        return [
            (int(line["partition"].rpartition(":")[2]), line["offset"], seconds(line["window_start"]))
            for line in self.lines
            if line["kind"] == "late"
        ]


def told(replayed: Replayed, monitor: str = "m") -> Told:
    """The lines of ``monitor``."""
    return Told([line for line in replayed.lines if line["monitor"] == monitor])
