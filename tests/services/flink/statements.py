"""Runs in Flink's own environment: submits the job of the tests and prints its id.

Tasks are not chained, so that Flink tells of back-pressure between any two.
"""

import json
import sys

from pyflink.table import EnvironmentSettings, TableEnvironment  # type: ignore[import-not-found]  # another environment

SOURCE = """
CREATE TABLE payments (
  account STRING, note STRING, `at` BIGINT,
  ts AS TO_TIMESTAMP_LTZ(`at`, 3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND
) WITH (
  'connector' = 'kafka', 'topic' = '{topic}', 'properties.bootstrap.servers' = '{brokers}',
  'properties.group.id' = '{out}', 'scan.startup.mode' = 'earliest-offset', 'format' = 'json',
  'json.ignore-parse-errors' = 'true'
)"""
SINK = """
CREATE TABLE counted (account STRING, `at` BIGINT, payments BIGINT) WITH (
  'connector' = 'kafka', 'topic' = '{out}', 'properties.bootstrap.servers' = '{brokers}', 'format' = 'json'
)"""
QUERY = """
INSERT INTO counted
SELECT account, UNIX_TIMESTAMP(CAST(window_start AS STRING)) * 1000, COUNT(looked_at(note, '{folder}/slow'))
FROM TABLE(TUMBLE(TABLE payments, DESCRIPTOR(ts), INTERVAL '1' SECONDS))
GROUP BY account, window_start, window_end"""
SETTINGS = {
    "pipeline.name": "payments_per_second",
    "pipeline.operator-chaining.enabled": "false",
    "parallelism.default": "2",
    "execution.target": "remote",
    "rest.address": "127.0.0.1",
    "execution.checkpointing.interval": "1 s",
    "execution.checkpointing.timeout": "10 s",
    "execution.checkpointing.tolerable-failed-checkpoints": "1000000",
    "table.local-time-zone": "UTC",
}

wanted = json.loads(sys.argv[1])
tables = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
more = {
    "rest.port": str(wanted["rest"]),
    "execution.checkpointing.dir": f"file://{wanted['folder']}/checkpoints",
}
for name, value in {**SETTINGS, **more}.items():
    tables.get_config().set(name, value)
tables.execute_sql("CREATE TEMPORARY FUNCTION looked_at AS 'LookedAt'")
tables.execute_sql(SOURCE.format(**wanted))
tables.execute_sql(SINK.format(**wanted))
job = tables.execute_sql(QUERY.format(**wanted)).get_job_client().get_job_id()
print(json.dumps({"job": str(job)}))  # noqa: T201  a program's answer
