"""``fidelity: native`` on a real Spark: the windows that it closes are those that the embedded engine counts."""

from __future__ import annotations

import json
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from streamgauge.config import load
from streamgauge.errors import StoreError
from streamgauge.stores import open_reading
from tests.engines.spark.both import held
from tests.engines.spark.world import Verdicts, need_spark, wait
from tests.services.kafka import Broker, unique
from tests.services.spark import on_spark, python, verb

pytestmark = [pytest.mark.services, pytest.mark.soak, pytest.mark.timeout(900)]

T0 = 1_700_000_000
FILE = """\
streams:
  payments:
    source: {{type: kafka, brokers: "{brokers}", topic: {topic}, start: earliest}}
    format: json
    fields: {{account: string, amount: {{type: float, min: 0}}, at: timestamp}}
    time: at
    lateness: 2s
monitors:
  burst:
    stream: payments
    window: {{type: tumbling, size: 5s, by: account, compute: {{n: count(*), spent: sum(amount)}}, early: false}}
    detect: {{type: threshold, when: n > 6}}
  overall:
    stream: payments
    where: amount > 1 and account != 'nobody'
    window: {{type: hopping, size: 6s, advance: 2s, compute: {{mean: avg(amount), most: max(amount)}}}}
    detect: {{type: threshold, when: mean > 10}}
store: sqlite:///{store}
{more}
"""


class Told:
    """One topic, a file for each engine, and what each holds in the end."""

    def __init__(self, kafka: Broker, folder: Path) -> None:
        self.kafka, self.folder = kafka, folder
        self.topic = kafka.create_topic(unique("native"), 3, retention_ms=-1)
        self.verdicts = kafka.create_topic(unique("verdicts"))
        self.embedded = self._file("embedded", "")
        self.native = self._file("native", "spark: {fidelity: native}")

    def _file(self, name: str, more: str) -> Path:
        path = self.folder / f"{name}.yaml"
        store = self.folder / f"{name}.db"
        text = FILE.format(brokers=self.kafka.bootstrap, topic=self.topic, store=store, more=more)
        path.write_text(text, "utf-8")
        return path

    def produce(self, first: int, last: int) -> None:
        """Records in the order of time on three partitions; some that cannot be used."""
        rows: dict[int, list[bytes | None]] = {0: [], 1: [], 2: []}
        for i in range(first, last):
            record = {
                "account": f"a-{i % 4 if not 90 < i < 120 else 1}",
                "amount": (i * 7) % 23 / 2,
                "at": T0 + i * 0.25,
            }
            rows[i % 3].append(json.dumps(record).encode())
            if i % 41 == 3:
                rows[i % 3] += [b"{no", json.dumps(record | {"amount": -1}).encode()]
        for number, values in rows.items():
            self.kafka.produce(self.topic, values, partition=number)

    def found(self, path: Path, upto: int) -> dict[str, Any]:
        """Windows that end by ``upto`` seconds, and the incidents of the first one that fires."""
        config = load(path)
        with closing(open_reading(config.store.url)) as store:
            windows = {
                name: sorted(row for row in store.history(name).rows() if row[2] <= (T0 + upto) * 10**6)
                for name in config.monitors
            }
            incidents = [(i["id"], i["window_start"]) for i in held(store, config)["incidents"]]
        return {"windows": windows, "incidents": incidents}


def _whole(told: Told, path: Path, upto: int) -> bool:
    try:
        windows = told.found(path, 10**6)["windows"]
    except StoreError:
        return False  # not made yet
    return all(max([row[2] for row in rows], default=0) >= (T0 + upto) * 10**6 for rows in windows.values())


PLAN = """
import sys
from pathlib import Path
from pyspark.sql import SparkSession
from streamgauge.config import load
from streamgauge.engines.spark.native import parsed, used, windows
from streamgauge.plan import make_plan

config = load(Path(sys.argv[1]))
building = SparkSession.builder.master("local[1]").config("spark.driver.bindAddress", "127.0.0.1")
building = building.config("spark.driver.host", "127.0.0.1").config("spark.ui.enabled", "false")
spark = building.config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC").getOrCreate()
kafka = spark.sql("SELECT CAST(CAST(id AS STRING) AS BINARY) AS value, timestamp_seconds(id) AS timestamp FROM range(9)")
stream = make_plan(config).streams["payments"]
for group in stream.groups:
    rows = windows(parsed(kafka, stream.config, used(stream)), stream, group, config)
    plan = rows._jdf.queryExecution().optimizedPlan().toString()
    print("plan", plan.count("from_json("), plan.replace("\\n", " ") if plan.count("from_json(") != 1 else "")
"""


def test_sparks_own_plan_reads_each_records_json_once(tmp_path: Path):
    need_spark()
    file = tmp_path / "native.yaml"
    file.write_text(
        FILE.format(brokers="b:9092", topic="t", store=tmp_path / "n.db", more="spark: {fidelity: native}")
    )
    done = subprocess.run(
        [python(), "-c", PLAN, file], capture_output=True, text=True, check=False, timeout=300
    )
    assert [line.strip() for line in done.stdout.splitlines()] == ["plan 1", "plan 1"], done.stderr


def test_windows_that_spark_counts_are_those_of_the_embedded_engine(kafka: Broker, tmp_path: Path):
    need_spark()
    told = Told(kafka, tmp_path)
    options = ("--topic", told.verdicts, "--checkpoint", tmp_path / "checkpoint")
    told.produce(0, 160)
    look = Verdicts(kafka, told.verdicts)
    spark = on_spark(told.native, *options, log=tmp_path / "first.log")
    processes = [spark]
    try:
        wait(spark, lambda: any(line["kind"] == "counted" for line in look.read()))
        told.produce(160, 320)
        spark.kill()  # in a batch, or just before it
        again = on_spark(told.native, *options, log=tmp_path / "second.log")
        notify = verb(
            "notify", told.native, "--topic", told.verdicts, "--port", "0", log=tmp_path / "notify.log"
        )
        embedded = verb("run", told.embedded, "--port", "0", log=tmp_path / "embedded.log")
        processes += [again, notify, embedded]
        wait(again, lambda: look.read() is not None and _whole(told, told.native, 70))
        wait(embedded, lambda: _whole(told, told.embedded, 70))
        mine, theirs = told.found(told.native, 70), told.found(told.embedded, 70)
        assert mine["windows"] == theirs["windows"]
        assert mine["incidents"] == theirs["incidents"] != []
    finally:
        look.close()
        for process in processes:
            process.kill()
