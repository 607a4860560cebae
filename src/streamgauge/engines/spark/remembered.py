"""What one partition remembers beside windows and detectors: where it is, how time stood, and who has an incident."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from streamgauge.batch import NEVER, Partition
from streamgauge.engines.running.bundle import Bundle
from streamgauge.engines.running.stream_runner import StreamRunner
from streamgauge.incidents.board import Board
from streamgauge.state import Tables
from streamgauge.stores.blocks import Block, decode, encode
from streamgauge.stores.changes import Kept, whole
from streamgauge.stores.rows import json_text
from streamgauge.windows.watermark import Standing


class Reached(msgspec.Struct):
    """How far one stream has come in the partition.

    Attributes:
        next_offset: what is counted next.
        largest: largest event time, idle advances included.
        standing: how the clock stood, so that time goes on the same whether it was in memory or is read back.
    """

    next_offset: int
    largest: int = NEVER
    standing: Standing = Standing()


class Remembered(msgspec.Struct):
    """All of it.

    Attributes:
        n: the number of the last line.
        asked_at: when the partition's end was last asked for.
        paused: monitors that take no part, and why.
        incidents: as the store writes them.
        memory: by fingerprint.
        reached: by stream.
    """

    n: int = 0
    asked_at: float = 0.0
    paused: dict[str, str] = {}
    incidents: list[str] = []
    memory: dict[str, Any] = {}
    reached: dict[str, Reached] = {}


def remembered(
    n: int, asked_at: float, paused: Mapping[str, str], board: Board, come: Mapping[str, Reached]
) -> Remembered:
    """What is to be kept."""
    memory: dict[str, Any] = msgspec.json.decode(json_text(board.memory))
    return Remembered(n, asked_at, dict(paused), [json_text(i) for i in board.all()], memory, dict(come))


def reached(runner: StreamRunner, partition: Partition) -> Reached:
    """How far a stream has come, and how its clock stands."""
    clock = runner.clock
    return Reached(runner.next_offset.get(partition, 0), clock.largest(partition), clock.standing(partition))


def tables_bytes(bundle: Bundle) -> bytes:
    """A bundle's state as bytes with a checksum."""
    return encode(Block(bundle.key.shape, bundle.version, 0, -1, {}, whole(bundle.tables())))


def tables_of(data: bytes) -> Tables:
    """Read back what :func:`tables_bytes` wrote.

    Raises:
        StoreDamagedError: the bytes are not what was written.
    """
    kept = Kept()
    kept.apply(decode(data).parts)
    return kept.view()
