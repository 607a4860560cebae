"""How a monitor's ``window:`` is written; the word after ``type:`` picks the model."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field, model_validator

from streamgauge.clock import to_micros
from streamgauge.durations import Duration
from streamgauge.settings import Names, PositiveDuration, Settings, wrong

COUNT_ALL: Mapping[str, str] = MappingProxyType({"count": "count(*)"})


class WindowConfig(Settings):
    """What every way of cutting has in common."""

    type: str
    by: Names = ()
    """Group by these fields; without it there is one group."""
    compute: Annotated[dict[str, str], Field(min_length=1)] = Field(default_factory=lambda: dict(COUNT_ALL))
    """What a window holds: names with aggregates, such as `spent: sum(amount)`; default `count: count(*)`."""
    include_empty: bool = False
    """A window without records is a result for every known key."""


class EventTimeConfig(WindowConfig):
    """What windows that event time closes have in common."""

    grace: Duration | None = None
    """How far event time must have passed its end before a window closes; default: the stream's `lateness`."""
    early: bool = True
    """Tell at the record at which a condition first holds; `false`: only what a closed window says."""
    emit: Literal["final", "changes"] = "final"
    """Rows of closed windows only, or (`changes`) one at each record that counted."""


class TumblingConfig(EventTimeConfig):
    """Windows of one length of event time, side by side."""

    type: Literal["tumbling"] = "tumbling"
    size: PositiveDuration
    """Length of a window, such as 5s."""


class HoppingConfig(EventTimeConfig):
    """Windows of one length of event time that overlap: a new one begins every ``advance``."""

    type: Literal["hopping"] = "hopping"
    size: PositiveDuration
    """Length of a window, such as 1m."""
    advance: PositiveDuration
    """How far apart windows begin, such as 10s."""

    @model_validator(mode="after")
    def _advance_fits(self) -> HoppingConfig:
        if self.advance > self.size:
            raise wrong(
                "advance", "must not be longer than `size`: records between two windows would count nowhere"
            )
        return self


class SessionConfig(EventTimeConfig):
    """Records of a key that follow each other: a session is over when nothing came for ``gap``."""

    type: Literal["session"] = "session"
    gap: PositiveDuration
    """The longest pause within a session, such as 30s."""

    @model_validator(mode="after")
    def _never_empty(self) -> SessionConfig:
        if self.include_empty:
            raise wrong("include_empty", "does not fit sessions: there are none without records")
        return self


class CountConfig(WindowConfig):
    """The last ``size`` records of a key, reported at each ``every``-th one."""

    type: Literal["count"] = "count"
    size: Annotated[int, Field(gt=0)]
    """How many of the last records a window holds."""
    every: Annotated[int | None, Field(gt=0)] = None
    """Report at every so many records; default: size."""
    min: Annotated[int | None, Field(gt=0)] = None
    """Report only when it holds at least so many; default: size."""

    @model_validator(mode="after")
    def _parts_fit(self) -> CountConfig:
        if self.every is not None and self.every > self.size:
            raise wrong("every", "must not be larger than `size`: the records between would count nowhere")
        if self.min is not None and self.min > self.size:
            raise wrong("min", "must not be larger than `size`: the window would never report")
        return self

    @property
    def step(self) -> int:
        """Every how many records it reports."""
        return self.size if self.every is None else self.every

    @property
    def least(self) -> int:
        """How many records it must hold before it reports."""
        return self.size if self.min is None else self.min


class RunningConfig(WindowConfig):
    """Everything since the beginning, reported at each full ``every`` of event time."""

    type: Literal["running"] = "running"
    every: PositiveDuration
    """How often it reports, such as 1m."""


WINDOW_TYPES: Mapping[str, type[WindowConfig]] = MappingProxyType(
    {
        "tumbling": TumblingConfig,
        "hopping": HoppingConfig,
        "session": SessionConfig,
        "count": CountConfig,
        "running": RunningConfig,
    }
)


def grid(window: WindowConfig | None) -> tuple[int, int]:
    """How long windows are and how far apart they begin (microseconds); (0, 0) where they lie on no grid."""
    if isinstance(window, TumblingConfig):
        return to_micros(window.size), to_micros(window.size)
    if isinstance(window, HoppingConfig):
        return to_micros(window.size), to_micros(window.advance)
    return 0, 0
