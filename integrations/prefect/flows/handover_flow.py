# ruff: noqa: INP001  a folder of scripts: Prefect loads them by their paths
"""Hand series over from Redis to PostgreSQL: written, compared, and only then removed. May be killed at any point."""

from __future__ import annotations

import os
from typing import Any

from calling import RETRIES, call
from prefect import flow, task
from prefect.cache_policies import NO_CACHE


@flow(name="handover")
def handover_flow(config: str | None = None) -> dict[str, Any]:
    """Hand over what is older than the configuration's ``keep``.

    Args:
        config: the configuration; default: ``STREAMGAUGE_CONFIG``, else ``streamgauge.yaml``.

    Returns:
        What was handed over: series, points, rows, left, checksum …
    """
    return handover(config or os.environ.get("STREAMGAUGE_CONFIG", "streamgauge.yaml"))


@task(**RETRIES, cache_policy=NO_CACHE)
def handover(config: str) -> dict[str, Any]:
    """``streamgauge handover``; while another one runs it is tried again."""
    return call(["handover", "--config", config, "--json"])[0]


if __name__ == "__main__":
    handover_flow()
