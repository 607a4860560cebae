"""The others, each in an environment of its own under ``.cache/``, made by uv at first use.

A peer that cannot be had is left out, and that is said; everything else is measured all the same.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from benchmarks import elsewhere

PACKAGES = {
    "river": ("river==0.26.1",),
    "evidently": ("evidently==0.7.23", "pandas<3"),
    "nannyml": ("nannyml==0.13.1", "pandas<3", "statsmodels"),
    "feature-engine": ("feature-engine==1.9.4", "pandas<3"),
    "forecasters": ("prophet==1.5.0", "statsforecast==2.1.1"),
}
"""What each environment holds. NannyML's own list lacks statsmodels; neither it nor Evidently takes pandas 3."""

_QUIET = {
    "NML_DISABLE_USAGE_LOGGING": "1",  # NannyML sends usage data to a host of its own by default
    "DO_NOT_TRACK": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


def ask(environment: str, job: str, **arguments: Any) -> Any:
    """What ``benchmarks/detectors/JOB.py`` answers in another environment; None where it cannot be had."""
    try:
        python = elsewhere.environment(environment, *PACKAGES[environment])
        return elsewhere.run_job(python, f"detectors/{job}.py", arguments, env={**os.environ, **_QUIET})
    except (RuntimeError, OSError) as error:
        print(f"{environment}: left out: {error}", file=sys.stderr)
        return None
