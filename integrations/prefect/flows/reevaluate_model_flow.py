# ruff: noqa: INP001  a folder of scripts: Prefect loads them by their paths
"""Measure a model anew over what is labelled by now, and tell the server: the gauges ``fraud_model_*``."""

from __future__ import annotations

import os
from typing import Any

from calling import RETRIES, call
from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

SHOWN = ("key", "window_start", "labels", "predictions", "precision", "recall", "accuracy", "severity")


@flow(name="reevaluate-model")
def reevaluate_model_flow(
    predictions: list[str],
    labels: list[str] | None = None,
    options: list[str] | None = None,
    since: str | None = None,
    until: str | None = None,
    server: str | None = None,
) -> dict[str, Any]:
    """Join predictions with labels, measure, and post.

    Args:
        predictions: files.
        labels: files, where labels lie apart.
        options: further ones of ``streamgauge evaluate``, such as ``["--id", "tx_id", "--label", "fraud"]``.
        since: only predictions from this moment on (ISO 8601).
        until: only those before, such as of yesterday.
        server: where it is told; default: ``STREAMGAUGE_URL``, else nobody is. The token comes from ``STREAMGAUGE_TOKEN``.

    Returns:
        What was measured over all.
    """
    words = [*predictions, *(word for file in labels or () for word in ("--labels", file)), *(options or ())]
    words += [] if since is None else ["--from", since]
    words += [] if until is None else ["--until", until]
    found = evaluate(words, server or os.environ.get("STREAMGAUGE_URL"))
    show(found)
    return found[0]


@task(**RETRIES, cache_policy=NO_CACHE)
def evaluate(words: list[str], server: str | None) -> list[dict[str, Any]]:
    """``streamgauge evaluate``."""
    return call(["evaluate", *words, *([] if server is None else ["--post", server]), "--json"])


@task(retries=2, cache_policy=NO_CACHE)
def show(found: list[dict[str, Any]]) -> None:
    """A table of all, of keys and of windows."""
    table = [{name: row[name] for name in SHOWN if name in row} for row in found]
    create_table_artifact(table, key="model-quality", description=f"**{found[0]['severity']}**")


if __name__ == "__main__":
    reevaluate_model_flow(os.environ["STREAMGAUGE_PREDICTIONS"].split())
