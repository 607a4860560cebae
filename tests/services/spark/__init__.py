"""Spark as users have it: an environment with the extra ``spark``, the Kafka connector, and processes of the verbs."""

from tests.services.spark.environment import connector, python
from tests.services.spark.verbs import cluster, on_spark, verb

__all__ = ["cluster", "connector", "on_spark", "python", "verb"]
