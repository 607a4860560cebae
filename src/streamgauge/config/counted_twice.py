"""Monitors that count the same transactions in one metric, each by itself."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import TYPE_CHECKING

from streamgauge.config.document import Document, Path

if TYPE_CHECKING:
    from streamgauge.config.models import Config, MonitorConfig

_OF_RECORDS = ("model", "outlier", "half_space_trees", "isolation_forest")
_OF_PREDICTIONS = "classification"


def check_counted_twice(config: Config, document: Document, warn: Callable[[Path, str], None]) -> None:
    """Warn of two monitors with one ``metrics_prefix`` that both count what is one transaction.

    A detector of records counts what it judges, a classification the predictions that it reads, which mostly lie on
    another stream; two of one kind count twice only what lies on the same stream.
    """
    counting = [name for name, monitor in config.monitors.items() if _counts(monitor)]
    for first, second in combinations(counting, 2):
        one, other = config.monitors[first], config.monitors[second]
        alike = _is_of_predictions(one) == _is_of_predictions(other)
        elsewhere = config.origin_of(first) != config.origin_of(second)
        if one.metrics_prefix != other.metrics_prefix or (alike and elsewhere):
            continue
        line, _ = document.place(("monitors", first, "metrics_prefix"))
        at = f" ({document.file_of(('monitors', first))}:{line})" if line is not None else ""
        warn(
            ("monitors", second, "metrics_prefix"),
            f"`{first}`{at} and `{second}` both count in {one.metrics_prefix}_transactions_total, so each transaction "
            f"counts twice; {_advice(first, second, config)}",
        )


def _counts(monitor: MonitorConfig) -> bool:
    """Whether it counts transactions."""
    if monitor.metrics_prefix is None or monitor.detect is None:
        return False
    return _is_of_predictions(monitor) or (monitor.window is None and monitor.detect.type in _OF_RECORDS)


def _is_of_predictions(monitor: MonitorConfig) -> bool:
    return monitor.detect is not None and monitor.detect.type == _OF_PREDICTIONS


def _advice(first: str, second: str, config: Config) -> str:
    of_records = [name for name in (first, second) if not _is_of_predictions(config.monitors[name])]
    if len(of_records) == 1:
        return f"leave `metrics_prefix` out of `{of_records[0]}`: only the classification shows precision and recall too"
    return "leave `metrics_prefix` out of one of them"
