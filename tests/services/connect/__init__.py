"""Kafka Connect as people run it: a distributed worker of Apache Kafka with the plug-in of ``connect/slack-sink``.

::

    with ConnectWorker(broker.bootstrap) as worker:
        worker.put("alerts", {"connector.class": "io.streamgauge.connect.SlackSinkConnector", ...})
"""

from tests.services.connect.plugin import built
from tests.services.connect.worker import ConnectWorker

__all__ = ["ConnectWorker", "built"]
