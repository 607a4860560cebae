"""A real Flink: a JobManager and a TaskManager from the wheel, and a job whose faults tests turn on.

::

    with Flink() as flink:
        job = flink.submit(brokers=kafka.bootstrap, topic=topic)
"""

from tests.services.flink.cluster import Flink
from tests.services.flink.job import Job

__all__ = ["Flink", "Job"]
