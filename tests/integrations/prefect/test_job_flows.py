"""The other flows on real servers: prepare, send, train forecasts and hand over, measure a model anew."""

import json
import math
import subprocess

import polars as pl
import pytest
import yaml

from streamgauge.testing import WebhookReceiver
from tests.handover.filling import KEYS, MOMENTS, Filled
from tests.integrations.prefect.program import COMMAND, FOLDER, Home
from tests.services.kafka import unique

pytestmark = [pytest.mark.services, pytest.mark.soak, pytest.mark.timeout(1200)]
MINUTE = 60_000_000


def ended_well(done):
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_files_are_sent_once_though_the_run_is_killed(kafka, server, tmp_path):
    topic, home = unique("logs"), Home(tmp_path, PREFECT_API_URL=server.api)
    fields = {"src_ip": "string", "n": "int", "at": "timestamp"}
    write = {"type": "kafka", "brokers": kafka.bootstrap, "topic": topic, "partitions": 2}
    stream = {"source": {"type": "files", "path": "data/*.ndjson"}, "format": "json", "fields": fields}
    stream |= {"time": "at", "key": "src_ip", "write": write}
    store = {"store": "sqlite:///sender.db", "server": {"port": 0}}
    (tmp_path / "sender.yaml").write_text(yaml.safe_dump({"streams": {"files": stream}, **store}))
    (tmp_path / "data").mkdir()
    prepared = ended_well(home.flow("prepare_flow", STREAMGAUGE_CONFIG="sender.yaml"))
    assert "Completed" in prepared
    assert topic in kafka.admin.list_topics(timeout=30).topics
    for day in (1, 2):
        lines = [
            {"src_ip": "10.0.0.1", "n": 500 * day + n, "at": f"2026-03-0{day}T10:00:00Z"} for n in range(500)
        ]
        (tmp_path / f"data/day{day}.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))
        home.fault("killed", "run")
        ended_well(home.flow("send_flow"))
    sent = [json.loads(one.value())["n"] for one in kafka.read(topic, 1000, 2, whole=True)]
    assert sorted(sent) == list(range(500, 1500))
    assert len(home.called("run")) == 4


def test_forecasts_are_trained_and_series_handed_over(redis_server, postgres, server, tmp_path):
    database = postgres.new_database()
    filled = Filled(redis_server, database, tmp_path, unique("logs"))
    given = yaml.safe_load(filled.config.read_text())
    given["streams"]["sizes"] = {
        "source": {"type": "files", "path": "sizes.csv"}, "format": "csv", "time": "at",
        "fields": {"size": "float", "at": "timestamp"},
    }  # fmt: skip
    window = {"type": "tumbling", "size": "1m", "compute": {"mean": "avg(size)"}}
    judged = {"stream": "sizes", "window": window, "detect": {"type": "threshold", "when": "mean > 1000"}}
    given |= {"monitors": {"minutes": judged}, "store": "sqlite:///train.db", "server": {"port": 0}}
    (tmp_path / "streamgauge.yaml").write_text(yaml.safe_dump(given))
    rows = [{"at": n * MINUTE // 1000 + 1_772_445_600_000, "size": 10 + math.sin(n)} for n in range(60)]
    pl.DataFrame(rows).write_csv(tmp_path / "sizes.csv")
    (tmp_path / "none.ndjson").touch()
    wanted, home = (
        filled.put(),
        Home(tmp_path, PREFECT_API_URL=server.api, STREAMGAUGE_DATABASE=database.url()),
    )
    subprocess.run([COMMAND, "run", "streamgauge.yaml"], cwd=tmp_path, check=True, capture_output=True)
    home.fault("killed", "handover")
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from train_forecasts_flow import train_forecasts_flow as flow;"
        "print(flow('minutes', 'mean', horizon='10m', table='forecasts', hand_over=True))"
    )
    said = ended_well(home.run("-c", script, FOLDER / "flows"))
    assert filled.history() == wanted
    assert filled.hot() == 0
    assert len(home.called("handover")) == 2
    assert f"'points': {2 * KEYS * MOMENTS}" in said or "'points': 0" in said
    assert database.sql("SELECT count(*) FROM forecasts")[0][0] == 10
    assert pl.read_parquet(tmp_path / "forecasts/forecasts.parquet").height == 10
    database.drop()


def test_a_model_is_measured_anew_and_told(server, tmp_path):
    rows = [
        {"id": n, "prediction": 0.9 if n % 2 else 0.1, "at": f"2026-03-01T{n % 24:02}:00:00Z"}
        for n in range(300)
    ]
    pl.DataFrame(rows).write_csv(tmp_path / "scored.csv")
    truth = [{"id": n, "label": n % 2 == 1 and n % 10 != 1} for n in range(300)]
    pl.DataFrame(truth).write_csv(tmp_path / "labels.csv")
    with WebhookReceiver() as receiver:
        home = Home(
            tmp_path, PREFECT_API_URL=server.api, STREAMGAUGE_URL=receiver.url, STREAMGAUGE_TOKEN="sg_1_x"
        )
        script = (
            "import sys; sys.path.insert(0, sys.argv[1]); from reevaluate_model_flow import reevaluate_model_flow as flow;"
            "print(flow(['scored.csv'], ['labels.csv'], ['--window', '1d'], since='2026-03-01', until='2026-03-02'))"
        )
        said = ended_well(home.run("-c", script, FOLDER / "flows"))
        (request,) = receiver.received
    assert request.json == {"precision": 0.8, "recall": 1.0, "accuracy": 0.9}
    assert request.headers["authorization"] == "Bearer sg_1_x"
    assert "'labels': 300" in said
    assert "sg_1_x" not in said
