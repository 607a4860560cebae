# ruff: noqa: INP001  a folder of scripts: Prefect loads them by their paths
"""What the environment says about the drift flow; what a run or a deployment gives as a parameter goes before it."""

from __future__ import annotations

import os
from collections.abc import Mapping

from pydantic import BaseModel, Field

VARIABLES = {
    "brokers": "KAFKA_BOOTSTRAP_SERVERS",
    "topic": "KAFKA_TOPIC",
    "group": "KAFKA_GROUP_ID",
    "consumer_config": "KAFKA_CONSUMER_CONFIG",
    "reference": "DRIFT_REFERENCE",
    "rows": "DRIFT_WINDOW_SIZE",
    "least": "DRIFT_MIN_SAMPLES",
    "slices": "DRIFT_SLICES",
    "no_drift": "PSI_NO_DRIFT_THRESHOLD",
    "possible_drift": "PSI_POSSIBLE_DRIFT_THRESHOLD",
    "log": "DRIFT_LOG",
    "report": "DRIFT_REPORT_URL",
}


class Settings(BaseModel):
    """One way to run the flow. The webhook is a secret: it is read where it is used (``SLACK_WEBHOOK_URL``)."""

    brokers: str = Field("localhost:9092", description="KAFKA_BOOTSTRAP_SERVERS: host:port of brokers")
    topic: str = Field("drift-data", description="KAFKA_TOPIC: a topic of JSON objects")
    group: str = Field(
        "drift-flow", description="KAFKA_GROUP_ID: how far the flow has come is kept under this name"
    )
    consumer_config: str | None = Field(
        None,
        description="KAFKA_CONSUMER_CONFIG: a file with settings of librdkafka, for brokers that want a login",
    )
    reference: str = Field(
        "drift.reference", description="DRIFT_REFERENCE: a file of `streamgauge reference build`"
    )
    rows: int = Field(1000, ge=1, description="DRIFT_WINDOW_SIZE: records of a slice, at most")
    least: int = Field(100, ge=1, description="DRIFT_MIN_SAMPLES: with fewer records nothing is compared yet")
    slices: int = Field(1, ge=1, description="DRIFT_SLICES: slices of one run, at most")
    no_drift: float = Field(0.1, description="PSI_NO_DRIFT_THRESHOLD: up to it there is no drift")
    possible_drift: float = Field(0.25, description="PSI_POSSIBLE_DRIFT_THRESHOLD: above it there is drift")
    log: str = Field("logs/psi_drift_log.csv", description="DRIFT_LOG: the CSV file")
    report: str | None = Field(
        None, description="DRIFT_REPORT_URL: where people look further; default: the CSV file"
    )


def settings(given: Mapping[str, object], environ: Mapping[str, str] | None = None) -> Settings:
    """What is given (not None), else what the environment says, else the default.

    Raises:
        ValidationError: a value that does not fit, by its name.
    """
    environ = os.environ if environ is None else environ
    from_there = {name: environ[variable] for name, variable in VARIABLES.items() if environ.get(variable)}
    return Settings(**{**from_there, **{name: value for name, value in given.items() if value is not None}})
