"""Runs in Spark's own environment: windows of 5 s per account over a topic, in our two manners or written by hand."""

import json
import sys
import tempfile
from pathlib import Path

from pyspark.sql.functions import col, expr, from_json, struct, timestamp_millis, to_json, window
from pyspark.sql.streaming.state import GroupStateTimeout

from streamgauge.config import load
from streamgauge.engines.spark import driving, job

wanted = json.loads(sys.argv[1])
folder = Path(tempfile.mkdtemp(prefix="streamgauge-spark-"))
settings = job.Settings(
    str(folder / "checkpoint"),
    wanted["out"],
    "local[2]",
    {"spark.jars": wanted["jars"], "spark.driver.memory": "2g", "spark.sql.shuffle.partitions": "2", "spark.ui.enabled": "false",
     "spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"},
    trigger=0,
    most=wanted["records"] // 6,
)  # fmt: skip
FILE = """\
streams:
  payments:
    source: {{type: kafka, brokers: "{brokers}", topic: {topic}, start: earliest}}
    format: json
    fields: {{account: string, amount: {{type: float, min: 0}}, at: {{type: timestamp, unit: ms}}}}
    partitioned_by: account
    time: at
    lateness: 2s
    max_ahead: 36500d
monitors:
  burst:
    stream: payments
    window: {{type: tumbling, size: 5s, by: account, compute: {{events: count(*), spent: sum(amount)}}}}
    detect: {{type: threshold, when: events > {limit}}}
spark: {{fidelity: {fidelity}}}
"""


def exact(spark, fidelity="exact"):
    """The same file as everywhere."""
    config = load(FILE.format(**wanted, fidelity=fidelity))
    driving.make_topics(wanted["brokers"], (settings.topic, settings.times))
    return job.start(spark, config, settings, "exact", driving.begin(spark, config, settings).run)[0]


def native(spark):
    """The same file, with Spark's own windows."""
    return exact(spark, "native")


def count(key, frames, state):
    """One account: counts and sums per window, told once the window is 2 s in the past."""
    import pandas as pd

    open_windows = dict(json.loads(state.get[0])) if state.exists else {}
    newest = 0
    for frame in frames:
        starts = frame["at"] // 5000 * 5000
        newest = max(newest, int(frame["at"].max()))
        for start, (events, spent) in frame.groupby(starts)["amount"].agg(["count", "sum"]).iterrows():
            seen = open_windows.get(str(start), [0, 0.0])
            open_windows[str(start)] = [seen[0] + int(events), seen[1] + float(spent)]
    done = {start: v for start, v in open_windows.items() if int(start) + 5000 <= newest - 2000}
    state.update((json.dumps({s: v for s, v in open_windows.items() if s not in done}),))
    yield pd.DataFrame(
        {"value": [json.dumps({"account": key[0], "at": int(s), "events": v[0], "spent": v[1]}) for s, v in done.items()]}
    )  # fmt: skip


def records(spark):
    """The fields of the topic's records."""
    driving.make_topics(wanted["brokers"], (settings.topic,))
    return (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", wanted["brokers"])
        .option("subscribe", wanted["topic"])
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", settings.most)
        .load()
        .select(from_json(col("value").cast("string"), "account string, amount double, at long").alias("r"))
        .select("r.*")
    )


def written(rows):
    """What leaves goes to Kafka, here as there."""
    return (
        rows.writeStream.format("kafka")
        .option("kafka.bootstrap.servers", wanted["brokers"])
        .option("topic", settings.topic)
        .option("checkpointLocation", settings.checkpoint)
        .outputMode("append")
        .start()
    )


def by_hand(spark):
    """What somebody writes who knows Spark well, and needs state that windows do not keep."""
    return written(
        records(spark)
        .groupBy("account")
        .applyInPandasWithState(count, "value string", "open string", "append", GroupStateTimeout.NoTimeout)
    )


def windows_by_hand(spark):
    """What the same person writes for windows alone."""
    rows = records(spark).withColumn("moment", timestamp_millis("at")).withWatermark("moment", "2 seconds")
    counted = rows.groupBy(window("moment", "5 seconds"), "account").agg(
        expr("count(*) AS events"), expr("sum(amount) AS spent")
    )
    return written(
        counted.select(to_json(struct("account", "window.start", "events", "spent")).alias("value"))
    )


def for_each_batch(spark):
    """All records to the driver, batch by batch, with the state there: fast, and no faster with more executors."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": wanted["brokers"]})
    state = {"open": None}

    def judge(batch, _number):
        table = batch.toArrow()
        if not table.num_rows:
            return
        newest = pc.max(table["at"]).as_py()
        starts = pc.multiply(pc.divide(table["at"], 5000), 5000)
        counted = table.append_column("start", starts).append_column(
            "events", pa.array([1] * len(table), pa.int64())
        )
        counted = counted.select(["account", "start", "events", "amount"])
        if state["open"] is not None:
            counted = pa.concat_tables([counted, state["open"]])
        merged = counted.group_by(["account", "start"]).aggregate([("events", "sum"), ("amount", "sum")])
        merged = merged.rename_columns(["account", "start", "events", "amount"])
        due = pc.less_equal(merged["start"], newest - 7000)
        for row in merged.filter(due).to_pylist():
            producer.produce(settings.topic, json.dumps(row).encode())
            producer.poll(0)
        producer.flush()
        state["open"] = merged.filter(pc.invert(due))

    sink = records(spark).writeStream.foreachBatch(judge)
    return sink.option("checkpointLocation", settings.checkpoint).start()


JOBS = {one.__name__: one for one in (exact, by_hand, for_each_batch, native, windows_by_hand)}
spark = job.session(settings, "benchmark")
spark.sparkContext.setLogLevel("ERROR")
query = JOBS[wanted["how"]](spark)
batches = {}
while sum(batch["rows"] for batch in batches.values()) < wanted["records"] and not query.awaitTermination(
    0.5
):
    for told in query.recentProgress:
        kafka = [source for source in told["sources"] if "KafkaV2" in source["description"]]
        rows = sum(source["numInputRows"] for source in kafka)
        batches[told["batchId"]] = {"rows": rows, "seconds": told["durationMs"]["triggerExecution"] / 1000}
query.stop()
warm = [batch for number, batch in batches.items() if number > 0 and batch["rows"]]
rows, seconds = sum(b["rows"] for b in warm), sum(b["seconds"] for b in warm)
print(
    json.dumps(
        {
            "records": rows,
            "batches": len(warm),
            "seconds": round(seconds, 3),
            "records_per_second": round(rows / seconds),
        }
    )
)
