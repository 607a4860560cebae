"""What drift detectors said since this process started, for metrics and for whoever wants each check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass

from streamgauge.detectors.against_reference import STATES, AgainstReference
from streamgauge.engines.reporting.spread import Durations
from streamgauge.monitor import Monitor
from streamgauge.verdict import Severity, Verdicts

CHECK_BOUNDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0)
"""Seconds; upper bounds of the classes in which checks are counted."""

_STATUS = {Severity.OK: STATES[0], Severity.WARNING: STATES[1], Severity.CRITICAL: STATES[2]}


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one window: its monitor, when (event time, microseconds), the worst feature's value, the state."""

    monitor: str
    at: int
    value: float
    status: str


class DriftTotals:
    """Since this process started; what is read again after a failure counts again.

    Attributes:
        scores: by monitor of PSI, the value of the last check.
        events: checks by (monitor, status): ``no_drift``, ``possible_drift``, ``drift``.
        times: how long checks took.
        heard: told of each check, on the engine's thread.
        gauges: where ``fraud_model_feature_drift`` is set for monitors that ask for it.
    """

    def __init__(self, gauges: MutableMapping[tuple[str, tuple[str, ...]], float]) -> None:
        self.scores: dict[str, float] = {}
        self.events: Counter[tuple[str, str]] = Counter()
        self.times = Durations(CHECK_BOUNDS)
        self.heard: list[Callable[[Check], None]] = []
        self.gauges = gauges

    def judged(self, monitor: Monitor, verdicts: Verdicts, seconds: float) -> None:
        """Take in what a drift detector said of some windows; others are passed over."""
        detector = monitor.detector
        if not isinstance(detector, AgainstReference) or not len(verdicts):
            return
        values = verdicts.observed[detector.family.name].numbers()
        for row, severity in enumerate(verdicts.severities.tolist()):
            if severity not in _STATUS:
                continue
            check = Check(
                monitor.name, int(verdicts.at[row]), float(values[row]), _STATUS[Severity(severity)]
            )
            self.events[monitor.name, check.status] += 1
            self.times.add(seconds / len(verdicts))
            if detector.family.name == "psi":
                self.scores[monitor.name] = check.value
            if monitor.metrics_prefix == "fraud":
                self._features(verdicts, row, check.value)
            for hear in self.heard:
                hear(check)

    def _features(self, verdicts: Verdicts, row: int, worst: float) -> None:
        self.gauges["fraud_model_feature_drift", ("",)] = worst
        for feature in verdicts.row(row).evidence["features"]:
            if feature["value"] is not None:
                self.gauges["fraud_model_feature_drift", (feature["feature"],)] = feature["value"]
