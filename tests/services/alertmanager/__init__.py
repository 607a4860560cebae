"""A real Prometheus Alertmanager: found on this machine, or built once by Go; up in a moment.

::

    with Alertmanager() as alertmanager:
        alertmanager.alerts()
"""

from tests.services.alertmanager.server import Alertmanager

__all__ = ["Alertmanager"]
