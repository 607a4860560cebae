"""A start that compiles says so, once it takes long."""

from __future__ import annotations

from datetime import timedelta

from structlog.testing import capture_logs

from streamgauge.engines.running.warm_up import told_if_slow
from streamgauge.testing import eventually


def test_what_takes_long_is_told():
    with capture_logs() as logged, told_if_slow(timedelta(0)):
        eventually(lambda: len(logged) == 1)
    assert "kernels are being compiled" in logged[0]["event"]


def test_what_is_quick_is_not():
    with capture_logs() as logged:
        with told_if_slow(timedelta(hours=1)):
            pass
    assert not logged
