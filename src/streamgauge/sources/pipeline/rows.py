"""What was heard of each step as records: one per step, one per edge between two steps, one per dead-letter topic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from streamgauge.sources.kafka_lag.brokers import Picture
from streamgauge.sources.pipeline.config import StepConfig


@dataclass(frozen=True, slots=True)
class Heard:
    """Of one step.

    Attributes:
        count: records or rows that ever came to it; None: not known.
        newest: of a table, the newest event time; None where none is asked for.
        error: why nothing is known.
    """

    count: int | None = None
    newest: datetime | None = None
    error: str | None = None


def written(topic: str, picture: Picture) -> Heard:
    """What was ever written to a topic."""
    places = [place for place in picture.partitions if place[0] == topic]
    if not places:
        return Heard(error=f"there is no topic `{topic}`, or we may not see it")
    if any(place not in picture.ends for place in places):
        return Heard(error=f"a partition of `{topic}` has no leader")
    return Heard(sum(picture.ends[place] for place in places))


def read(group: str, topic: str, picture: Picture) -> Heard:
    """What a group has read of a topic; a partition of which it has committed nothing counts from its beginning."""
    found = next((one for one in picture.groups if one.name == group), None)
    if found is None or (not found.offsets and found.error is None):
        return Heard(error=f"there is no consumer group `{group}` with offsets of `{topic}`")
    if found.error is not None:
        return Heard(error=found.error)
    places = [place for place in picture.partitions if place[0] == topic]
    return Heard(sum(found.offsets.get(place, picture.starts.get(place, 0)) for place in places))


def records(
    steps: Sequence[StepConfig], heard: Sequence[Heard], dead: Mapping[str, Heard], now: datetime
) -> Iterable[dict[str, Any]]:
    """All of one answer.

    >>> way = [StepConfig(topic="a"), StepConfig(table="b")]
    >>> [row["edge"] for row in records(way, [Heard(7), Heard(5)], {}, datetime.now(UTC)) if row["kind"] == "edge"]
    ['topic a → table b']
    """
    for i, (step, one) in enumerate(zip(steps, heard, strict=True)):
        row = {"kind": "step", "step": step.name, "position": i, "count": one.count, "error": one.error}
        if step.time is not None and one.error is None:
            row |= {"newest": one.newest, "age": _age(one.newest, now), "head": heard[0].count}
        yield row
    for i in range(1, len(steps)):
        before, after = heard[i - 1].count, heard[i].count
        if before is not None and after is not None:
            edge = f"{steps[i - 1].name} → {steps[i].name}"
            yield {"kind": "edge", "edge": edge, "position": i, "before": before, "after": after}
    for topic, one in dead.items():
        yield {"kind": "dead_letters", "step": f"topic {topic}", "count": one.count, "error": one.error}


def _age(newest: datetime | None, now: datetime) -> float | None:
    if newest is None:
        return None
    aware = newest if newest.tzinfo is not None else newest.replace(tzinfo=UTC)
    return round((now - aware).total_seconds(), 3)
