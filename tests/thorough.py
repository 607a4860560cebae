"""How long tests look for counter-examples: shortly in every run, for long in ``make soak``.

What a hypothesis test asks for is multiplied by ``STREAMGAUGE_THOROUGH``: a third where nothing is said, 20 in
``make soak``. Every run draws other examples.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

FACTOR = float(os.environ.get("STREAMGAUGE_THOROUGH", "0.33"))
LEAST = 10
"""Examples that are looked at in any case, where a test asks for as many."""

THOROUGH = FACTOR >= 1
"""Whether there is time for all seeds and sizes."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Multiply what each test asks for, or the default."""
    tests: list[Any] = [getattr(item, "obj", None) for item in items]
    for function in {getattr(test, "__func__", test) for test in tests if test is not None}:
        if getattr(function, "is_hypothesis_test", False):
            asked = getattr(function, "_hypothesis_internal_use_settings", None) or settings()
            examples = round(asked.max_examples * FACTOR)
            function._hypothesis_internal_use_settings = settings(
                asked,
                max_examples=max(examples, min(asked.max_examples, LEAST)),
                deadline=None,
                suppress_health_check=[*asked.suppress_health_check, HealthCheck.too_slow],
            )
