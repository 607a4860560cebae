"""Which monitors the instances share by partition, and which run on the one that leads."""

from __future__ import annotations

from dataclasses import replace

from streamgauge.config.models import Config
from streamgauge.plan import Group, Plan, StreamPlan, digest

_OWN_WAY = {"brokers", "settings"}
"""How an instance reaches its brokers is its own matter."""


def divided(plan: Plan, config: Config) -> tuple[Plan, Plan]:
    """The part of a plan that is shared by partition, and the leader's; both know all monitors."""
    shared, led = {}, {}
    for name, stream in plan.streams.items():
        written = _written(stream, config)
        apart = [group for group in stream.groups if group.kind == "aligned" and group.by not in written]
        shared[name] = replace(stream, groups=tuple(apart))
        led[name] = replace(stream, groups=tuple(group for group in stream.groups if group not in apart))
    return replace(plan, streams=shared), replace(plan, streams=led)


def digest_of(config: Config) -> str:
    """What all instances must have in common: everything that decides."""
    streams = {
        name: stream.model_dump(mode="json", exclude={"source": _OWN_WAY})
        for name, stream in config.streams.items()
    }
    monitors = {name: monitor.model_dump(mode="json") for name, monitor in config.monitors.items()}
    return digest([streams, monitors])


def _written(stream: StreamPlan, config: Config) -> set[tuple[str, ...]]:
    """Groupings with rows for a sink: the leader keeps what waits for those, so it makes them too.

    All of a grouping goes one way, since its keys are one state.
    """
    writing = {name for name, monitor in config.monitors.items() if monitor.write is not None}
    return {group.by for group in stream.groups if writing & _monitors(group)}


def _monitors(group: Group) -> set[str]:
    below = [one for rows in group.watched.values() for one in rows.every_group]
    return {monitor.name for one in [group, *below] for monitor in one.monitors}
