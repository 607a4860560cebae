"""Asks what the streams of a configuration ask, until each target has answered often enough or has not.

The streams' own sources do it, on a store of its own that is thrown away: nothing of it is seen by a `run`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from streamgauge.clock import Clock
from streamgauge.config import Config
from streamgauge.engines.embedded.opening import open_source
from streamgauge.sources.contract import Slice, Source
from streamgauge.sources.polling.settings import PollerConfig
from streamgauge.stores import Owner, open_store

_WAIT = timedelta(milliseconds=50)
_SLACK = 30.0
"""Seconds beyond all patience after which a target counts as away: its source should have said so long before."""


@dataclass(slots=True)
class Look:
    """What one stream heard.

    Attributes:
        answers: how many there were.
        slices: their records.
        trouble: why there are no more; None where there were enough.
    """

    answers: int = 0
    slices: list[Slice] = field(default_factory=list)
    trouble: str | None = None

    @property
    def at(self) -> int:
        """The moment of the newest record; microseconds."""
        return max((int(piece.timestamps[-1]) for piece in self.slices if len(piece.timestamps)), default=0)


def polled(config: Config) -> list[str]:
    """The streams that ask something."""
    return [name for name, stream in config.streams.items() if isinstance(stream.source, PollerConfig)]


def look(config: Config, answers: int, every: timedelta, clock: Clock) -> Mapping[str, Look]:
    """Ask for all polled streams at once; by stream.

    Args:
        config: whose streams.
        answers: so many of each target.
        every: the time between two, instead of what the streams say.
        clock: stamps the answers.
    """
    with _opened(config, every, clock) as sources:
        looks = {name: Look() for name in sources}
        patience = max((_patience(config, name, answers, every) for name in sources), default=0.0)
        until = clock.monotonic() + patience
        while open_ := [n for n, one in looks.items() if one.trouble is None and one.answers < answers]:
            for name in open_:
                _hear(sources[name], looks[name], answers)
                if clock.monotonic() > until:
                    looks[name].trouble = f"no answer within {patience:g} s"
        return looks


def _patience(config: Config, name: str, answers: int, every: timedelta) -> float:
    source = config.streams[name].source
    assert isinstance(source, PollerConfig)
    return answers * (source.timeout + every).total_seconds() + _SLACK


def _hear(source: Source, look: Look, answers: int) -> None:
    """Take in what has been answered by now; answers beyond those that were asked for are left."""
    said = source.describe()  # before the poll: what it counts is in the inbox by then
    poll = source.poll(1_000_000, _WAIT)
    look.slices.extend(poll.slices)
    if poll.at_end:
        look.answers = min(answers, int(said["answers"]))
    if look.answers < answers:
        look.trouble = said.get("trouble")


@contextmanager
def _opened(config: Config, every: timedelta, clock: Clock) -> Iterator[Mapping[str, Source]]:
    with tempfile.TemporaryDirectory(prefix="streamgauge-health-") as folder, ExitStack() as ending:
        url = f"sqlite:///{Path(folder, 'look.db')}"
        ending.enter_context(closing(open_store(url, owner=Owner.this_process(), clock=clock)))
        sources = {}
        for name in polled(config):
            stream = config.streams[name]
            often = stream.model_copy(update={"source": stream.source.model_copy(update={"every": every})})
            sources[name] = ending.enter_context(closing(open_source(name, often, clock, store_url=url)))
            sources[name].open({})
        yield sources
