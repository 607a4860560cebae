"""How hard the checks try."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

EXAMPLES = "STREAMGAUGE_CONFORMANCE_EXAMPLES"
SHRINK = True
"""Whether a failure is made small before it is shown; that takes seconds."""


def examples(usual: int = 10) -> int:
    """Streams per check: ``usual``, unless the variable says otherwise.

    Raises:
        ValueError: the variable does not hold a number.
    """
    text = os.environ.get(EXAMPLES, str(usual))
    if not text.isdigit() or int(text) < 1:
        raise ValueError(f"{EXAMPLES}={text!r} is not a number of examples; write for instance 500")
    return int(text)


def for_any(check: Callable[..., None], *, usual: int = 10, **strategies: Any) -> None:
    """Call ``check`` with whatever Hypothesis draws; the smallest failure is what is raised.

    The same streams each time, unless their number is asked for.
    """
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import strategies as st

    def example(drawn: dict[str, Any]) -> None:
        check(**drawn)

    quick = settings(
        max_examples=examples(usual),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink) if SHRINK else (Phase.generate,),
        database=None,
        derandomize=EXAMPLES not in os.environ,
    )
    quick(given(drawn=st.fixed_dictionaries(strategies))(example))()
