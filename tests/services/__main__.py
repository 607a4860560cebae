"""Brings what the tests' servers are made of, one after the other, so that no test waits for it: ``make servers``.

What cannot be had is left to the tests that need it: they say what to install.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from tests.services.alertmanager import server as alertmanager
from tests.services.chromium import browser
from tests.services.kafka import agent, install
from tests.services.missing import CannotBeHadError
from tests.services.prometheus import program
from tests.services.redis.install import installed as redis
from tests.services.registry.server import installed as registry
from tests.services.spark import connector, python

BROUGHT: dict[str, Callable[[], object]] = {
    "Kafka": install.jars,
    "Spark": python,
    "Spark's connector": connector,
    "Chromium": lambda: browser.found() or browser.brought(),
    "Redis": redis,
    "a schema registry": registry,
    "Prometheus": lambda: program("prometheus"),
    "a JMX agent": agent.jar,
    "Alertmanager": alertmanager.program,
}


def main() -> None:
    """Bring all that is not here yet."""
    for name, bring in BROUGHT.items():
        try:
            bring()
        except CannotBeHadError as missing:
            print(f"{name} is left to its tests: {missing}", file=sys.stderr)  # noqa: T201  this is what it is for


if __name__ == "__main__":
    main()
