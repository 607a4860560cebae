"""What only grows while this process lives: it outlives an engine and its ways back to a commit.

Late and bad records, and incidents, are counted once a commit has succeeded, so that what is read again after a failure counts once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from streamgauge.engines.reporting.drift_totals import DriftTotals
from streamgauge.engines.reporting.quality_totals import QualityTotals
from streamgauge.engines.reporting.spread import Durations
from streamgauge.incident import Incident
from streamgauge.stores.contract import Commit

if TYPE_CHECKING:
    from streamgauge.schedule.book import Job

COMMIT_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Seconds; upper bounds of the classes in which commits are counted."""

NOTICE_BOUNDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0, 3600.0)
"""The same for notices: from the decision to the receiver's answer."""


class Totals:
    """Since this process started.

    Attributes:
        records, late, dead_letters: by stream.
        consumed: records read, unreadable ones included, by (stream, the partition's name).
        commits: how many succeeded.
        commit_times: how long they took.
        opened: incidents that began to fire, by (monitor, severity).
        notices: tries by (channel, outcome).
        notice_times: by channel, from the decision to the answer that settled it.
        last_end: by monitor, the end of the last window that it judged; microseconds.
        rows: of sinks by (sink, outcome): written, refused, dropped.
        gauges: values of models by (metric, its labels' values).
        drift: what drift detectors said.
        jobs: what is known of the jobs of ``schedule:``; replaced whole, by their thread.
        quality: what was said of transactions and models, where `fraud_*` metrics are asked for.
    """

    def __init__(self) -> None:
        self.records: Counter[str] = Counter()
        self.consumed: Counter[tuple[str, str]] = Counter()
        self.late: Counter[str] = Counter()
        self.dead_letters: Counter[str] = Counter()
        self.commits = 0
        self.commit_times = Durations(COMMIT_BOUNDS)
        self.opened: Counter[tuple[str, str]] = Counter()
        self.notices: Counter[tuple[str, str]] = Counter()
        self.notice_times: dict[str, Durations] = {}
        self.last_end: dict[str, int] = {}
        self.rows: Counter[tuple[str, str]] = Counter()
        self.gauges: dict[tuple[str, tuple[str, ...]], float] = {}
        self.drift = DriftTotals(self.gauges)
        self.quality = QualityTotals(self.gauges)
        self.jobs: Mapping[str, Job] = {}

    def committed(
        self, commit: Commit, late: Counter[str], began: Sequence[Incident], seconds: float
    ) -> None:
        """A commit has succeeded."""
        self.commits += 1
        self.commit_times.add(seconds)
        self.late.update(late)
        self.dead_letters.update(stream for stream, _ in commit.dead_letters)
        self.opened.update((incident.monitor, incident.severity) for incident in began)

    def tried(self, channel: str, outcome: str, waited: float, *, settled: bool) -> None:
        """A notice was tried; called on the channel's own thread."""
        self.notices[channel, outcome] += 1
        if settled:
            self.notice_times.setdefault(channel, Durations(NOTICE_BOUNDS)).add(waited)
