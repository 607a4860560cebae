"""What environment variables say, for :mod:`streamgauge.drift_stream`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from streamgauge.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Settings:
    """Each with the variable that sets it.

    Attributes:
        brokers: ``KAFKA_BOOTSTRAP_SERVERS``.
        topic: ``KAFKA_TOPIC``.
        group: ``KAFKA_GROUP_ID``.
        window_size: ``DRIFT_WINDOW_SIZE``, the last records that are compared.
        check_interval: ``DRIFT_CHECK_INTERVAL``, records between checks.
        min_samples: ``DRIFT_MIN_SAMPLES``, records before the first check.
        no_drift: ``PSI_NO_DRIFT_THRESHOLD``, up to which there is no drift.
        possible_drift: ``PSI_POSSIBLE_DRIFT_THRESHOLD``, up to which there may be.
        metrics_port, metrics_host: ``PROMETHEUS_PORT``, ``PROMETHEUS_HOST``.
        slack: ``SLACK_WEBHOOK_URL``; None = nobody there is told.
    """

    brokers: str = "localhost:9092"
    topic: str = "drift-data"
    group: str = "drift-monitor-group"
    window_size: int = 1000
    check_interval: int = 100
    min_samples: int = 100
    no_drift: float = 0.1
    possible_drift: float = 0.25
    metrics_port: int = 8000
    metrics_host: str = "0.0.0.0"  # noqa: S104  metrics alone are served there
    slack: str | None = None


_NAMES = {
    "KAFKA_BOOTSTRAP_SERVERS": "brokers",
    "KAFKA_TOPIC": "topic",
    "KAFKA_GROUP_ID": "group",
    "DRIFT_WINDOW_SIZE": "window_size",
    "DRIFT_CHECK_INTERVAL": "check_interval",
    "DRIFT_MIN_SAMPLES": "min_samples",
    "PSI_NO_DRIFT_THRESHOLD": "no_drift",
    "PSI_POSSIBLE_DRIFT_THRESHOLD": "possible_drift",
    "PROMETHEUS_PORT": "metrics_port",
    "PROMETHEUS_HOST": "metrics_host",
    "SLACK_WEBHOOK_URL": "slack",
}


def settings(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings that the environment gives.

    Raises:
        ConfigError: a number is none.
    """
    given = os.environ if environ is None else environ
    found: dict[str, str | int | float] = {}
    for variable, name in _NAMES.items():
        text = given.get(variable)
        if not text:
            continue
        default = getattr(Settings(), name)
        kind = type(default) if isinstance(default, int | float) else str
        try:
            found[name] = kind(text)
        except ValueError:
            raise ConfigError(f"{variable}: expected a number, got {text!r}") from None
    return Settings(**found)  # type: ignore[arg-type]
