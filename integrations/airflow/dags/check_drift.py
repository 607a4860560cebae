# ruff: noqa: INP001  Airflow puts this folder on the path; it is no package
"""Each day: compare the day's records with the reference, feature by feature, and go one of two ways.

Drift tells the asset that other DAGs wait for (`train_forecasts` refits), and the server, if a connection is named.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.sdk import Asset, CronDataIntervalTimetable, Metadata, Param, dag, get_current_context, task
from streamgauge_jobs import TRIED_AGAIN, call, folder, log, options, post

DRIFTED = Asset("streamgauge://drift/found")
REFERENCE = Asset("streamgauge://drift/reference")


@dag(
    schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),  # noqa: UP017  as Airflow's own docs write it
    catchup=False,
    default_args=TRIED_AGAIN,
    max_active_runs=4,
    params={
        "reference": Param("payments.reference", type="string", description="What days are compared with."),
        "baseline": Param(
            "calm.ndjson", type="string", description="Of which file it is made, if it is missing."
        ),
        "current": Param(
            "{day}.ndjson", type="string", description="The file of a day; `{day}` is its date."
        ),
        "features": Param(
            "", type="string", description="Columns, with commas; empty: all of the reference."
        ),
        "method": Param("psi", type="string", description="A drift detector's name."),
        "warning": Param("", type="string", description="Another limit than the detector's."),
        "critical": Param("", type="string", description="Another limit than the detector's."),
        "connection": Param("", type="string", description="The server that is told the drift; empty: none."),
    },
    tags=["streamgauge"],
    doc_md=__doc__,
)
def check_drift() -> None:
    """Reference, comparison, and a branch on what came out."""

    @task(outlets=[REFERENCE], pool="streamgauge_fit", execution_timeout=timedelta(minutes=30))
    def reference() -> str:
        given = get_current_context()["params"]
        if not (folder() / given["reference"]).exists():
            named = {
                "--from": given["baseline"],
                "--out": given["reference"],
                "--features": given["features"],
            }
            call("reference", "build", *options(named), "--json")
        return str(given["reference"])

    @task(execution_timeout=timedelta(minutes=30))
    def compare(against: str) -> dict[str, Any]:
        context = get_current_context()
        given, day = context["params"], context["data_interval_start"].strftime("%Y-%m-%d")
        named = {f"--{name}": given[name] for name in ("method", "features", "warning", "critical")}
        found = call("drift", against, given["current"].format(day=day), *options(named), "--json")
        features = {one["feature"]: one["state"] for one in found if one["kind"] == "feature"}
        overall = next(one for one in found if one["kind"] == "overall")
        return {**overall, "day": day, "states": features}

    @task.branch
    def which(overall: dict[str, Any]) -> str:
        return "drifted" if "drift" in overall["states"].values() else "steady"

    @task
    def tell(overall: dict[str, Any]) -> None:
        connection = get_current_context()["params"]["connection"]
        if connection and overall["value"] is not None:
            post(connection, "/update_metrics", {"drift_score": overall["value"]})

    @task(outlets=[DRIFTED])
    def drifted(overall: dict[str, Any]) -> Any:
        moved = [name for name, state in overall["states"].items() if state == "drift"]
        log.warning("%s drifted on %s: %s", ", ".join(moved), overall["day"], overall)
        yield Metadata(DRIFTED, {"day": overall["day"], "features": moved, "worst": overall["value"]})

    @task
    def steady(overall: dict[str, Any]) -> None:
        log.info("nothing drifted on %s; worst is %s, %s", overall["day"], overall["worst"], overall["value"])

    overall = compare(reference())
    tell(overall)
    which(overall) >> [drifted(overall), steady(overall)]


check_drift()
