"""The dashboards as code: one file each, made into ``../grafana/dashboards/*.json``."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deploy.monitoring.dashboards.panels import Board

NAMES = {
    "kafka-overview": "kafka",
    "flink-overview": "flink",
    "jvm-metrics": "jvm",
    "spark-overview": "spark",
    "fastapi": "fastapi",
    "fraud": "fraud",
    "streamgauge": "streamgauge",
}
"""Each JSON file and the module that it is made of."""


def all_boards() -> dict[str, Board]:
    """Each dashboard by the name of its file."""
    return {
        name: import_module(f"deploy.monitoring.dashboards.{module}").BOARD for name, module in NAMES.items()
    }
