"""Quality and drift by day: labels that come late, a server with tokens, two ways behind one comparison, a backfill."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.pages import ROOT
from tests.exactness.running import Run, until
from tests.integrations.airflow.installed import PROGRAM, Airflow, command, commands, once
from tests.services.process import free_ports

pytestmark = [pytest.mark.services, pytest.mark.soak]


class Server:
    """A running Streamgauge that takes values of models from whoever has its token."""

    def __init__(self, folder: Path) -> None:
        stream = {
            "source": {"type": "http", "token": "of-the-stream-0123456789"},
            "format": "json",
            "fields": {"at": "timestamp"},
            "time": "at",
        }
        rule = {"stream": "s", "detect": {"type": "silence", "after": "1h"}}
        file = folder / "server.yaml"
        store = f"sqlite:///{folder}/server.db"
        file.write_text(yaml.safe_dump({"streams": {"s": stream}, "monitors": {"m": rule}, "store": store}))
        words = [
            "token",
            "create",
            "airflow",
            "--scope",
            "ingest",
            "--scope",
            "read",
            "--config",
            str(file),
            "--json",
        ]
        made = subprocess.run([PROGRAM, *words], capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stderr
        self.token = json.loads(made.stdout)["token"]
        self.run = Run(file)
        until(lambda: self.run.port, "the server", alive=self.run)
        self.connection = f"http://:{self.token}@127.0.0.1:{self.run.port}"

    def gauges(self) -> dict[str, float]:
        """The values of models that Prometheus would see."""
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self.run.port}/metrics", headers={"Authorization": f"Bearer {self.token}"}
        )
        with urllib.request.urlopen(asked, timeout=60) as answer:
            lines = [line for line in answer.read().decode().splitlines() if line.startswith("fraud_model_")]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


@pytest.fixture
def jobs(tmp_path: Path) -> Path:
    """Predictions and, in the same file, labels that came a day and more later."""
    folder = tmp_path / "jobs"
    folder.mkdir()
    shutil.copy(ROOT / "examples/fraud/scored.csv.gz", folder)
    return folder


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "server").mkdir()
    made = Server(tmp_path / "server")
    with made.run:
        yield made


def measured(jobs: Path, start: str, end: str) -> dict[str, Any]:
    """What the verb itself says of predictions of these days."""
    words = ["evaluate", "scored.csv.gz", "--id", "tx_id", "--prediction", "score", "--label", "fraud"]
    said = subprocess.check_output(
        [PROGRAM, *words, "--from", start, "--until", end, "--json"], cwd=jobs, text=True
    )
    found: dict[str, Any] = json.loads(said.splitlines()[0])
    return found


def shown(overall: dict[str, Any]) -> dict[str, float]:
    return {f"fraud_model_{name}": round(overall[name], 3) for name in ("precision", "recall", "accuracy")}


def test_the_model_is_measured_again_and_a_killed_try_is_tried_again(
    airflow: Callable[..., Airflow], jobs: Path, server: Server, tmp_path: Path
):
    environ = {"AIRFLOW_CONN_STREAMGAUGE": server.connection, **once(tmp_path, "evaluate", "kill -9 $$")}
    flow = airflow(jobs, environ)
    said = flow.bash(command("airflow", "dags", "test", "reevaluate_model"))
    assert flow.tasks("reevaluate_model") == {"evaluate": ("success", 2)}
    (overall,) = flow.results("reevaluate_model", "evaluate")
    assert overall == measured(jobs, "2026-03-02", "2026-03-03")  # labels of the 3rd
    assert shown(overall).items() <= server.gauges().items()
    assert server.token not in said


def test_a_wrong_token_is_no_matter_of_time(airflow: Callable[..., Airflow], jobs: Path, server: Server):
    flow = airflow(jobs, {"AIRFLOW_CONN_STREAMGAUGE": server.connection.replace(server.token[-4:], "0000")})
    line = command("airflow", "dags", "test", "reevaluate_model")
    said = flow.bash(f"! {line}")
    assert flow.tasks("reevaluate_model") == {"evaluate": ("failed", 1)}
    assert "wrong usage or configuration" in said


def test_drift_goes_one_way_and_a_calm_day_the_other(
    airflow: Callable[..., Airflow], tmp_path: Path, server: Server
):
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    for seed, name in ((1, "calm"), (2, "2026-01-01")):
        words = [
            "generate",
            "payments",
            "--seed",
            str(seed),
            "--quiet",
            "--records",
            "20000",
            "--out",
            f"{name}.ndjson",
        ]
        subprocess.run([PROGRAM, *words], cwd=jobs, check=True, capture_output=True)
    lines = [json.loads(line) for line in (jobs / "2026-01-01.ndjson").read_text().splitlines()]
    dear = [json.dumps({**line, "amount": line["amount"] * 3 if line["amount"] else None}) for line in lines]
    (jobs / "2026-01-02.ndjson").write_text("\n".join(dear) + "\n")
    flow = airflow(jobs, {"AIRFLOW_CONN_STREAMGAUGE": server.connection})
    calm, drifted = commands("airflow", "dags", "test", "check_drift")
    flow.bash(calm)
    states = {name: state for name, (state, _) in flow.tasks("check_drift").items()}
    assert (states["steady"], states["drifted"]) == ("success", "skipped")
    assert flow.events("streamgauge://drift/found") == []
    made = (jobs / "payments.reference").stat().st_mtime_ns
    flow.bash(drifted)
    states = {name: state for name, (state, _) in flow.tasks("check_drift").items()}
    assert (states["steady"], states["drifted"]) == ("skipped", "success")
    (event,) = flow.events("streamgauge://drift/found")
    assert (event["day"], event["features"]) == ("2026-01-02", ["amount"])
    assert (jobs / "payments.reference").stat().st_mtime_ns == made  # once
    shown = server.gauges()['fraud_model_feature_drift{feature=""}']
    assert shown == pytest.approx(event["worst"], abs=0.001)


def test_a_backfill_of_three_days_in_which_a_worker_is_killed(
    airflow: Callable[..., Airflow], jobs: Path, server: Server, tmp_path: Path
):
    """By a real scheduler; the first task's process is killed, and the scheduler has it tried again."""
    killed = once(tmp_path, "evaluate", "kill -9 $PPID; sleep 60", having="2026-03-02")
    patient = {
        "STREAMGAUGE_RETRIES": "9",
        "STREAMGAUGE_RETRY_SECONDS": "5",
    }  # the API server may not answer yet
    flow = airflow(jobs, {"AIRFLOW_CONN_STREAMGAUGE": server.connection, **patient, **killed})
    flow.bash("airflow dags reserialize")
    flow.bash(command("airflow", "dags", "unpause", "reevaluate_model"))
    flow.bash(command("airflow", "backfill", "create"))  # first: SQLite lets one write at a time
    all_of_it = flow.standalone(*free_ports(1))
    try:
        ended = "SELECT count(*) FROM dag_run WHERE run_type = 'backfill' AND state IN ('success', 'failed')"
        until(lambda: flow.rows(ended) == [(3,)], "three runs", within=900)
    finally:
        all_of_it.stop()
    query = (
        "SELECT t.state, t.try_number FROM dag_run AS r JOIN task_instance AS t USING (dag_id, run_id) "
        "WHERE r.run_type = 'backfill' ORDER BY r.logical_date"
    )
    states, tries = zip(*flow.rows(query), strict=True)
    assert states == ("success",) * 3, flow.complaints()
    assert (tmp_path / "met-evaluate").exists()
    assert tries[0] >= 2  # more where Airflow itself was too busy to start it
    days = [f"2026-03-0{day}" for day in (2, 3, 4, 5)]
    wanted = [measured(jobs, start, end) for start, end in pairwise(days)]
    assert flow.results("reevaluate_model", "evaluate")[:3] == wanted
    assert shown(wanted[-1]).items() <= server.gauges().items()  # in the order of the days
