"""Fixtures that all tests may use."""

import os
from pathlib import Path

from hypothesis import settings

os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(__file__).parent.parent / ".cache" / "numba"))

# How long one example takes says nothing on a machine that others use too.
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")

pytest_plugins = ["tests.services.plugin", "tests.thorough"]
