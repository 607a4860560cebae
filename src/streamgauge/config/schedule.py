"""What the file says about jobs: what runs, when, for how long, and who hears when it fails."""

from __future__ import annotations

import shlex
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from streamgauge.clock import SECOND, to_micros
from streamgauge.incidents.calendar import Weekly, parse_weekly
from streamgauge.settings import Names, PositiveDuration, Settings, nearest, wrong

ENDLESS = frozenset({"demo", "jobs", "run", "top", "ui"})
"""Verbs that wait for somebody, or are about jobs themselves."""


class JobConfig(Settings):
    """A verb that runs by itself at stated times, in a process of its own."""

    run: Annotated[str, Field(min_length=1)]
    """The verb and its options, as on the command line behind `streamgauge`."""
    every: PositiveDuration | None = None
    """Run at each multiple of this, counted from midnight UTC of 1 January 1970."""
    at: Names = ()
    """Run at these times of day, such as 02:00, or mon-fri 02:00."""
    zone: str = "UTC"
    """The time zone of `at`, such as Europe/Berlin."""
    timeout: PositiveDuration = timedelta(hours=6)
    """A run that takes longer is ended and has failed."""
    tries: Annotated[int, Field(ge=1, le=20)] = 3
    """How often a run is tried whose process was killed, or that ended with 3 (something outside is missing)."""
    notify: Names = ("console",)
    """The channels that hear when it fails; without it the `route` decides, else the console is told."""

    @field_validator("every")
    @classmethod
    def _whole_seconds(cls, every: timedelta | None) -> timedelta | None:
        if every is not None and to_micros(every) % SECOND:
            raise ValueError("expected full seconds, such as 20m")
        return every

    @field_validator("run")
    @classmethod
    def _is_a_verb(cls, text: str) -> str:
        first = words(text)[:1]
        known = sorted(_verbs() - ENDLESS)
        if not first or first[0] not in known:
            said = first[0] if first else text
            if said in ENDLESS:
                raise ValueError(
                    f"`{said}` does not end by itself; jobs are verbs such as evaluate or forecast"
                )
            raise ValueError(f"there is no verb `{said}`; {nearest(said, known)}")
        return text

    @model_validator(mode="after")
    def _has_its_times(self) -> JobConfig:
        if (self.every is None) == (not self.at):
            raise wrong("every", "say when: either `every:`, such as 20m, or `at:`, such as 02:00")
        if self.every is not None and self.zone != "UTC":
            raise wrong("zone", "belongs to `at:`; multiples of `every:` are counted in UTC")
        try:
            self.weekly()
        except ValueError as error:
            raise wrong("zone" if "time zone" in str(error) else "at", str(error)) from None
        return self

    def weekly(self) -> tuple[Weekly, ...]:
        """The times of ``at``.

        Raises:
            ValueError: one is none.
        """
        return tuple(_weekly(text, self.zone) for text in self.at)

    @property
    def words(self) -> list[str]:
        """The verb and its arguments, taken apart as a shell does."""
        return words(self.run)

    @property
    def when(self) -> str:
        """When it runs, in words."""
        from streamgauge.clock import format_duration

        if self.every is not None:
            return f"every {format_duration(self.every)}"
        return f"at {', '.join(self.at)} {self.zone}"


def words(text: str) -> list[str]:
    """The words of a command line.

    >>> words("evaluate scored.csv --fail-when 'recall < 0.7'")
    ['evaluate', 'scored.csv', '--fail-when', 'recall < 0.7']

    Raises:
        ValueError: a quotation mark without its end.
    """
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ValueError(f"it cannot be taken apart: {str(error).lower()}") from None


def _weekly(text: str, zone: str) -> Weekly:
    """A time of day, with or without days before it, as a weekly time that begins then."""
    days, _, time = text.strip().rpartition(" ")
    try:
        return parse_weekly(f"{days or 'daily'} {time}-{time}", zone)
    except ValueError as error:
        if "time zone" in str(error):
            raise
        raise ValueError(f"{text!r} is no time of day such as 02:00, or mon-fri 02:00") from None


def _verbs() -> set[str]:
    """The verbs by their files; nothing of them is imported."""
    folder = Path(__file__).parents[1] / "cli"
    return {path.stem.replace("_", "-") for path in folder.glob("*.py") if not path.stem.startswith("_")}
