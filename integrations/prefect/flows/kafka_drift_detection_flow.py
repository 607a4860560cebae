# ruff: noqa: INP001  a folder of scripts: Prefect loads them by their paths
"""Has a topic drifted from its reference? A flow that takes the next slice of it, compares, logs and tells.

Each slice is compared once, logged once and told at least once, whatever is killed and tried again: the slice is open
until the last step, the comparison of a slice is a function of the slice, and a line of the log names its moment.

Run it with ``python kafka_drift_detection_flow.py``, or deploy it (``prefect.yaml``).
"""

from __future__ import annotations

import hashlib
import os
import re
from datetime import timedelta
from typing import Any

import httpx
from calling import PAUSE, RETRIES, call, folder
from drift_log import noted
from drift_settings import Settings, settings
from prefect import flow, task
from prefect.artifacts import create_link_artifact, create_table_artifact
from prefect.cache_policies import INPUTS, NO_CACHE
from prefect.logging import get_run_logger
from prefect.tasks import exponential_backoff

STATES = {"ok": "no_drift", "warning": "possible_drift", "critical": "drift"}


@flow(name="kafka-drift-detection")
def kafka_drift_detection_flow(
    *,
    brokers: str | None = None,
    topic: str | None = None,
    group: str | None = None,
    reference: str | None = None,
    rows: int | None = None,
    least: int | None = None,
    slices: int | None = None,
    log: str | None = None,
) -> list[dict[str, Any]]:
    """Compare what came since the last run with the reference; what is not given, the environment says.

    Returns:
        One answer per slice: topic, slice, moment, records, psi_score, drift_status, worst.
    """
    asked = settings(
        {"brokers": brokers, "topic": topic, "group": group, "reference": reference}
        | {"rows": rows, "least": least, "slices": slices, "log": log}
    )
    found: list[dict[str, Any]] = []
    while len(found) < asked.slices:
        taken = next_slice(asked)
        if taken["slice"] is None:
            get_run_logger().info("%d records wait, %d are needed", taken["waiting"], asked.least)
            break
        answer = compare(limits(asked), taken["slice"])
        told = summary(asked, taken, answer)
        note(asked.log, told)
        if told["drift_status"] in ("possible_drift", "drift"):
            tell_slack(told, return_state=True)  # who cannot be told must not hold the work up
        show(asked, told, answer)
        finish(asked, taken["slice"])
        found.append(told)
    return found


@task(**RETRIES, cache_policy=NO_CACHE)
def next_slice(asked: Settings) -> dict[str, Any]:
    """Which records come next; the same ones until :func:`finish`."""
    words = [
        "slice",
        "next",
        asked.topic,
        *group_of(asked),
        "--rows",
        str(asked.rows),
        "--min",
        str(asked.least),
    ]
    return call([*words, "--json"])[0]


@task(**RETRIES, cache_policy=INPUTS, cache_expiration=timedelta(days=7), persist_result=True)
def compare(asked: dict[str, Any], offsets: str) -> list[dict[str, Any]]:
    """An object per feature, then one for all. The same slice and reference give the same, so it is computed once."""
    words = ["drift", asked["reference"], asked["topic"], *asked["place"], "--offsets", offsets]
    limits = ["--warning", str(asked["warning"]), "--critical", str(asked["critical"])]
    return call([*words, *limits, "--min", str(asked["least"]), "--json"])


@task(retries=2, cache_policy=NO_CACHE)
def note(log: str, told: dict[str, Any]) -> None:
    """A line of the CSV log."""
    if told["psi_score"] is not None and not noted(
        folder() / log, told["moment"], told["psi_score"], told["drift_status"]
    ):
        get_run_logger().info("%s has the line of this slice already", log)


@task(retries=4, retry_delay_seconds=exponential_backoff(PAUSE), cache_policy=NO_CACHE)
def tell_slack(told: dict[str, Any]) -> bool:
    """A message to the channel of ``SLACK_WEBHOOK_URL``, where that is set."""
    webhook = os.environ.get("SLACK_WEBHOOK_URL")
    if not webhook:
        return False
    text = (
        f"{told['topic']}: {told['drift_status']}, PSI {told['psi_score']:.3f} of {told['worst']} "
        f"in {told['records']} records up to {told['moment']}"
    )
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    answer = httpx.post(webhook, json={"text": plain}, timeout=20)
    if answer.is_error:  # not raise_for_status: its text would show the webhook, which is a secret
        raise RuntimeError(f"Slack answers {answer.status_code}")
    return True


@task(retries=2, cache_policy=NO_CACHE)
def show(asked: Settings, told: dict[str, Any], answer: list[dict[str, Any]]) -> None:
    """A table of the features and a link, to be seen beside the run."""
    key = re.sub(r"[^a-z0-9]+", "-", f"drift-{asked.topic}".lower()).strip("-")
    link = asked.report or (folder() / asked.log).resolve().as_uri()
    features = [row for row in answer if row["kind"] == "feature"]
    table = [{name: row[name] for name in ("feature", "value", "floor", "state")} for row in features]
    head = f"**{told['drift_status']}**: {told['records']} records of {asked.topic} up to {told['moment']}"
    create_table_artifact(table, key=key, description=f"{head}; [more]({link})")
    create_link_artifact(link, link_text=f"drift of {asked.topic}", key=f"{key}-report", description=head)


@task(**RETRIES, cache_policy=NO_CACHE)
def finish(asked: Settings, offsets: str) -> None:
    """The slice is done; the next run begins behind it."""
    call(["slice", "done", asked.topic, offsets, *group_of(asked)])


def limits(asked: Settings) -> dict[str, Any]:
    """All that the answer of a comparison depends on beside the slice; of the reference, what stands in it."""
    file = folder() / asked.reference
    return {
        "topic": asked.topic,
        "place": place(asked),
        "reference": asked.reference,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None,
        "warning": asked.no_drift,
        "critical": asked.possible_drift,
        "least": asked.least,
    }


def summary(asked: Settings, taken: dict[str, Any], answer: list[dict[str, Any]]) -> dict[str, Any]:
    """The answer in short."""
    overall = answer[-1]
    score = next((row["value"] for row in answer if row.get("feature") == overall["worst"]), None)
    return {
        "topic": asked.topic,
        "slice": taken["slice"],
        "moment": taken["taken_at"],
        "records": overall["rows"],
        "psi_score": score,
        "drift_status": STATES.get(overall["severity"], overall["severity"]),
        "worst": overall["worst"],
    }


def place(asked: Settings) -> list[str]:
    """Where the topic is, as the verbs want it."""
    login = ["--consumer-config", asked.consumer_config] if asked.consumer_config else []
    return ["--brokers", asked.brokers, *login]


def group_of(asked: Settings) -> list[str]:
    """The same, and whose slices they are."""
    return [*place(asked), "--group", asked.group]


if __name__ == "__main__":
    for one in kafka_drift_detection_flow():
        print(f"{one['drift_status']}: PSI {one['psi_score']} of {one['worst']}, {one['records']} records")  # noqa: T201
