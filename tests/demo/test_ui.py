"""``streamgauge demo --ui``: the analysis app beside a demo, over its data, and gone with it."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest

from streamgauge.testing import eventually
from tests.demo.running import demo

pytestmark = pytest.mark.services

APP = re.compile(r"the analysis app: (\S+)")
LONG = timedelta(seconds=120)


def test_the_app_is_there_with_its_monitors_and_goes_with_the_demo():
    running = demo("--ui", "--json", "--port", "0", "--records", "6000", STREAMGAUGE_JIT="off")
    try:
        eventually(lambda: APP.search(running.err) or running.ended, within=LONG)
        found = APP.search(running.err)
        assert found, running.err
        eventually(lambda: answers(f"{found[1]}/_stcore/health"), within=LONG)
        eventually(lambda: "look around at" in running.out + running.err, within=LONG)
        served = re.search(r"look around at (\S+),", running.out + running.err)
        assert served is not None
        offered = httpx.get(f"{served[1]}/api/v1/analysis", timeout=30).json()
        assert {"orders", "mix", "model", "model-estimated"} <= {one["name"] for one in offered["monitors"]}
        assert httpx.get(f"{served[1]}/api/v1/history/orders", timeout=30).json()["windows"] >= 5
        running.interrupt()
        eventually(lambda: running.ended, within=LONG)
        assert not answers(f"{found[1]}/_stcore/health")
    finally:
        running.close()


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).is_success
    except httpx.TransportError:
        return False
