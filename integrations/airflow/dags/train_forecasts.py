# ruff: noqa: INP001  Airflow puts this folder on the path; it is no package
"""Fit a forecast per address, then hand the series over from Redis to PostgreSQL, verified.

A refit that was cut off goes on where it was, without fitting again what was fitted. The hand-over writes, compares and only
then removes; here it counts again afterwards whether anything of before is left.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from airflow.sdk import (
    Asset,
    AssetOrTimeSchedule,
    CronTriggerTimetable,
    Param,
    dag,
    get_current_context,
    task,
)
from airflow.sdk.exceptions import AirflowException
from streamgauge_jobs import TRIED_AGAIN, call, options

DRIFTED = Asset("streamgauge://drift/found")
FORECASTS, HISTORY = Asset("streamgauge://network/forecasts"), Asset("streamgauge://network/history")
EVERY = os.environ.get("STREAMGAUGE_TRAIN_SCHEDULE", "*/20 * * * *")
"""Every 20 minutes; `30 1 * * *` is nightly. And whenever drift was found."""


@dag(
    schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable(EVERY, timezone="UTC"), assets=[DRIFTED]),
    default_args=TRIED_AGAIN,
    max_active_runs=1,
    params={
        "config": Param("streamgauge.yaml", type="string", description="The configuration."),
        "monitor": Param("unusual", type="string", description="Whose windows are carried on."),
        "value": Param("unq_dst_ip", type="string", description="Their column."),
        "key": Param("ip", type="string", description="What a series is called by in the table."),
        "horizon": Param("1d", type="string", description="How far."),
        "model": Param("auto", type="string", description="By which model."),
        "keep": Param("forecasts", type="string", description="The folder of the past and all forecasts."),
        "table": Param("forecasts", type="string", description="The table for rows (STREAMGAUGE_DATABASE)."),
        "series": Param("logs", type="string", description="Whose series are handed over; empty: none."),
    },
    tags=["streamgauge"],
    doc_md=__doc__,
)
def train_forecasts() -> None:
    """Two tasks, in the pool of heavy ones."""

    @task(pool="streamgauge_fit", outlets=[FORECASTS], execution_timeout=timedelta(hours=1))
    def fit() -> list[dict[str, Any]]:
        given = get_current_context()["params"]
        named = {
            f"--{name}": given[name]
            for name in ("value", "key", "horizon", "model", "keep", "table", "config")
        }
        words = ["forecast", given["monitor"], *options(named)]
        return call(*words, "--scores", "--json", progress=f"{given['keep']}/progress.json")

    @task(pool="streamgauge_fit", outlets=[HISTORY], execution_timeout=timedelta(hours=1))
    def hand_over() -> dict[str, Any]:
        given = get_current_context()["params"]
        if not given["series"]:
            return {}
        words = ["handover", given["series"], "--config", given["config"], "--json"]
        (done,) = call(*words)
        (after,) = call(*words, "--dry-run", "--before", done["before"])
        if done["left"] or after["points"]:
            raise AirflowException(
                f"{after['points']} samples came meanwhile; the next try hands them over too"
            )
        return done

    fit() >> hand_over()


train_forecasts()
