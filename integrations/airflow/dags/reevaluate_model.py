# ruff: noqa: INP001  Airflow puts this folder on the path; it is no package
"""Each day: join the labels of yesterday with their predictions, measure the model, and tell the server.

Labels come late: those of the data interval belong to predictions of `label_delay` days before it. Precision, recall and
accuracy go to ``POST /update_metrics`` of the connection's server, with its token; too few labels tell nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.sdk import Asset, CronDataIntervalTimetable, Param, dag, get_current_context, task
from streamgauge_jobs import TRIED_AGAIN, call, log, options, server

QUALITY = Asset("streamgauge://model/quality")
TOLD = ("precision", "recall", "accuracy")


@dag(
    schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),  # noqa: UP017  as Airflow's own docs write it
    catchup=False,
    default_args=TRIED_AGAIN,
    max_active_runs=1,
    params={
        "predictions": Param(
            "scored.csv", type="string", description="The file of predictions, or a monitor."
        ),
        "labels": Param("", type="string", description="The file of labels; empty: in the same file."),
        "id": Param("id", type="string", description="The column that joins."),
        "prediction": Param("prediction", type="string", description="The column of predictions."),
        "label": Param("label", type="string", description="The column of labels."),
        "label_delay": Param(1, type="integer", minimum=0, description="Days that labels take."),
        "min_labels": Param(100, type="integer", minimum=1, description="Fewer are not enough data."),
        "fail_when": Param(
            "", type="string", description="End the run as failed if it holds, such as `recall < 0.7`."
        ),
        "connection": Param(
            "streamgauge", type="string", description="The server that is told; empty: none."
        ),
    },
    tags=["streamgauge"],
    doc_md=__doc__,
)
def reevaluate_model() -> None:
    """One job; measuring again gives the same, so a retry tells the same."""

    @task(outlets=[QUALITY], execution_timeout=timedelta(minutes=30))
    def evaluate() -> dict[str, Any]:
        context = get_current_context()
        given, delay = context["params"], timedelta(days=context["params"]["label_delay"])
        named = {f"--{name}": given[name] for name in ("id", "prediction", "label", "labels")}
        named |= {"--min-labels": given["min_labels"], "--fail-when": given["fail_when"]}
        named |= {"--from": (context["data_interval_start"] - delay).isoformat()}
        named |= {"--until": (context["data_interval_end"] - delay).isoformat()}
        environ = {}
        if given["connection"]:
            named["--post"], environ["STREAMGAUGE_TOKEN"] = server(given["connection"])
        found = call("evaluate", given["predictions"], *options(named), "--json", environ=environ)
        overall = next(one for one in found if one["kind"] == "overall")
        log.info("%s", {name: overall.get(name) for name in ("predictions", "labels", *TOLD)})
        return overall

    evaluate()


reevaluate_model()
