"""What the detectors of a change of level share: it is told once, with when it began and how large it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from streamgauge.batch import BoolArray, Column, IntArray
from streamgauge.detectors.deviating import CHART
from streamgauge.detectors.keyed import Held
from streamgauge.detectors.series import SeriesConfig
from streamgauge.kernels.alarms import Rule
from streamgauge.kernels.shifts import Told
from streamgauge.settings import PositiveDuration

if TYPE_CHECKING:
    import polars as pl

_TOLD = {
    "change_before": Held(np.float64), "change_after": Held(np.float64),
    "change_began": Held(np.int64), "change_results": Held(np.int64),
}  # fmt: skip

SHIFT = {**CHART, **_TOLD}
"""72 bytes per key."""


class ShiftConfig(SeriesConfig):
    """What is written beside the ``type:`` of such a detector."""

    least: Annotated[float, Field(ge=0)] = 0.0
    """The smallest standard deviation that is believed, in the unit of the value: for series that hardly move."""
    accept_after: PositiveDuration = timedelta(hours=1)
    """A change is open until its level is back, or for so long: then the new level is the usual one."""

    def rule(self) -> Rule:
        """As the kernels take it: a sum that rises is no row of alarms, so that nothing is damped."""
        return super().rule()._replace(damping=0.0)


def told_of(arrays: Mapping[str, NDArray[Any]]) -> Told:
    """The open changes of a state, for the kernels."""
    return Told(*[arrays[name] for name in _TOLD])


def room_for(count: int) -> Told:
    """Where a kernel writes what is known of the open change of each row."""
    return Told(
        np.full(count, np.nan), np.full(count, np.nan), np.zeros(count, np.int64), np.zeros(count, np.int64)
    )


def evidence(change: Told) -> dict[str, Column]:
    """When it began, the levels before and since, and in how many results it was found."""
    found = change.results > 0
    results = np.where(found, change.results, np.nan)
    return {
        "began": Column("string", series=_moments(change.began, found)),
        "level_before": Column("float", numbers=change.before),
        "level_since": Column("float", numbers=change.after),
        "found_after_results": Column("int", numbers=results),
    }


def _moments(began: IntArray, found: BoolArray) -> pl.Series:
    """ISO 8601 in UTC with milliseconds, as every output writes moments; made without a loop."""
    import polars as pl

    moments = pl.Series(began).cast(pl.Datetime("us"))
    texts = moments.dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
    return texts.zip_with(pl.Series(found), pl.Series([None], dtype=pl.String))
