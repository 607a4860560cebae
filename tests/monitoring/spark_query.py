"""Runs in Spark's own environment: a streaming query as users have them, with its endpoints for Prometheus.

Adds up invented rows in windows of event time. Its arguments: a file that makes each row take its time while it is there,
the port of its page, and a folder for checkpoints.
"""

import sys
import time
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql.functions import col, udf, window
from pyspark.sql.functions import sum as total

slow, port, checkpoint = sys.argv[1:]
SETTINGS = {
    "spark.driver.memory": "768m",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.shuffle.partitions": "2",
    "spark.ui.port": port,
    "spark.ui.prometheus.enabled": "true",
    "spark.sql.streaming.metricsEnabled": "true",
    "spark.metrics.namespace": "streamgauge",
    "spark.metrics.conf.*.sink.prometheusServlet.class": "org.apache.spark.metrics.sink.PrometheusServlet",
    "spark.metrics.conf.*.sink.prometheusServlet.path": "/metrics/prometheus",
}


building = SparkSession.builder.master("local[2]").appName("payments")
for name, value in SETTINGS.items():
    building = building.config(name, value)
spark = building.getOrCreate()
spark.sparkContext.setLogLevel("ERROR")


@udf("int")
def looked_at(value):
    if Path(slow).exists():
        time.sleep(0.02)
    return value % 7


(
    spark.readStream.format("rate")
    .option("rowsPerSecond", 200)
    .load()
    .withWatermark("timestamp", "1 second")
    .groupBy(window(col("timestamp"), "2 seconds"), (col("value") % 5).alias("account"))
    .agg(total(looked_at("value")))
    .writeStream.queryName("payments_per_window")
    .outputMode("update")
    .format("noop")
    .option("checkpointLocation", checkpoint)
    .trigger(processingTime="1 second")
    .start()
    .awaitTermination()
)
