"""Runs rules over a sample: the real decoder, windows, detectors and incidents; nothing is sent or stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamgauge.clock import Clock
    from streamgauge.engines.replay.replay import Replayed
    from streamgauge.profiling.sample import Sample


class Trial:
    """Rules over one sample, again and again."""

    def __init__(
        self, sample: Sample, stream: Mapping[str, Any], environ: Mapping[str, str], clock: Clock
    ) -> None:
        """``stream`` is the stream's declaration as plain data; ``environ`` holds what it refers to."""
        self._sample = sample
        self._stream = dict(stream)
        self._environ = environ
        self._clock = clock

    def run(self, monitors: Mapping[str, Mapping[str, Any]]) -> Replayed:
        """What these monitors would have made of the sample."""
        from streamgauge.config import load
        from streamgauge.engines.decoding.decoder import open_decoder
        from streamgauge.engines.replay import replay
        from streamgauge.plan import make_plan
        from streamgauge.testing import ListedSource

        name = self._sample.name
        config = load({"streams": {name: self._stream}, "monitors": dict(monitors)}, environ=self._environ)
        decoder = open_decoder(config.streams[name], make_plan(config).streams[name].layout)
        source = ListedSource(self._sample.slices, clock=self._clock)
        return replay.replay(config, {name: replay.Input(source, decoder)}, clock=self._clock)

    def windows(self, window: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The results of one window over the stream: its values, with ``key`` and ``window_start``."""
        first = next(iter(window["compute"]))
        judge = {"type": "threshold", "when": f"{first} > 1e300"}
        found = self.run({"trial": {"stream": self._sample.name, "window": dict(window), "detect": judge}})
        return [
            {**line["values"], "key": line.get("key"), "window_start": line["window_start"]}
            for line in found.lines
            if line["kind"] == "window"
        ]


def told(replayed: Replayed) -> Counter[str]:
    """How many incidents each monitor opened."""
    return Counter(one.monitor for one in replayed.incidents_list if one.kind == "verdict")


def first_told(replayed: Replayed, monitor: str) -> str | None:
    """The first incident of a monitor in words: whose, and when."""
    from streamgauge.channels.wording import printable
    from streamgauge.clock import iso

    found = next((one for one in replayed.incidents_list if one.monitor == monitor), None)
    if found is None:
        return None
    who = found.key if isinstance(found.key, tuple) else () if found.key is None else (found.key,)
    named = printable(", ".join(map(str, who)), 60)
    return f"{named} at {iso(found.opened_at)}".strip()


def column(windows: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    """One value of all windows, without those that are missing."""
    return [float(one[name]) for one in windows if one.get(name) is not None]
