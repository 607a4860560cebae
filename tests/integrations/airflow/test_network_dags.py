"""From files to Kafka, Redis, PostgreSQL and forecasts: the example's network, each step by its DAG, with kills between."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.exactness.running import Run, until
from tests.examples.test_network import (
    COLUMNS,
    PLACES,
    Network,
    assert_forecasts,
    assert_history,
    assert_sent_once,
    everything,
)
from tests.integrations.airflow.installed import PROGRAM, Airflow, command, once
from tests.services.kafka import Broker
from tests.services.postgresql import PostgresServer
from tests.services.redis import RedisServer
from tests.sinks.writing import row_id, told

pytestmark = [pytest.mark.services, pytest.mark.soak]


@pytest.fixture
def network(
    kafka: Broker, own_redis: Callable[..., RedisServer], postgres: PostgresServer, tmp_path: Path
) -> Network:
    (tmp_path / "jobs").mkdir()
    made = Network(tmp_path / "jobs", kafka, own_redis(), postgres.new_database())
    made.environ["STREAMGAUGE_DATABASE"] = made.database.url()
    return made


def test_the_first_dag_makes_all_places_and_may_run_again(airflow: Callable[..., Airflow], network: Network):
    flow = airflow(network.folder, network.environ)
    flow.bash(command("airflow", "dags", "test", "initial_dag"))
    made = {one["file"]: one for one in flow.results("initial_dag", "prepare")}
    assert made["sender.yaml"]["made"] == [f"topic {network.logs}"]
    wanted = {f"series {column}_{ip}" for ip in list(PLACES)[:5] for column in COLUMNS}
    assert {*made["streamgauge.yaml"]["made"]} == {*wanted, "table logs", f"topic {network.averages}"}
    topics = network.broker.admin.list_topics(timeout=30).topics
    assert [len(topics[name].partitions) for name in (network.logs, network.averages)] == [6, 6]
    assert network.hot.do("TS.INFO", "unq_dst_ip_10.0.0.1")
    assert network.database.sql("SELECT count(*) FROM logs") == [(0,)]
    flow.bash(command("airflow", "dags", "test", "initial_dag"))
    assert [one["made"] for one in flow.results("initial_dag", "prepare")[2:]] == [[], []]
    assert len(flow.events("streamgauge://network/ready")) == 4


def test_sending_goes_on_where_a_killed_job_and_a_killed_worker_were(
    airflow: Callable[..., Airflow], network: Network, tmp_path: Path
):
    """The job dies after the broker's answer, before that was noted; then all of Airflow dies in the middle."""
    network.days(0, 3)
    killed = once(tmp_path, "run", "export STREAMGAUGE_FAILPOINT=rows.after-before-mark")
    flow = airflow(network.folder, {**network.environ, **killed})
    flow.bash(command("airflow", "dags", "test", "send_data"))
    assert flow.tasks("send_data") == {"send": ("success", 2), "announce": ("success", 1)}
    assert_sent_once(network)
    network.days(3, 6)
    (tmp_path / "second").mkdir()
    power_cut = f'STREAMGAUGE_FAILPOINT=rows.after-before-mark {PROGRAM} "$@"; kill -9 0'
    flow = airflow(network.folder, {**network.environ, **once(tmp_path / "second", "run", power_cut)})
    assert flow.begin(command("airflow", "dags", "test", "send_data")).wait(600) == -signal.SIGKILL
    flow.bash(command("airflow", "dags", "test", "send_data"))
    flow.bash(command("airflow", "dags", "test", "send_data"))
    assert flow.tasks("send_data") == {"send": ("success", 1), "announce": ("skipped", 1)}  # nothing was new
    assert_sent_once(network)


def test_two_runs_at_once_send_each_record_once(
    airflow: Callable[..., Airflow], network: Network, tmp_path: Path
):
    """Two Airflows that know nothing of each other: the store lets one in, the other tries again."""
    network.days(0, 4)
    flows = []
    for mine, other in (("a", "b"), ("b", "a")):
        folder = tmp_path / mine
        folder.mkdir()
        wait = f"for i in $(seq 3000); do [ -d {tmp_path}/{other}/met-run ] && break; sleep 0.1; done"
        flows.append(airflow(network.folder, {**network.environ, **once(folder, "run", wait)}))
    begun = [flow.begin(command("airflow", "dags", "test", "send_data")) for flow in flows]
    assert [one.wait(600) for one in begun] == [0, 0]
    written = [flow.results("send_data", "send")[0]["written"] for flow in flows]
    assert sum(written) == len(network.sent)
    messages = everything(network.broker, network.logs)
    assert len({row_id(message) for message in messages}) == len(messages) == len(network.sent)
    rows = {(row["src_ip"], row["timestamp"]) for _, row in map(told, messages)}
    assert rows == set(network.sent)
    files = [name for flow in flows for one in flow.results("send_data", "send") for name in one["files"]]
    assert len(set(files)) == len(files) == 4  # no file in two of them: none was half sent by one


def test_forecasts_and_a_hand_over_that_is_killed_in_the_middle(
    airflow: Callable[..., Airflow], network: Network, tmp_path: Path
):
    network.days(0, 14)
    network.send()
    wanted = len(network.sent) * len(COLUMNS)
    with Run(network.watch, env={**os.environ, **network.environ, "STREAMGAUGE_JIT": "off"}) as run:
        until(lambda: network.samples() == wanted, "all samples in Redis", alive=run)
        until(lambda: len([one for one in network.incidents() if not one.open]) == 3, "incidents", alive=run)
        assert run.stop() == 0
    killed = once(tmp_path, "handover", "export STREAMGAUGE_FAILPOINT=handover.before-delete")
    flow = airflow(network.folder, {**network.environ, **killed})
    flow.bash(command("airflow", "dags", "test", "train_forecasts"))
    assert flow.tasks("train_forecasts") == {"fit": ("success", 1), "hand_over": ("success", 2)}
    (done,) = flow.results("train_forecasts", "hand_over")
    assert (done["points"], done["left"], network.samples()) == (wanted, 0, 0)
    assert_history(network)
    assert_forecasts(network)
    assert len(flow.events("streamgauge://network/forecasts")) == 1
