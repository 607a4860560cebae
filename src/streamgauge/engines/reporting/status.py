"""What the engine shows of itself: made anew twice a second, read by the server, the metrics and live views."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from streamgauge.batch import NEVER, Batch
from streamgauge.engines.reporting.spread import Spread
from streamgauge.engines.reporting.totals import Totals
from streamgauge.sources.contract import Tail


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """One partition: the next offset to count, the broker's end, how many records lie between."""

    next_offset: int
    end_offset: int | None
    lag: int | None
    caught_up: bool
    watermark: int | None

    @classmethod
    def of(cls, next_offset: int, tail: Tail | None, watermark: int, *, caught_up: bool) -> Self:
        """As a reader knows it; ``tail`` is None where the end was not asked for yet, ``watermark`` may be NEVER."""
        end = None if tail is None else tail.end_offset
        lag = None if end is None else max(0, end - next_offset)
        return cls(next_offset, end, lag, caught_up, None if watermark == NEVER else watermark)


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """One stream.

    Attributes:
        records, late, dead_letters: since this process started.
        rate: records per second over the last moments.
        watermark: of what spans partitions; microseconds, None before the first record.
        delay: seconds that the watermark lies behind the wall clock; None before the first record.
        lost: why the source counts as lost; None while it is there.
        source: what it reads and where it started; no secrets.
        newest: the last records as they came, masked fields too: whoever shows them masks those.
        group: the consumer group, where there is one.
        consumed: records read since this process started, unreadable ones included, by the partition's name
            (the topic, the file).
    """

    records: int
    late: int
    dead_letters: int
    rate: float
    watermark: int | None
    delay: float | None
    partitions: Mapping[str, PartitionStatus]
    lost: str | None = None
    source: Mapping[str, object] = field(default_factory=dict)
    group: str | None = None
    consumed: Mapping[str, int] = field(default_factory=dict)
    newest: Sequence[Batch] = ()


@dataclass(frozen=True, slots=True)
class MonitorStatus:
    """One monitor.

    Attributes:
        keys: how many it knows.
        open_windows: windows that are filling now.
        open_incidents: incidents that fire.
        paused: why it takes no part; None while it does.
        last_end: end of the last window that it judged; microseconds.
    """

    stream: str
    kind: str
    why: str
    keys: int
    open_windows: int
    open_incidents: int
    paused: str | None = None
    last_end: int | None = None


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """All of it at one moment.

    Attributes:
        at: wall clock of this picture.
        turned_at: monotonic seconds of this picture: the engine's loop turned then; None before it began.
        ready: kernels are compiled, the store is ours, the sources were opened.
        starting: what readiness waits for; None once ready.
        commits, commit_seconds: how many, and how long the last took.
        commit_times: how long all took.
        store: what keeps commits from succeeding; None while they do.
        waiting: notices per channel that have not left (of many, those in memory).
        notices: tries since this process started, by channel and outcome (``delivered`` …).
        notice_times: by channel, from the decision to the answer that settled it.
        open: incidents that fire now, by monitor and severity.
        opened: incidents that began to fire since this process started, by monitor and severity.
        rows: of sinks since this process started, by sink and outcome (``written``, ``refused``, ``dropped``).
        spooled: rows that wait, by sink.
    """

    at: int
    started_at: int
    turned_at: float | None = None
    ready: bool = False
    starting: str | None = None
    streams: Mapping[str, StreamStatus] = field(default_factory=dict)
    monitors: Mapping[str, MonitorStatus] = field(default_factory=dict)
    commits: int = 0
    commit_seconds: float = 0.0
    commit_times: Spread | None = None
    store: str | None = None
    waiting: Mapping[str, int] = field(default_factory=dict)
    notices: Mapping[tuple[str, str], int] = field(default_factory=dict)
    notice_times: Mapping[str, Spread] = field(default_factory=dict)
    open: Mapping[tuple[str, str], int] = field(default_factory=dict)
    opened: Mapping[tuple[str, str], int] = field(default_factory=dict)
    rows: Mapping[tuple[str, str], int] = field(default_factory=dict)
    spooled: Mapping[str, int] = field(default_factory=dict)


class StatusBoard:
    """Where the engine puts the newest picture; any thread may read ``now``. It outlives engines.

    Attributes:
        now: the newest picture.
        totals: what is counted from the start on.
        gauges: values of models by (metric, its labels' values): set by monitors and by ``POST /update_metrics``;
            single entries are replaced, so any thread may do so.
        exposed: asked at each scrape for what the pollers' newest answers show: a metric, its labels' values, its value.
    """

    def __init__(self, started_at: int) -> None:
        self.totals = Totals()
        self.gauges = self.totals.gauges
        self.exposed: Sequence[Callable[[], Iterable[tuple[str, tuple[str, ...], float]]]] = ()
        self.now = EngineStatus(
            started_at, started_at, starting="the store and what is saved in it are being opened"
        )
