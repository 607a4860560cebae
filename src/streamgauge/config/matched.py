"""Matchers that can mean nothing: a label that no incident has, a monitor that is not there.

They are allowed, since a file that several include may route for all of them; where one is nearly a name that is there,
it is told as a slip of the pen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from streamgauge.config.document import Path
from streamgauge.incidents.labels import RESERVED
from streamgauge.settings import nearest

if TYPE_CHECKING:
    from streamgauge.config.models import Config
    from streamgauge.config.telling import MannerConfig
    from streamgauge.incidents.matchers import Matcher

_NAMES = ("monitor", "stream", "severity")
"""Labels of which all values are known."""


def known_labels(config: Config) -> dict[str, list[str]]:
    """The values of labels that a configuration tells."""
    own: dict[str, list[str]] = {}
    for monitor in config.monitors.values():
        for label, value in monitor.labels.items():
            own.setdefault(label, [""]).append(value)
    streams = [f"stream {name}" for name in config.streams]
    return {
        **own,
        "severity": ["warning", "critical"],
        "monitor": [*config.monitors, *streams],
        "stream": [*config.streams],
        "incident": ["verdict", "no data", "detector failed", "source lost", "key limit", "sink overflow"],
    }


def doubts(config: Config, matchers: Iterable[Matcher]) -> list[str]:
    """What is probably a slip in ``matchers``, one sentence each."""
    return [told for matcher in matchers if (told := _doubt(matcher, config)) is not None]


def check_matched(config: Config, warn: Callable[[Path, str], None]) -> None:
    """Warn of slips in the matchers of routes, inhibition and maintenance."""
    lists: list[tuple[Path, Sequence[Matcher]]] = [
        (("maintenance", name, "match"), each.match) for name, each in config.maintenance.items()
    ]
    for n, rule in enumerate(config.inhibit):
        lists += [(("inhibit", n, "source"), rule.source), (("inhibit", n, "target"), rule.target)]
    if config.route is not None:
        lists += _of_branches(config.route, ("route",))
    for path, matchers in lists:
        for i, matcher in enumerate(matchers):
            told = _doubt(matcher, config)
            if told is not None:
                warn((*path, i), told)


def _of_branches(node: MannerConfig, path: Path) -> list[tuple[Path, Sequence[Matcher]]]:
    found: list[tuple[Path, Sequence[Matcher]]] = []
    for n, branch in enumerate(node.routes):
        here = (*path, "routes", n)
        found += [((*here, "match"), branch.match), *_of_branches(branch, here)]
    return found


def _doubt(matcher: Matcher, config: Config) -> str | None:
    known = known_labels(config)
    labels = list(dict.fromkeys((*RESERVED, *known, *_fields(config))))
    if matcher.label not in labels:
        hint = nearest(matcher.label, labels)
        return f"no incident has the label `{matcher.label}`; {hint}" if hint.startswith("did") else None
    values = known.get(matcher.label, [])
    if matcher.sign == "=" and matcher.label in _NAMES and matcher.value not in values:
        hint = nearest(matcher.value, values)
        return f"there is no {matcher.label} `{matcher.value}`; {hint}" if hint.startswith("did") else None
    return None


def _fields(config: Config) -> Iterable[str]:
    """Every name that a key can be made of."""
    for stream in config.streams.values():
        yield from stream.fields
    for monitor in config.monitors.values():
        if monitor.window is not None:
            yield from (*monitor.window.by, *monitor.window.compute)
