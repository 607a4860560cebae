# ruff: noqa: INP001  a folder of scripts: Prefect loads them by their paths
"""Fit a forecast per key of a monitor, keep it, write it to PostgreSQL, and hand the series over from Redis.

A fit that was killed goes on where it was, with what it had fitted; rows of the table are overwritten by the same rows.
"""

from __future__ import annotations

import os
from typing import Any

from calling import RETRIES, call
from handover_flow import handover
from prefect import flow, task
from prefect.cache_policies import NO_CACHE


@flow(name="train-forecasts")
def train_forecasts_flow(
    monitor: str,
    value: str,
    *,
    horizon: str = "1d",
    config: str | None = None,
    keep: str = "forecasts",
    table: str | None = None,
    hand_over: bool = False,
) -> dict[str, Any]:
    """Fit, then hand over.

    Args:
        monitor: whose windows are carried on.
        value: which of its numbers.
        horizon: how far.
        config: the configuration; default: ``STREAMGAUGE_CONFIG``, else ``streamgauge.yaml``.
        keep: the folder of past and forecasts.
        table: of PostgreSQL, at ``STREAMGAUGE_DATABASE``.
        hand_over: whether series of Redis go to PostgreSQL afterwards.

    Returns:
        ``scores``: how earlier forecasts came out, an object per series; ``handover``: what was handed over.
    """
    config = config or os.environ.get("STREAMGAUGE_CONFIG", "streamgauge.yaml")
    scores = fit([monitor, "--value", value, "--horizon", horizon, "--config", config], keep, table)
    return {"scores": scores, "handover": handover(config) if hand_over else None}


@task(**RETRIES, cache_policy=NO_CACHE)
def fit(words: list[str], keep: str, table: str | None) -> list[dict[str, Any]]:
    """``streamgauge forecast``."""
    into = [] if table is None else ["--table", table]
    return call(["forecast", *words, "--keep", keep, *into, "--scores", "--json"])


if __name__ == "__main__":
    train_forecasts_flow(os.environ["STREAMGAUGE_MONITOR"], os.environ["STREAMGAUGE_VALUE"])
