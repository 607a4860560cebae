"""What was heard of each step as records: one per step, one per edge between two steps, one per dead-letter topic."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

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


class Cluster:
    """What the brokers told, from the records of one answer of ``kafka_lag``."""

    def __init__(self, told: Iterable[bytes]) -> None:
        import msgspec

        self._ends: dict[str, dict[int, tuple[int | None, int | None]]] = {}
        self._offsets: dict[tuple[str, str], dict[int, int]] = {}
        self._errors: dict[str, str] = {}
        decode = msgspec.json.Decoder().decode
        for row in map(decode, told):
            if row["kind"] == "partition":
                self._ends.setdefault(row["topic"], {})[row["partition"]] = (row["start"], row["end"])
            elif row["kind"] == "group":
                self._take(row)

    def _take(self, row: Mapping[str, Any]) -> None:
        if row["error"] is not None:
            self._errors[row["group"]] = row["error"]
        elif row.get("offset") is not None:
            self._offsets.setdefault((row["group"], row["topic"]), {})[row["partition"]] = row["offset"]

    def written(self, topic: str) -> Heard:
        """What was ever written to a topic."""
        ends = [end for _, end in self._ends.get(topic, {}).values()]
        if not ends:
            return Heard(error=f"there is no topic `{topic}`, or we may not see it")
        known = [end for end in ends if end is not None]
        if len(known) < len(ends):
            return Heard(error=f"a partition of `{topic}` has no leader")
        return Heard(sum(known))

    def read(self, group: str, topic: str) -> Heard:
        """What a group has read of a topic; a partition of which it has committed nothing counts from its beginning."""
        if group in self._errors:
            return Heard(error=self._errors[group])
        offsets = self._offsets.get((group, topic))
        if offsets is None:
            return Heard(error=f"there is no consumer group `{group}` with offsets of `{topic}`")
        parts = self._ends.get(topic, {})
        return Heard(sum(offsets.get(number, start or 0) for number, (start, _) in parts.items()))


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
