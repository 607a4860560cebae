"""A slice of a topic: of some partitions the offsets from one to another, and how it is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeAlias

from streamgauge.batch import Partition
from streamgauge.errors import ConfigError

Range: TypeAlias = tuple[int, int]
"""The first offset, and the one behind the last."""
Ranges: TypeAlias = Mapping[Partition, Range]

_ONE = re.compile(r"(?P<partition>\d+):(?P<first>\d+)-(?P<end>\d+)")


def text_of(ranges: Ranges) -> str:
    """As people and programs pass it on: ``0:100-200,1:90-210``, by partition; the end is not in it."""
    return ",".join(f"{place.number}:{first}-{end}" for place, (first, end) in sorted(ranges.items()))


def ranges_of(topic: str, text: str) -> dict[Partition, Range]:
    """What :func:`text_of` wrote.

    Raises:
        ConfigError: it is no such text.
    """
    found: dict[Partition, Range] = {}
    for part in text.split(","):
        matched = _ONE.fullmatch(part.strip())
        place = Partition(topic, int(matched["partition"])) if matched else None
        if matched is None or place is None or place in found or int(matched["first"]) >= int(matched["end"]):
            raise ConfigError(
                f"`{part.strip()}` says no offsets of a partition that are new: write PARTITION:FIRST-END, several with "
                "commas, such as 0:100-200,1:90-210, as `streamgauge slice next` prints it"
            )
        found[place] = (int(matched["first"]), int(matched["end"]))
    return found


def records_of(ranges: Ranges) -> int:
    """How many offsets it spans; marks of transactions and compacted records are counted, since nobody can tell."""
    return sum(end - first for first, end in ranges.values())


def shared(waiting: Ranges, rows: int) -> dict[Partition, Range]:
    """At most ``rows`` of what waits: as many of each partition, and of the fuller ones what others leave over."""
    found: dict[Partition, Range] = {}
    by_size = sorted((end - first, place) for place, (first, end) in waiting.items() if end > first)
    left = rows
    for number, (size, place) in enumerate(by_size):
        taken = min(size, -(-left // (len(by_size) - number)))
        if taken > 0:
            first = waiting[place][0]
            found[place] = (first, first + taken)
            left -= taken
    return found
