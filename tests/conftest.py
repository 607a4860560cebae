"""Fixtures that all tests may use."""

import os
from pathlib import Path

os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(__file__).parent.parent / ".cache" / "numba"))

pytest_plugins = ["tests.services.plugin", "tests.thorough"]
