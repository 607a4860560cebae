"""A monitor: one declared rule, ready to run and immutable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from streamgauge.detectors.contract import Detector
from streamgauge.incidents.lifecycle import Policy

Kind: TypeAlias = Literal["aligned", "mergeable", "single"]


@dataclass(frozen=True, slots=True)
class Monitor:
    """One rule: who is watched, who judges, who hears of it.

    Attributes:
        name: as declared.
        stream: the stream it watches.
        by: the fields it is grouped by; empty = one group.
        kind: who owns its state. *aligned*: grouped by what the stream is partitioned by, so each
            partition stands alone. *mergeable*: parts per partition, merged. *single*: what depends on the
            order across partitions.
        why: the reason for its kind, for people.
        detector: what judges.
        policy: how verdicts become incidents, and who hears of them.
        shape: hash of all that shapes the detector's state; a change starts it anew.
        fields: the fields it reads.
        samples: how many records a notice shows.
        judged: the columns that it reports, in words, for ``explain``.
        metrics_prefix: the family of metrics that its results are shown as, besides our own.
    """

    name: str
    stream: str
    by: tuple[str, ...]
    kind: Kind
    why: str
    detector: Detector
    policy: Policy
    shape: str
    fields: frozenset[str]
    samples: int = 3
    judged: str = ""
    metrics_prefix: str | None = None
