"""What every detector promises: the same answers however its stream is cut, saved, restored and compiled."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import ModuleType
from typing import Any

from streamgauge.conformance.driving import compare_all, cuts, planned, streams
from streamgauge.conformance.profile import for_any

FEW = 5
"""Streams per check, aligned and not: there are many detectors, and each stream is driven in eight ways."""


def check_detector(
    detector: str | ModuleType, monitor: Mapping[str, Any] | None = None, *, compiled: bool = True
) -> None:
    """Hold a detector to its contract on random streams.

    * Any split into batches gives the same verdicts; so does reading one record at a time.
    * A snapshot taken anywhere and restored into a fresh state goes on as if nothing had happened.
    * An empty step changes nothing; time that passes is all that it brings.
    * Compiled and plain kernels agree to the last bit.

    Args:
        detector: the word after ``type:``, or the module.
        monitor: a whole monitor (``window``, ``detect`` …) over the fields ``key``, ``value``, ``number`` and
            ``word`` of :mod:`streamgauge.conformance.driving`; default: the module's ``EXAMPLE``.
        compiled: whether the compiled kernels are compared too (needs numba, and takes seconds).

    Raises:
        AssertionError: which promise is broken, by which stream.
        ConfigError: the monitor is wrong.
    """
    from streamgauge.config import plugins

    module = plugins.module("detectors", detector) if isinstance(detector, str) else detector
    chosen = monitor if monitor is not None else getattr(module, "EXAMPLE", None)
    assert chosen is not None, (
        f"{module.__name__} has no EXAMPLE: a monitor as a mapping, such as "
        '{"window": {"type": "tumbling", "size": "5s"}, "detect": {"type": …}}; or give one'
    )
    for aligned in (False, True):
        plan = planned(chosen, aligned=aligned)

        for_any(partial(compare_all, plan, compiled=compiled), usual=FEW, given=streams(), cuts=cuts())
