# ruff: noqa: INP001  a folder of scripts: Prefect loads them by their paths
"""Send what is new in the files of a configuration: a stream of files with ``write: {type: kafka, …}``.

How far it has come stands in the configuration's store, beside what is still to be written: a run that was killed goes on
where it stopped, with no gap, and a second one at the same time is refused and tried again.
"""

from __future__ import annotations

import os
from typing import Any

from calling import OUTSIDE, RETRIES, JobFailedError, call
from prefect import flow, task
from prefect.cache_policies import NO_CACHE


@flow(name="send")
def send_flow(config: str | None = None) -> list[dict[str, Any]]:
    """Read to the end of the files and write.

    Args:
        config: the configuration; default: ``STREAMGAUGE_SENDER``, else ``sender.yaml``.

    Returns:
        One object per stream (records …), then one per sink (written, waiting …).
    """
    return send(config or os.environ.get("STREAMGAUGE_SENDER", "sender.yaml"))


@task(**RETRIES, cache_policy=NO_CACHE)
def send(config: str) -> list[dict[str, Any]]:
    """``streamgauge run``; rows that wait for a server that is away fail it, and the next try sends them."""
    found = call(["run", config, "--summary", "--port", "0"])
    waiting = sum(line["waiting"] for line in found if line["kind"] == "sink")
    if waiting:
        raise JobFailedError(
            OUTSIDE, f"{waiting} rows have not arrived; they are kept, and leave with the next try"
        )
    return found


if __name__ == "__main__":
    send_flow()
