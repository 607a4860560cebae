"""What environment variables say, for :mod:`streamgauge.drift_stream`."""

from __future__ import annotations

import math
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

    def __post_init__(self) -> None:
        """Refuse what cannot be run, by the names under which people set it."""
        for variable, name in _NAMES.items():
            wrong = _wrong(name, getattr(self, name))
            if wrong:
                raise ConfigError(f"{_said(variable, name)}: {wrong}, got {getattr(self, name)!r}")
        if self.no_drift > self.possible_drift:
            raise ConfigError(
                f"PSI_NO_DRIFT_THRESHOLD: must not be above PSI_POSSIBLE_DRIFT_THRESHOLD ({self.possible_drift:g}), got "
                f"{self.no_drift:g}"
            )


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


_COUNTS = ("window_size", "check_interval", "min_samples")
_LIMITS = ("no_drift", "possible_drift")
_ARGUMENTS = {"brokers": "bootstrap_servers", "topic": "topic", **{name: name for name in _COUNTS[:2]}}
"""What the arguments of the classes are called."""


def _wrong(name: str, value: object) -> str | None:
    """What was expected instead."""
    number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    if name in _COUNTS and not (isinstance(value, int) and number >= 1):
        return "expected a whole number of records, 1 or more"
    if name in _LIMITS and not (math.isfinite(number) and number > 0):
        return "expected a number above 0"
    if name == "metrics_port" and not 0 <= number <= 65_535:
        return "expected a port, 0 to 65535"
    if name == "slack" and value is not None and not str(value).startswith(("https://", "http://")):
        return "expected a URL such as https://hooks.slack.com/services/…"
    return None


def _said(variable: str, name: str) -> str:
    return f"{variable} (argument `{_ARGUMENTS[name]}`)" if name in _ARGUMENTS else variable


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
