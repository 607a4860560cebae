"""From a sample to a file: what ``streamgauge init`` does, without its questions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from streamgauge.errors import ConfigError
from streamgauge.profiling import declaring, fields, keys, sample, timing
from streamgauge.profiling.proposals import Findings, propose
from streamgauge.profiling.trial import Trial

if TYPE_CHECKING:
    from streamgauge.clock import Clock
    from streamgauge.profiling.sample import Sample


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user knows already; None is guessed."""

    time: str | None = None
    key: str | None = None
    lateness: timedelta | None = None


def findings(looked_at: Sample, wishes: Wishes, clock: Clock) -> Findings:
    """Everything that shows in a sample.

    Raises:
        ConfigError: a wish names no such field, or nothing can be the event time.
    """
    known = fields.infer(looked_at.rows, looked_at.format, clock.now())
    found = timing.find(looked_at, known, wishes.time)
    if wishes.lateness is not None:
        found = replace(found, lateness=wishes.lateness, beyond=0)
    if wishes.key is not None and known.get(wishes.key) is None:
        names = ", ".join(one.name for one in known.found)
        raise ConfigError(f"{wishes.key!r} is no field; there are: {names}")
    if looked_at.of_topic and looked_at.partial:
        start = _common_start(looked_at, found)
        looked_at = sample.since(looked_at, start, found.times)
        kept = {place: at for place, at in found.times.items() if at >= start}
        found = replace(found, times=kept or found.times)
    return Findings(looked_at, known, found, keys.find(looked_at, known, wishes.key))


def declare(
    source: Mapping[str, Any], found: Findings, environ: Mapping[str, str], clock: Clock
) -> declaring.Declared:
    """The stream with rules that fit it, tried over the sample.

    Args:
        source: as it will stand in the file.
        found: what the sample shows.
        environ: what ``${NAME}`` in ``source`` stands for.
        clock: asked for "too far ahead".
    """
    trying = Trial(found.sample, declaring.stream(source, found), environ, clock)
    return declaring.Declared(source, found, tuple(propose(found, trying)))


def _common_start(looked_at: Sample, found: timing.Timing) -> int:
    """The moment from which on all partitions are covered."""
    firsts: dict[Any, int] = {}
    for row in looked_at.rows:
        at = found.times.get((row.partition, row.offset))
        if at is not None:
            firsts[row.partition] = min(at, firsts.get(row.partition, at))
    return max(firsts.values(), default=found.first)
