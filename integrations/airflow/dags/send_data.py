# ruff: noqa: INP001  Airflow puts this folder on the path; it is no package
"""Send what is new in the files to Kafka, file by file.

How far each file is sent stands in the store of the sender's configuration, in one transaction with what is still to be sent.
So a task that is killed goes on there, and a second run at the same time is refused by the store and waits for its turn.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, Metadata, Param, dag, get_current_context, task
from airflow.sdk.exceptions import AirflowException, AirflowSkipException
from streamgauge_jobs import TRIED_AGAIN, call

SENT = Asset("streamgauge://network/sent")


@dag(
    schedule=os.environ.get("STREAMGAUGE_SEND_SCHEDULE", "*/5 * * * *"),
    default_args=TRIED_AGAIN,
    max_active_runs=1,
    params={"sender": Param("sender.yaml", type="string", description="The configuration of what is sent.")},
    tags=["streamgauge"],
    doc_md=__doc__,
)
def send_data() -> None:
    """One task sends, one tells the asset; without anything new the asset hears nothing."""

    @task(pool="streamgauge_send", execution_timeout=timedelta(hours=1))
    def send() -> dict[str, Any]:
        told = call("run", get_current_context()["params"]["sender"], "--summary")
        streams = [one for one in told if one.get("kind") == "stream"]
        sinks = [one for one in told if one.get("kind") == "sink"]
        files = {name: count for one in streams for name, count in one["partitions"].items()}
        lost = sum(one["refused"] + one["dropped"] for one in sinks)
        waiting = sum(one["waiting"] for one in sinks)
        if waiting:
            raise AirflowException(
                f"{waiting} rows wait in the store for the broker; the next try sends them"
            )
        return {
            "files": files,
            "records": sum(one["records"] for one in streams),
            "written": sum(one["written"] for one in sinks),
            "not_sent": lost + sum(one["dead_letters"] for one in streams),
        }

    @task(outlets=[SENT])
    def announce(sent: dict[str, Any]) -> Any:
        if not sent["written"]:
            raise AirflowSkipException("nothing was new")
        yield Metadata(SENT, sent)

    announce(send())


send_data()
