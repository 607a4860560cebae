"""What the file says about telling: routes, inhibition, maintenance, the limit of notices."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AwareDatetime, BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from streamgauge.clock import to_micros
from streamgauge.durations import Duration
from streamgauge.incidents.calendar import parse_weekly
from streamgauge.incidents.inhibit import SAME_KEY, InhibitRule
from streamgauge.incidents.learning import Lessons, about
from streamgauge.incidents.limit import Limit
from streamgauge.incidents.matchers import Matcher, parse_matcher
from streamgauge.incidents.repeat import Repeat
from streamgauge.incidents.route import Manner, Route
from streamgauge.incidents.silence import Silence
from streamgauge.incidents.telling import Rules
from streamgauge.settings import Names, PositiveDuration, Settings, wrong

if TYPE_CHECKING:
    from streamgauge.config.models import Config


def _read(value: Any) -> Any:
    texts = (value,) if isinstance(value, str) else value
    if not isinstance(texts, (list, tuple)) or not all(isinstance(text, (str, Matcher)) for text in texts):
        raise ValueError("expected a list of matchers such as severity=critical")
    return tuple(text if isinstance(text, Matcher) else parse_matcher(text) for text in texts)


Matchers = Annotated[
    tuple[Matcher, ...],
    BeforeValidator(_read),
    PlainSerializer(lambda matchers: [str(matcher) for matcher in matchers], return_type=list[str]),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
            "examples": [["severity=critical", "country=~CH|AT"]],
        }
    ),
]
"""Conditions on labels, all of which must hold; always a tuple in Python."""


class FlappingConfig(Settings):
    """When a key flaps, and so must stay clear for longer before its incident ends."""

    openings: Annotated[int, Field(ge=2)] = 3
    """So many incidents of a key …"""
    within: PositiveDuration
    """… in so much event time; for so long it must then stay clear."""


class MannerConfig(Settings):
    """How incidents are gathered and repeated; what a route does not say it has from the one above."""

    channels: Names | None = None
    """Who is told."""
    group_by: Names | None = None
    """Labels whose values make a group; without any, each incident is told alone."""
    group_wait: Duration | None = None
    """How long a new group waits for more; 0s at the root."""
    group_interval: PositiveDuration | None = None
    """The least time between two notices of a group; 5m at the root."""
    repeat_interval: Duration | None = None
    """What goes on is told again after so long; 0s = never; 4h at the root."""
    repeat: Literal["constant", "exponential"] | None = None
    """Whether the time between repeats doubles."""
    routes: Annotated[list[BranchConfig], Field(default_factory=list)]
    """Branches, asked in order."""


class BranchConfig(MannerConfig):
    """A branch of the route."""

    match: Annotated[Matchers, Field(min_length=1)]
    """Which incidents go this way; all must hold."""
    continue_: Annotated[bool, Field(alias="continue")] = False
    """Whether the branches after it are asked too."""


MannerConfig.model_rebuild()


class RouteConfig(MannerConfig):
    """Who is told of incidents whose monitors name no channels: the root of a tree."""


class InhibitConfig(Settings):
    """While an incident that fits `source` is open, those that fit `target` are muted."""

    source: Annotated[Matchers, Field(min_length=1)]
    """The cause."""
    target: Annotated[Matchers, Field(min_length=1)]
    """What follows from it."""
    equal: Names = ()
    """Labels that both must share, with a value."""


class MaintenanceConfig(Settings):
    """A silence that the file declares."""

    match: Annotated[Matchers, Field(min_length=1)]
    """Which incidents are not told; all must hold."""
    weekly: str | None = None
    """Only at these times, such as mon-fri 02:00-04:00."""
    zone: str = "UTC"
    """The time zone of `weekly`, such as Europe/Berlin."""
    start: AwareDatetime | None = None
    """From when on, with its offset from UTC."""
    end: AwareDatetime | None = None
    """Until when, with its offset from UTC."""
    author: str = ""
    """Who wants it so."""
    comment: str = ""
    """Why."""

    @model_validator(mode="after")
    def _some_time(self) -> MaintenanceConfig:
        if self.weekly is None:
            if self.end is None:
                raise wrong("end", "say when: `weekly`, or an `end`")
        else:
            try:
                parse_weekly(self.weekly, self.zone)
            except ValueError as error:
                raise wrong("zone" if "time zone" in str(error) else "weekly", str(error)) from None
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise wrong("end", "must lie after `start`")
        return self


class RateLimitConfig(Settings):
    """How many notices a channel gets; beyond that, one summary per period tells of the rest."""

    notices: Annotated[int, Field(gt=0)]
    """At most so many …"""
    per: PositiveDuration = timedelta(minutes=1)
    """… in so long."""


def rules_of(config: Config) -> Rules:
    """What the stages after an incident are given."""
    root = config.route or RouteConfig.model_validate({})
    limit = config.rate_limit
    return Rules(
        root=_route(root, "route", Route("", (), ("console",))),
        inhibit=(SAME_KEY, *(InhibitRule(each.source, each.target, each.equal) for each in config.inhibit)),
        limit=None if limit is None else Limit(limit.notices, to_micros(limit.per)),
        maintenance=tuple(_silence(name, each) for name, each in config.maintenance.items()),
        streams={name: monitor.stream for name, monitor in config.monitors.items()},
        causes={name: found for name, stream in config.streams.items() if (found := stream.source.causes())},
    )


def lessons_of(config: Config, name: str, by: tuple[str, ...], *, one_by_one: bool) -> Lessons:
    """From which results a monitor's detector learns.

    Args:
        config: checked.
        name: the monitor's.
        by: the fields of its keys.
        one_by_one: whether its incidents may outlast its alarms unseen by the detector, and it can be asked key by key.
    """
    monitor = config.monitors[name]
    known = {**monitor.labels, "monitor": name, "stream": monitor.stream, "incident": "verdict"}
    declared = (_silence(called, each) for called, each in config.maintenance.items())
    accept = getattr(monitor.detect, "accept_after", None)
    outlasts = monitor.clear_after > timedelta(0) or monitor.flapping is not None
    holds = one_by_one and outlasts and isinstance(accept, timedelta)
    return Lessons(tuple(about(declared, known, by)), by, to_micros(accept) if holds and accept else 0)


def channels_of(route: MannerConfig | None) -> list[str]:
    """Every channel that a tree names, each once."""
    if route is None:
        return []
    below = [name for branch in route.routes for name in channels_of(branch)]
    return list(dict.fromkeys([*(route.channels or ()), *below]))


def _route(node: MannerConfig, path: str, above: Route) -> Route:
    here = Route(
        path,
        node.match if isinstance(node, BranchConfig) else (),
        above.channels if node.channels is None else node.channels,
        _manner(node, above.manner),
        isinstance(node, BranchConfig) and node.continue_,
    )
    branches = tuple(_route(branch, f"{path}.{n}", here) for n, branch in enumerate(node.routes))
    return Route(here.path, here.matchers, here.channels, here.manner, here.go_on, branches)


def _manner(node: MannerConfig, above: Manner) -> Manner:
    return Manner(
        above.group_by if node.group_by is None else node.group_by,
        _micros(node.group_wait, above.wait),
        _micros(node.group_interval, above.interval),
        Repeat(
            _micros(node.repeat_interval, above.repeat.interval),
            above.repeat.exponential if node.repeat is None else node.repeat == "exponential",
        ),
    )


def _micros(duration: timedelta | None, above: int) -> int:
    return above if duration is None else to_micros(duration)


def _silence(name: str, each: MaintenanceConfig) -> Silence:
    return Silence(
        f"maintenance {name}",
        each.match,
        _moment(each.start) or 0,
        _moment(each.end),
        each.author or "the configuration",
        each.comment,
        None if each.weekly is None else parse_weekly(each.weekly, each.zone),
    )


def _moment(moment: datetime | None) -> int | None:
    return None if moment is None else to_micros(moment)
