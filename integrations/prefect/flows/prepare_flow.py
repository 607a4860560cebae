# ruff: noqa: INP001  a folder of scripts: Prefect loads them by their paths
"""Once, before the first run: the topics, tables and series that a configuration writes to. Safe to run again."""

from __future__ import annotations

import os
from typing import Any

from calling import RETRIES, call
from prefect import flow, task
from prefect.cache_policies import NO_CACHE


@flow(name="prepare")
def prepare_flow(config: str | None = None) -> list[dict[str, Any]]:
    """Make what is missing.

    Args:
        config: the configuration; default: ``STREAMGAUGE_CONFIG``, else ``streamgauge.yaml``.

    Returns:
        One object per place: sink, kind, name, made.
    """
    return prepare(config or os.environ.get("STREAMGAUGE_CONFIG", "streamgauge.yaml"))


@task(**RETRIES, cache_policy=NO_CACHE)
def prepare(config: str) -> list[dict[str, Any]]:
    """``streamgauge prepare``."""
    return call(["prepare", config, "--json"])


if __name__ == "__main__":
    prepare_flow()
