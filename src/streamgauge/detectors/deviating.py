"""What the detectors share that count deviations from a middle: a limit in deviations, and the least that counts as one."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from streamgauge.batch import Column, FloatArray
from streamgauge.detectors.keyed import Held
from streamgauge.detectors.series import SeriesConfig
from streamgauge.kernels.alarms import Answers, Rule
from streamgauge.kernels.charts import Chart
from streamgauge.kernels.levels import DEVIATIONS

CHART = {name: Held(np.int64 if name == "taught" else np.float64) for name in Chart._fields}
"""40 bytes per key: see :class:`streamgauge.kernels.charts.Chart`."""


class DeviationsConfig(SeriesConfig):
    """What is written beside the ``type:`` of such a detector."""

    limits: ClassVar[tuple[str, ...]] = ("budget", "sensitivity", "limit", "deviations")

    deviations: Annotated[float, Field(gt=0)] | None = None
    """A fixed limit in deviations instead of a budget; each result beyond it counts then, without `hold`."""
    least: Annotated[float, Field(ge=0)] = 0.0
    """The smallest deviation that is believed, in the unit of the value: for series that hardly move."""

    def rule(self) -> Rule:
        """As the kernels take it."""
        rule = super().rule()
        if self.deviations is None:
            return rule
        return textbook(rule, (self.deviations / DEVIATIONS) ** 2)


def textbook(rule: Rule, strength: float) -> Rule:
    """The rule that alarms at that strength, whatever alarmed before."""
    return rule._replace(fixed=strength, hold=0, by_time=False, damping=0.0)


def beside(name: str, out: Answers) -> dict[str, Column]:
    """Evidence: the one number that the kernel left beside each row that has a score."""
    return {name: Column("float", numbers=_told(out))}


def _told(out: Answers) -> FloatArray:
    told: FloatArray = np.where(out.score > 0, out.nearest, np.nan)
    return told
