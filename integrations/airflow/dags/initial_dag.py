# ruff: noqa: INP001  Airflow puts this folder on the path; it is no package
"""Once, and again whenever one likes: check the configurations, then make their topics, tables and series."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, Param, dag, get_current_context, task
from streamgauge_jobs import TRIED_AGAIN, call

READY = Asset("streamgauge://network/ready")


@dag(
    schedule="@once",
    default_args=TRIED_AGAIN,
    max_active_runs=1,
    params={
        "files": Param(["sender.yaml", "streamgauge.yaml"], type="array", description="The configurations."),
        "keys": Param(
            [], type="array", description="Keys to make series of; none: those with a place in a topic."
        ),
    },
    tags=["streamgauge"],
    doc_md=__doc__,
)
def initial_dag() -> None:
    """Each file is checked and prepared by itself; a mistake in one does not stop the others."""

    @task
    def files() -> list[str]:
        return list(get_current_context()["params"]["files"])

    @task(execution_timeout=timedelta(minutes=5))
    def check(file: str) -> str:
        call("check", file)
        return file

    @task(outlets=[READY], execution_timeout=timedelta(minutes=10))
    def prepare(file: str) -> dict[str, Any]:
        keys = get_current_context()["params"]["keys"]
        places = call("prepare", file, *[word for key in keys for word in ("--key", str(key))], "--json")
        made = [f"{one['kind']} {one['name']}" for one in places if one["made"]]
        return {"file": file, "made": made, "there": len(places) - len(made)}

    prepare.expand(file=check.expand(file=files()))


initial_dag()
