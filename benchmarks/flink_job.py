"""Runs in Flink's own environment: submits one SQL job and prints its id."""

import json
import sys

from pyflink.table import EnvironmentSettings, TableEnvironment

SOURCE = """
CREATE TABLE payments (
  account STRING,
  amount DOUBLE,
  `at` BIGINT,
  ts AS TO_TIMESTAMP_LTZ(`at`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '2' SECOND
) WITH (
  'connector' = 'kafka', 'topic' = '{topic}', 'properties.bootstrap.servers' = '{brokers}',
  'properties.group.id' = '{out}', 'scan.startup.mode' = 'earliest-offset',
  'scan.bounded.mode' = 'latest-offset', 'format' = 'json'
)"""

SINK = """
CREATE TABLE bursts (account STRING, `at` BIGINT, events BIGINT, spent DOUBLE) WITH (
  'connector' = 'kafka', 'topic' = '{out}', 'properties.bootstrap.servers' = '{brokers}', 'format' = 'json'
)"""

QUERY = """
INSERT INTO bursts
SELECT account, UNIX_TIMESTAMP(CAST(window_start AS STRING)) * 1000, COUNT(*), SUM(amount)
FROM TABLE(TUMBLE(TABLE payments, DESCRIPTOR(ts), INTERVAL '5' SECONDS))
GROUP BY account, window_start, window_end
HAVING COUNT(*) > {limit}"""

wanted = json.loads(sys.argv[1])
tables = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
for name, value in {
    "execution.target": "remote",
    "rest.address": "127.0.0.1",
    "rest.port": str(wanted["rest"]),
    "parallelism.default": "2",
    "execution.checkpointing.interval": "1 s",
    "table.exec.mini-batch.enabled": "true",
    "table.exec.mini-batch.allow-latency": "1 s",
    "table.exec.mini-batch.size": "5000",
    "table.local-time-zone": "UTC",
}.items():
    tables.get_config().set(name, value)
tables.execute_sql(SOURCE.format(**wanted))
tables.execute_sql(SINK.format(**wanted))
job = tables.execute_sql(QUERY.format(**wanted)).get_job_client().get_job_id()
print(json.dumps({"job": str(job)}))
