"""``STREAMGAUGE_THOROUGH=20`` lets every hypothesis test look at 20 times as many examples; for ``make soak``."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

FACTOR = int(os.environ.get("STREAMGAUGE_THOROUGH", "1"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Multiply what each test asks for, or the default."""
    if FACTOR == 1:
        return
    tests: list[Any] = [getattr(item, "obj", None) for item in items]
    for function in {getattr(test, "__func__", test) for test in tests if test is not None}:
        if getattr(function, "is_hypothesis_test", False):
            asked = getattr(function, "_hypothesis_internal_use_settings", None) or settings()
            function._hypothesis_internal_use_settings = settings(
                asked,
                max_examples=asked.max_examples * FACTOR,
                deadline=None,
                suppress_health_check=[*asked.suppress_health_check, HealthCheck.too_slow],
            )
