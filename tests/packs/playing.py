"""Plays the answers of systems through a pack, as fast as they can be judged: who is told what, and when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec
import numpy as np

from streamgauge.batch import Partition
from streamgauge.config import Config
from streamgauge.engines.decoding.decoder import open_decoder
from streamgauge.engines.replay.replay import Input, replay
from streamgauge.plan import make_plan
from streamgauge.sources.contract import Slice
from streamgauge.testing import ListedSource

START = 1_767_225_600_000_000
"""The first answer: a full hour, so windows begin with it."""

EVERY = 10
"""Seconds between two answers."""

Rows: TypeAlias = Iterable[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Told:
    """The beginning of an incident: whose, and how many seconds after the first answer it was told."""

    monitor: str
    key: Any
    after: float
    severity: str


def played(config: Config, **answers: Sequence[Rows]) -> list[Told]:
    """Who is told of what when each stream hears its answers, one every ten seconds; names with ``_`` for ``-``."""
    by_stream = {name.replace("_", "-"): rounds for name, rounds in answers.items()}
    plan = make_plan(config)
    inputs = {}
    for name, rounds in by_stream.items():
        source = ListedSource([_heard(name, rounds)], finite=True)
        inputs[name] = Input(source, open_decoder(config.streams[name], plan.streams[name].layout))
    lines = replay(config, inputs, flush=False).lines
    return [
        Told(line["monitor"], line["key"], _seconds(line["at"]), line["severity"])
        for line in lines
        if line["kind"] == "incident" and line["status"] == "firing"
    ]


def hour(row: Mapping[str, Any], *more: Mapping[str, Any]) -> list[list[Mapping[str, Any]]]:
    """The same answer for an hour."""
    return [[row, *more]] * 360


def _heard(stream: str, rounds: Sequence[Rows]) -> Slice:
    """All answers in one slice, so that an hour costs little."""
    records, times = [], []
    for i, rows in enumerate(rounds):
        new = [msgspec.json.encode(row) for row in rows]
        records += new
        times += [START + i * EVERY * 1_000_000] * len(new)
    count = len(records)
    return Slice(Partition(stream, 0), np.arange(count), np.array(times), count, records)


def _seconds(at: str) -> float:
    from datetime import datetime

    return (datetime.fromisoformat(at).timestamp() * 1e6 - START) / 1e6
