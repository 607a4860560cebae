"""What a checkpoint was made with: kept beside it, so that a changed file is told what becomes of its monitors."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import msgspec

from streamgauge.plan import Plan

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FILE = "streamgauge.json"


class Made(msgspec.Struct, frozen=True):
    """A checkpoint's own page.

    Attributes:
        run: names the checkpoint, for good.
        topic: where its lines go.
        windows, detectors: by monitor, the shape of its window and of its detector: the state of another shape is
            another state.
    """

    run: str
    topic: str
    windows: dict[str, str]
    detectors: dict[str, str]


def made(plan: Plan, topic: str, run: str | None = None) -> Made:
    """The page of a plan; of a new checkpoint where ``run`` is not given."""
    windows, detectors = {}, {}
    for stream in plan.streams.values():
        for group in stream.every_group:
            for monitor in group.monitors:
                windows[monitor.name], detectors[monitor.name] = group.shape, monitor.shape
    return Made(run or uuid.uuid4().hex[:12], topic, windows, detectors)


def changes(before: Made, now: Made) -> list[str]:
    """What becomes of each monitor that is not as it was; one sentence each."""
    found = []
    for name in sorted({*before.windows, *now.windows}):
        if name not in now.windows:
            found.append(f"{name}: it is not in the file any more: its state is dropped")
        elif name not in before.windows:
            found.append(f"{name}: it is new: it begins where the query stands")
        elif before.windows[name] != now.windows[name]:
            found.append(
                f"{name}: its stream, grouping or window changed: it begins anew where the query stands"
            )
        elif before.detectors[name] != now.detectors[name]:
            found.append(f"{name}: its detector changed: its windows go on, the detector begins anew")
    return found


def read(spark: SparkSession, folder: str) -> Made | None:
    """The page in a checkpoint's folder, wherever Spark can read; None where there is none.

    Raises:
        msgspec.DecodeError: it is no page of ours.
    """
    path, system = _place(spark, folder)
    if not system.exists(path):
        return None
    stream = system.open(path)
    try:
        data = bytes(stream.readAllBytes())
    finally:
        stream.close()
    return msgspec.json.decode(data, type=Made)


def write(spark: SparkSession, folder: str, page: Made) -> None:
    """Write the page, whole or not at all."""
    path, system = _place(spark, folder)
    unfinished, _ = _place(spark, folder, f".{FILE}.part")
    stream = system.create(unfinished, True)
    try:
        stream.write(bytearray(msgspec.json.encode(page)))
    finally:
        stream.close()
    system.delete(path, False)
    system.rename(unfinished, path)


def _place(spark: SparkSession, folder: str, name: str = FILE) -> tuple[Any, Any]:
    jvm = spark.sparkContext._jvm
    path = jvm.org.apache.hadoop.fs.Path(folder, name)
    return path, path.getFileSystem(spark.sparkContext._jsc.hadoopConfiguration())
