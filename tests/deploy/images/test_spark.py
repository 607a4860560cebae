"""The target ``spark`` of the image ``streamgauge``: its Spark reads a real Kafka, in a container that writes nowhere."""

from __future__ import annotations

import json

import pytest

from tests.deploy.images.building import Image
from tests.deploy.images.running import Container
from tests.services.kafka import Broker, unique

pytestmark = [pytest.mark.services, pytest.mark.soak, pytest.mark.timeout(3600)]
COUNTED = """
import sys
from pyspark.sql import SparkSession
session = SparkSession.builder.master("local[1]").config("spark.driver.bindAddress", "127.0.0.1").getOrCreate()
options = {"kafka.bootstrap.servers": sys.argv[1], "subscribe": sys.argv[2]}
rows = session.read.format("kafka").options(**options).load()
print("values:", sorted(row.value.decode() for row in rows.select("value").collect()))
"""


def test_streamgauge_and_spark_are_in_it(spark: Image):
    code, said = Container(spark, "spark-master", ["streamgauge", "--version"]).run()
    assert (code, said.startswith("streamgauge ")) == (0, True)
    code, said = Container(spark, "spark-master", ["cat", "/opt/streamgauge/sbom.cdx.json"]).run()
    assert code == 0
    assert "pyspark" in {one["name"] for one in json.loads(said)["components"]}


def test_its_spark_reads_a_topic(spark: Image, kafka: Broker):
    topic = kafka.create_topic(unique("numbers"), 2)
    kafka.produce(topic, [b"1", b"2", b"3"])
    command = ["python", "-c", COUNTED, kafka.bootstrap, topic]
    environment = {"SPARK_LOCAL_IP": "127.0.0.1"}
    code, said = Container(spark, "spark-master", command, environment=environment).run(within=600)
    assert code == 0, said[-4000:]
    assert "values: ['1', '2', '3']" in said
