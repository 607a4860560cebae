"""The fraud story on a real Spark: the same file by ``--engine spark``, and a job whose ``foreachBatch`` posts what it found."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from examples.fraud.story.training import past, train
from examples.fraud.story.transactions import BEGIN, CHANGE, Transaction, hours

from streamgauge.testing import eventually
from tests.exactness.running import Run, until
from tests.examples import fraud_reckoning as reckoned
from tests.examples.fraud_stage import FILES, exposed_at
from tests.services.kafka import Broker, unique
from tests.services.process import ServerProcess, free_ports
from tests.services.spark import connector, on_spark, python, verb

pytestmark = [pytest.mark.services, pytest.mark.soak, pytest.mark.timeout(1200)]

DAY = timedelta(days=1)
HOURS = 3 * 24 + 3
"""Half a day of the change, and hours away from where a window ends."""
TOKEN = "a-token-of-the-test"
PATIENCE = timedelta(seconds=480)


@dataclass(frozen=True)
class Played:
    """Payments and labels on topics, the model and the files in a folder."""

    folder: Path
    brokers: str
    topics: dict[str, str]
    payments: list[Transaction]
    training: list[Transaction]


@pytest.fixture(scope="module")
def played(kafka: Broker, tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("fraud-spark")
    trained = train(folder, days=5)
    for file in FILES.glob("*.yaml"):
        shutil.copy(file, folder)
    payments = [one for _, made in hours(BEGIN, HOURS, per_hour=100, seed=1) for one in made]
    end = (BEGIN + timedelta(hours=HOURS)).timestamp() * 1000
    labels = [one for one in payments if one.label()["at"] < end]
    topics = {
        name: kafka.create_topic(unique(name), 2, retention_ms=-1) for name in ("transactions", "labels")
    }
    sent = {"transactions": (payments, Transaction.record), "labels": (labels, Transaction.label)}
    for name, (those, what) in sent.items():
        values, keys = (
            [json.dumps(what(one)).encode() for one in those],
            [one.account.encode() for one in those],
        )
        kafka.produce(topics[name], values, keys=keys)
    return Played(folder, kafka.bootstrap, topics, payments, past(5, 100, 1)[: trained.trained_on])


def incidents(url: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{url}/api/v1/incidents?monitor=moved", trust_env=False).json()[
        "incidents"
    ]
    return found


@pytest.fixture
def running() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_the_same_file_by_the_engine_spark(
    played: Played, monkeypatch: pytest.MonkeyPatch, running: ExitStack
):
    names = {"BROKERS": played.brokers, "TRANSACTIONS": played.topics["transactions"], "METRICS": "none"}
    for name, value in names.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(played.folder)
    file, topic, (port,) = played.folder / "transactions.yaml", unique("verdicts"), free_ports(1)
    spark = on_spark(file, "--topic", topic, log=played.folder / "spark.log")
    running.callback(spark.kill)
    eventually(lambda: _says(played, "spark.log", "query"), "the query", within=PATIENCE)
    told = verb("notify", file, "--topic", topic, "--port", str(port), log=played.folder / "notify.log")
    running.callback(told.kill)

    def there() -> bool:
        assert spark.running, spark.last_words()
        assert told.running, told.last_words()
        try:
            return bool(incidents(f"http://127.0.0.1:{port}"))
        except httpx.HTTPError:
            return False

    eventually(there, "the incident", within=PATIENCE)
    (moved,) = incidents(f"http://127.0.0.1:{port}")
    assert moved["window_start"].startswith(f"{CHANGE:%Y-%m-%dT%H:%M}")
    drifted = [one["feature"] for one in moved["evidence"]["features"] if one["state"] != "no_drift"]
    assert drifted == ["distance"]


def _says(played: Played, name: str, words: str) -> bool:
    path = played.folder / name
    return path.exists() and words in path.read_text("utf-8", errors="replace").lower()


def test_a_jobs_foreach_batch_posts_what_it_found(played: Played, running: ExitStack):
    with Run(played.folder / "from_spark.yaml", env={"STREAMGAUGE_JIT": "off", "INGEST_TOKEN": TOKEN}) as run:
        until(lambda: run.says('"url"'), "the server", alive=run)
        url = f"http://127.0.0.1:{run.port}"
        job = _submitted(played, url)
        running.callback(job.kill)
        eventually(lambda: not job.running, "the job's end", within=PATIENCE)
        days = reckoned.of_window(played.payments, BEGIN, 3 * DAY)
        totals = reckoned.transactions_total(played.folder, days)
        drift = round(reckoned.drift(played.training, played.payments)[""], 3)
        quality = reckoned.quality(played.folder, reckoned.of_window(played.payments, BEGIN + DAY, DAY))
        wanted = {("fraud_transactions_total", result): float(count) for result, count in totals.items()}
        wanted |= {(f"fraud_model_{name}", ""): value for name, value in quality.items()}
        wanted["fraud_model_feature_drift", ""] = drift
        with httpx.Client(trust_env=False) as web:
            eventually(
                lambda: exposed_at(web, url) == wanted, f"{wanted}\n{job.last_words()}", within=PATIENCE
            )


def _submitted(played: Played, url: str) -> ServerProcess:
    """The job in Spark's environment, all that is there in one go."""
    words = [
        "--jars",
        connector(),
        "--master",
        "local[2]",
        "--driver-memory",
        "1g",
        "--conf",
        "spark.ui.enabled=false",
    ]
    home = next(python().parents[1].glob("lib/python*/site-packages/pyspark"))
    given = ["--brokers", played.brokers, "--topics", ",".join(played.topics.values()), "--url", url]
    own = ["--folder", str(played.folder), "--checkpoint", str(played.folder / "job.checkpoint")]
    file = str(FILES / "on_spark.py")
    environ = [
        f"PYSPARK_PYTHON={python()}",
        f"PYTHONPATH={FILES.parents[2]}",
        f"SPARK_HOME={home}",
        f"INGEST_TOKEN={TOKEN}",
    ]
    return ServerProcess(
        ["env", *environ, f"{home}/bin/spark-submit", *words, file, *given, *own], played.folder / "job.log"
    )
