"""What monitors that set ``metrics_prefix: fraud`` say of each transaction and of the model, for metrics."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping

import numpy as np

from streamgauge.detectors.joined import Joined
from streamgauge.monitor import Monitor
from streamgauge.verdict import Severity, Verdicts

Gauges = MutableMapping[tuple[str, tuple[str, ...]], float]
TRANSACTIONS = "fraud_transactions_total"
MEASURES = ("precision", "recall", "accuracy")
DIGITS = 3
_UNSAID = (Severity.LEARNING, Severity.NOT_ENOUGH_DATA, Severity.NO_DATA, Severity.FORGOTTEN)


class QualityTotals:
    """Since this process started; what is read again after a failure counts again.

    Args:
        gauges: where values are set, by (metric, its labels' values).
    """

    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges
        self._newest: dict[str, int] = {}

    def judged(self, monitor: Monitor, verdicts: Verdicts) -> None:
        """Take in what a monitor said; one without ``metrics_prefix: fraud`` is passed over."""
        if monitor.metrics_prefix != "fraud" or not len(verdicts):
            return
        if isinstance(monitor.detector, Joined):
            self._of_model(monitor, verdicts)
        elif verdicts.score is not None and not (verdicts.starts < verdicts.ends).any():
            self._of_records(verdicts)

    def _of_records(self, verdicts: Verdicts) -> None:
        """A detector of records: each that it could judge is a transaction."""
        judged = int((~np.isin(verdicts.severities, _UNSAID)).sum())
        anomalies = int(verdicts.firing().sum())
        self._count(judged - anomalies, anomalies)

    def _of_model(self, monitor: Monitor, verdicts: Verdicts) -> None:
        """Predictions count when their window is first told; measures are those of the newest window with enough labels."""
        assert isinstance(verdicts.evidence, Mapping)
        observed = {name: part.values() for name, part in {**verdicts.evidence, **verdicts.observed}.items()}
        for row, severity in enumerate(verdicts.severities.tolist()):
            positive = observed.get("predicted_positive", [None] * len(verdicts))[row]
            if positive is not None and observed["revision"][row] == 0:
                self._count(observed["predictions"][row] - positive, positive)
            start = int(verdicts.starts[row])
            if (
                severity == Severity.NOT_ENOUGH_DATA
                or monitor.by
                or start < self._newest.get(monitor.name, start)
            ):
                continue
            self._newest[monitor.name] = start
            for name in MEASURES:
                value = observed.get(name, [None] * len(verdicts))[row]
                if value is not None:
                    self._gauges[f"fraud_model_{name}", ()] = round(value, DIGITS)

    def _count(self, normal: int, anomalies: int) -> None:
        for result, count in (("normal", normal), ("anomaly", anomalies)):
            place = TRANSACTIONS, (result,)
            self._gauges[place] = self._gauges.get(place, 0) + count
