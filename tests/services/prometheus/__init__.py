"""A real Prometheus, and its promtool."""

from tests.services.prometheus.install import program
from tests.services.prometheus.server import Prometheus

__all__ = ["Prometheus", "program"]
