"""Who is told of an incident, and in which manner: a tree that is walked from its root.

At each node the first branch that matches takes the incident over; with ``continue`` the next ones are asked too.
Where no branch matches, the node itself tells. What a node does not say it has from the one above.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from streamgauge.incident import Incident, Notice
from streamgauge.incidents.matchers import Matcher, all_hold
from streamgauge.incidents.repeat import Repeat


@dataclass(frozen=True, slots=True)
class Manner:
    """How incidents are gathered and repeated. Times in microseconds.

    Attributes:
        group_by: labels whose values make a group; empty: each incident alone.
        wait: how long a new group waits for more.
        interval: the least time between two notices of a group.
        repeat: how often what goes on is told again.
    """

    group_by: tuple[str, ...] = ()
    wait: int = 0
    interval: int = 300_000_000
    repeat: Repeat = field(default_factory=Repeat)


@dataclass(frozen=True, slots=True)
class Route:
    """One node.

    Attributes:
        path: names it: ``route``, ``route.0``, ``route.0.2``.
        matchers: all must hold; the root has none.
        channels: who is told.
        manner: how.
        go_on: whether the branches after it are asked too.
        branches: asked in order.
    """

    path: str
    matchers: tuple[Matcher, ...]
    channels: tuple[str, ...]
    manner: Manner = field(default_factory=Manner)
    go_on: bool = False
    branches: tuple[Route, ...] = ()


NOBODY = ("",)
"""What a monitor notifies that says it shall be nobody (``notify: []``)."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to people: where it comes from, through which channels, and how."""

    path: str
    channels: tuple[str, ...]
    manner: Manner


def ways(labels: Mapping[str, str], notify: Sequence[str], root: Route) -> list[Way]:
    """The ways of an incident; a monitor that names its channels has one, in the manner of the root."""
    if tuple(notify) == NOBODY:
        return []
    if notify:
        return [Way("notify", tuple(notify), root.manner)]
    return _walk(labels, root)


def _walk(labels: Mapping[str, str], node: Route) -> list[Way]:
    found: list[Way] = []
    for branch in node.branches:
        if all_hold(branch.matchers, labels):
            found += _walk(labels, branch)
            if not branch.go_on:
                break
    return found or [Way(node.path, node.channels, node.manner)]


def route(
    incident: Incident, channels: Sequence[str], n: int | None = None, cause: str | None = None
) -> list[Notice]:
    """One notice per channel; ``n`` (``incident.notices``) says which notice of the incident this is."""
    return [Notice(incident, incident.notices if n is None else n, channel, cause) for channel in channels]
